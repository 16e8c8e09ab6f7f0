"""What the best attacker of each embedding gets: bars by layer and method, in the shape of Fig. 9(b)."""

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from hybrid_jax import attacked, paper, results
from hybrid_jax.report.page import theme
from hybrid_jax.report.page.chart import (
    ON_BARS,
    Block,
    Chart,
    columns,
    named,
    record_said,
    row,
    spec,
    straight,
)

BEST, TRANSFER, PREDICTION = "best attacker", "transfer learning", "classifier's prediction alone"


def block(records: Iterable[Mapping], target: str) -> Block | None:
    """The bars of one sensitive variable; None where nobody was after it.

    Args:
        records: of one run or collected, those that are shown.
        target: the sensitive variable.
    """
    made, chance = rows(records, target)
    if not made:
        return None
    held = paper.adversary_name("held_out", attacked.shown_data(records, target))
    methods = _methods(made)
    description = (
        f"Bars: balanced accuracy with which the best attacker names the {target}, by layer and method, with the 95 %"
        f" interval over people. Guessing is right in {100 * chance:.1f} %. The table below has every bar."
    )
    chart = Chart(
        name=named("attack", target),
        title=f"The best attack on {target}",
        description=description,
        about="",
        rows=made,
        lines=[{"name": "chance", "at": chance}],
        columns={**columns(made, n="samples tried"), "which": "attacker", "n_fit": "samples fitted on"},
        specs={"": _spec(made, methods, target)},
    )  # fmt: skip
    kinds = {r["what"] for r in made}
    lines = [("dotted", f"chance, {100 * chance:.1f} %")]
    if PREDICTION in kinds:
        lines.append(("bar", PREDICTION))
    if TRANSFER in kinds:
        lines.append(("ring", "transfer learning, the paper's attack"))
    note = (
        f"Lower is more private. Attackers hold {held} and are tried on the second half of each recording, or of each"
        " person's images; noisy methods at their operating noise. Strokes: 95 % interval of a bootstrap over people."
    )
    return Block("", [chart], theme.key(methods, bars=True), lines, note)


def rows(records: Iterable[Mapping], target: str) -> tuple[list[dict[str, Any]], float]:
    """The rows of bars, dots and dashes, and chance."""
    found = [r for r in attacked.headline(records, target) if r["reduction"] != "autoencoder"]
    best = results.select(found, metric=attacked.MEASURE, attacker="best")
    drawn = [
        *((r, BEST) for r in best),
        *((r, TRANSFER) for r in results.select(found, metric=attacked.MEASURE, attacker="transfer")),
        *((r, PREDICTION) for r in results.select(found, metric=f"{attacked.MEASURE}_prediction_floor")),
    ]  # fmt: skip
    made = [
        {**row(r, what), "which": r["winner"] or r["attacker"], "n_fit": r["n_fit"]}
        for r, what in drawn
    ]
    return (made, best[0]["chance"]) if best else ([], float("nan"))


def _methods(made: list[dict[str, Any]]) -> list[str]:
    known = {paper.method_name(m): m for m in paper.METHOD_NAMES}
    return paper.in_order(known.get(r["method"], r["method"]) for r in made)


def _spec(made, methods, target) -> dict[str, Any]:
    names, layers = (
        [paper.method_name(m) for m in methods],
        list(dict.fromkeys(r["layer"] for r in made)),
    )
    x = alt.X("layer:N", sort=layers, title=None, axis=alt.Axis(labelAngle=0))
    offset = alt.XOffset("method:N", sort=names, scale=alt.Scale(domain=names))
    y = alt.Y(
        "value:Q",
        title=f"{target} named right, balanced accuracy",
        axis=alt.Axis(format=".0%", tickCount=6),
        scale=alt.Scale(domain=[0, 1]),
    )
    scale = alt.Scale(domain=names, range=[theme.colour(m) for m in methods])
    colour = alt.Color("method:N", scale=scale, legend=None)
    tips = [
        alt.Tooltip("layer:N"),
        alt.Tooltip("method:N"),
        alt.Tooltip("what:N"),
        alt.Tooltip("which:N", title="attacker"),
        alt.Tooltip("value_said:N", title="named right"),
        alt.Tooltip("interval:N", title="95 %"),
        alt.Tooltip("noise_relative:Q", title="σ / rms", format=".3~g"),
    ]

    def of(what: str) -> alt.Chart:
        return alt.Chart().transform_filter(f'datum.what == "{what}"')

    best = of(BEST)
    layered = [
        best.mark_bar(stroke="var(--paper)").encode(
            x=x, xOffset=offset, y=y, color=colour, tooltip=tips
        ),
        straight(halo=True),
        straight(),
        *(
            best.transform_filter("isValid(datum.ci_low)")
            .mark_rule(color=stroke, strokeWidth=width, aria=False)
            .encode(x=x, xOffset=offset, y=alt.Y("ci_low:Q"), y2="ci_high:Q")
            for stroke, width in ON_BARS
        ),
        *(
            of(PREDICTION)
            .mark_tick(color=stroke, thickness=width, opacity=1, aria=False)
            .encode(x=x, xOffset=offset, y=y, tooltip=tips)
            for stroke, width in ON_BARS
        ),
        of(TRANSFER)
        .mark_point(filled=True, size=34, fill="var(--paper)", stroke="var(--ink)", opacity=1)
        .encode(x=x, xOffset=offset, y=y, tooltip=tips),
    ]
    return spec(
        layered,
        height=300,
        **record_said(),
    )
