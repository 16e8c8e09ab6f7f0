"""A chart and the rows it draws: the very rows of the table that is its text alternative."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import altair as alt

from hybrid_jax import paper

# The data of every specification, which the page puts in: rows, and straight lines with their names.
POINTS, LINES = "points", "lines"
# Colour and width of a stroke that is seen on bars of every colour: ink on a halo of paper, from below.
ON_BARS = (("var(--paper)", 5.0), ("var(--ink)", 1.6))
# Fields that are shares in [0, 1], which a reader has in percent.
PERCENT = (
    "value", "stderr", "std", "ci_low", "ci_high", "chance", "accuracy", "accuracy_error", "privacy",
    "privacy_error", "privacy_low", "privacy_high",
)  # fmt: skip
COLUMNS = {
    "layer": "layer",
    "method": "method",
    "reduction": "reduction",
    "what": "what",
    "queries": "uploads",
    "noise_relative": "σ / rms",
    "noise_std": "σ",
    "value": "value, %",
    "stderr": "standard error, %",
    "std": "deviation over seeds, %",
    "ci_low": "95 % interval from, %",
    "ci_high": "to, %",
    "chance": "chance, %",
    "n": "samples",
    "seeds": "seed",
}


@dataclass(frozen=True)
class Chart:
    """What the page draws at one place.

    Attributes:
        name: of the element, unique in a page; letters, digits and dashes.
        title: above it.
        description: what it shows, for who does not see it.
        about: what tells it from other charts of this title, "" where there is no other.
        rows: one a mark, plain values of the records behind it.
        lines: straight lines, such as chance: `name` and where they are.
        columns: of the table of `rows`: field -> heading.
        specs: Vega-Lite, by the name of what the reader chooses between; one: no choice. Charts may share them.
        percent: which fields the table writes in percent.
    """

    name: str
    title: str
    description: str
    about: str
    rows: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    columns: dict[str, str]
    specs: dict[str, dict[str, Any]]
    percent: tuple[str, ...] = PERCENT

    @property
    def label(self) -> str:
        """What it is called where its place does not say what it is of; unique in a page."""
        return ", ".join(filter(None, (self.title, self.about)))


@dataclass(frozen=True)
class Block:
    """Charts side by side under one legend.

    Attributes:
        title: above them, "" for none.
        charts: the charts.
        legend: `theme.key`.
        lines: what lines and strokes mean: (style class, words).
        note: how to read them.
        more: blocks of the same kind that are folded away.
    """

    title: str
    charts: list[Chart]
    legend: list[dict[str, str]]
    lines: list[tuple[str, str]]
    note: str
    more: list["Block"] = field(default_factory=list)


def named(*parts: str | None) -> str:
    """The name of an element, of those parts that there are; what no name may hold is a dash in it."""
    return "-".join(re.sub(r"[^\w-]+", "-", part) for part in parts if part)


def row(r: Mapping, what: str | None = None) -> dict[str, Any]:
    """The row of a record: its own values, with the names of layer and method as the paper writes them."""
    return {
        "layer": None if r["layer"] is None else paper.layer_name(r["layer"]),
        "method": paper.method_name(r["method"]),
        "reduction": r["reduction"],
        "what": what,
        "queries": r["queries"],
        "noise_relative": r["noise_relative"],
        "noise_std": r["noise_std"],
        **{name: r[name] for name in ("value", "stderr", "std", "ci_low", "ci_high", "chance")},
        "n": r["n"],
        "seeds": seeds(r),
    }


def columns(rows: Iterable[Mapping], **headings: str) -> dict[str, str]:
    """Those of `COLUMNS` of which some row knows something, with other headings where given."""
    rows = list(rows)
    found = {name: headings.get(name, heading) for name, heading in COLUMNS.items()}
    return {name: text for name, text in found.items() if any(_says(r.get(name)) for r in rows)}


def seeds(r: Mapping) -> str:
    """Of which seed a record is, or the mean over how many."""
    if r.get("seed") is not None:
        return str(r["seed"])
    return "–" if r.get("n_seeds") is None else f"mean of {r['n_seeds']}"


def spec(layers: Iterable[alt.Chart], height: int = 260, **calculated: str) -> dict[str, Any]:
    """The specification of layers over `POINTS`, as wide as the page gives room for.

    Args:
        layers: of Altair, without data or over `LINES`.
        height: pixels of the plot.
        calculated: fields that are calculated, by Vega expressions.
    """
    chart = alt.layer(*layers, data=alt.NamedData(name=POINTS))
    # Altair checks each part as it is made; it would copy the chart once more for every calculated field.
    made = chart.properties(width="container", height=height).to_dict(validate=False)
    made["transform"] = [{"calculate": text, "as": name} for name, text in calculated.items()]
    # The page gives one for all charts; and no name of another host stands in the file.
    return {name: value for name, value in made.items() if name not in ("config", "$schema")}


def in_sight(made: Mapping[str, Any], **domains: list[float]) -> dict[str, Any]:
    """A copy of a specification with other domains of its scales, by the name of the axis."""
    layers = []
    for layer in made["layer"]:
        encoding = dict(layer["encoding"])
        for axis, domain in domains.items():
            if "scale" in encoding.get(axis, {}):
                scale = {**encoding[axis]["scale"], "domain": domain}
                encoding[axis] = {**encoding[axis], "scale": scale}
        layers.append({**layer, "encoding": encoding})
    return {**made, "layer": layers}


def straight(
    form: str = ".1%", field: str = "at", x: bool = False, halo: bool = False, **scales: Any
) -> alt.Chart:
    """The lines of `LINES`, dotted where they are `chance` and dashed else; they say their value.

    Args:
        form: of the value, as d3-format has it.
        field: of `LINES`, where they are.
        x: upright lines, else level ones.
        halo: not the lines, but what lies below them where they cross bars (`ON_BARS`).
        scales: of the axis, such as its title.
    """
    tips = [alt.Tooltip("name:N", title="line"), alt.Tooltip(f"{field}:Q", title="at", format=form)]
    place = {"x": alt.X(f"{field}:Q", **scales)} if x else {"y": alt.Y(f"{field}:Q", **scales)}
    dash = alt.condition("datum.name == 'chance'", alt.value([1, 3]), alt.value([7, 4]))
    lines, (colour, width) = alt.Chart(alt.NamedData(name=LINES)), ON_BARS[0 if halo else 1]
    if halo:
        return lines.mark_rule(color=colour, strokeWidth=width, aria=False).encode(**place)
    return lines.mark_rule(color=colour, strokeWidth=width).encode(
        strokeDash=dash, tooltip=tips, **place
    )


def said(value: str, error: str | None = None, form: str = ".1%") -> str:
    """A Vega expression that writes a field, with its error where there is one."""
    text = f"isValid(datum.{value}) ? format(datum.{value}, '{form}') : '–'"
    if error is None:
        return text
    return f"({text}) + (isValid(datum.{error}) ? ' ± ' + format(datum.{error}, '{form}') : '')"


def record_said() -> dict[str, str]:
    """The fields of a tooltip, as `spec` takes them: `value_said` with its error, and `interval`."""
    low, high = (f"format(datum.{end}, '.1%')" for end in ("ci_low", "ci_high"))
    # The error comes first: what follows reads it.
    return {
        "error": "isValid(datum.std) ? datum.std : datum.stderr",
        "value_said": said("value", "error"),
        "interval": f"isValid(datum.ci_low) ? {low} + ' to ' + {high} : '–'",
    }


def _says(value: Any) -> bool:
    return value is not None and value not in ("", "none")
