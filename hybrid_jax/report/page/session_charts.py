"""Privacy, and the best attack, against the number of uploads that the adversary combines."""

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from hybrid_jax import attacked, paper, results
from hybrid_jax.report.page import theme
from hybrid_jax.report.page.chart import (
    Block,
    Chart,
    columns,
    named,
    record_said,
    row,
    spec,
    straight,
)
from hybrid_jax.tradeoff import MODES, uploads

COMPARED = ("advanced", "simple")  # solid, dashed


def of_privacy(records: Iterable[Mapping], target: str) -> Block | None:
    """The charts of privacy, one for each way to combine; None where no uploads were combined.

    Args:
        records: of one run or collected, those that are shown.
        target: the sensitive variable.
    """
    records = list(records)
    measured = results.select(uploads(records), target=target)
    found = {
        mode: sorted(results.select(measured, mode=mode), key=lambda r: r["queries"])
        for mode in MODES
    }
    note = (
        "Who combines several uploads knows more. Bands: 95 % interval over people. Log-likelihoods are added as if"
        " samples of one person were independent, and they are not."
    )
    layers = results.distinct(records, "layer")
    found = {mode: own for mode, own in found.items() if _known(own)}
    # One scale for all, so that they can be compared.
    reached = _reached([r for own in found.values() for r in own])
    charts = [
        _chart(target, f"Privacy: {MODES[mode]}", f"privacy-{mode}", "privacy: mean rank / K", own, layers, reached)
        for mode, own in found.items()
    ]  # fmt: skip
    return _block(charts, layers, measured, note)


def of_attacks(records: Iterable[Mapping], target: str) -> Block | None:
    """The chart of the best attack; None where no uploads were combined. See `of_privacy`."""
    records = list(records)
    found = [r for *_, rows in attacked.combined(records, target) for r in rows]
    if not _known(found):
        return None
    layers = results.distinct(records, "layer")
    title = f"Best attack: {MODES['session']}, combined"
    note = (
        "Who combines several samples of one person knows more. Bands: 95 % interval over people."
    )
    axis = "named right, balanced accuracy"
    charts = [_chart(target, title, "attack", axis, found, layers, _reached(found))]
    return _block(charts, layers, found, note)


def _reached(records: list[Mapping]) -> list[float]:
    """The least and the largest of values, of their intervals and of chance."""
    names = ("value", "ci_low", "ci_high", "chance")
    values = [r[name] for r in records for name in names if r[name] is not None]
    return [min(values, default=0.0), max(values, default=1.0)]


def _known(records: list[Mapping]) -> bool:
    """Whether more than one number of uploads was measured."""
    return len({r["queries"] for r in records if r["value"] is not None}) > 1


def _block(
    charts: list[Chart], layers: list[str], records: list[Mapping], note: str
) -> Block | None:
    lines = [("dotted", "chance"), ("line", "advanced, at its operating noise")]
    if any(r["method"] == COMPARED[1] for r in records):
        lines.append(("thin", "simple, without protection"))
    return Block("", charts, theme.layer_key(layers), lines, note) if charts else None


def _chart(target, title, name, axis, records, layers, reached) -> Chart:
    made = [row(r) for r in records]
    chance = records[0]["chance"]
    description = (
        f"{title}, for {target}: a line for each layer over the number of uploads combined. Chance is"
        f" {100 * chance:.1f} %. The table below has every point."
    )
    return Chart(
        name=named("uploads", target, name),
        title=title,
        description=description,
        about=target,
        rows=made,
        lines=[{"name": "chance", "at": chance}],
        columns=columns(made),
        specs={"": _spec(made, layers, f"{target} {axis}", reached)},
    )


def _spec(made, layers, axis, reached) -> dict[str, Any]:
    names = [paper.layer_name(layer) for layer in layers]
    numbers = sorted({r["queries"] for r in made})
    x = alt.X(
        "queries:Q",
        title="uploads combined",
        scale=alt.Scale(type="log", base=2, nice=False, domain=[numbers[0], max(numbers[-1], 2)]),
        axis=alt.Axis(values=numbers, format="d", grid=False),
    )
    y = alt.Y("value:Q", title=axis, axis=alt.Axis(format=".0%", tickCount=5))
    y = y.scale(zero=False, nice=True, domain=reached)
    colours = alt.Scale(domain=names, range=[theme.layer_colour(i) for i in range(len(names))])
    colour = alt.Color("layer:N", scale=colours, legend=None)
    shapes = [theme.SHAPES[i % len(theme.SHAPES)] for i in range(len(names))]
    shape = alt.Shape("layer:N", scale=alt.Scale(domain=names, range=shapes), legend=None)
    compared = [paper.method_name(m) for m in COMPARED]
    dash = alt.StrokeDash(
        "method:N", scale=alt.Scale(domain=compared, range=[[1, 0], [5, 3]]), legend=None
    )
    tips = [
        alt.Tooltip("layer:N"),
        alt.Tooltip("method:N"),
        alt.Tooltip("queries:Q", title="uploads", format="d"),
        alt.Tooltip("value_said:N", title=axis),
        alt.Tooltip("interval:N", title="95 %"),
    ]
    layered = [
        straight(),
        alt.Chart()
        .mark_line(strokeWidth=2, aria=False)
        .encode(x=x, y=y, color=colour, strokeDash=dash),
        alt.Chart()
        .mark_point(filled=True, size=45, opacity=1, stroke="transparent", strokeWidth=8)
        .encode(x=x, y=y, color=colour, shape=shape, tooltip=tips),
    ]
    if any(r["method"] != compared[1] and r["ci_low"] is not None for r in made):
        layered.insert(
            0,
            alt.Chart()
            .transform_filter(f"datum.method != '{compared[1]}' && isValid(datum.ci_low)")
            .mark_area(opacity=0.16, aria=False)
            .encode(x=x, y=alt.Y("ci_low:Q"), y2="ci_high:Q", color=colour),
        )
    return spec(layered, height=260, **record_said())
