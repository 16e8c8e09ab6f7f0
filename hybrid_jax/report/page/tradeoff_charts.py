"""Accuracy against privacy: a chart for each layer, for each sensitive variable and adversary."""

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from hybrid_jax import attacked, paper, results, tradeoff
from hybrid_jax.report.markdown import percent
from hybrid_jax.report.page import theme
from hybrid_jax.report.page.chart import Block, Chart, in_sight, named, said, spec, straight
from hybrid_jax.report.page.tradeoff_rows import AXES, CLOUDS, lines, rows

GALLERIES = ("held_out", "leave_group_out", "leave_one_out", "self")
COLUMNS = {
    "method": "method", "cloud": "cloud half", "noise_relative": "σ / rms", "noise_std": "σ",
    "accuracy": "accuracy, %", "accuracy_error": "accuracy ±, %", "privacy": "privacy, %",
    "privacy_error": "privacy ±, %", "privacy_low": "95 % interval from, %", "privacy_high": "to, %",
    "privacy_index": "index", "operating": "operating noise", "seeds": "seed",
}  # fmt: skip


def block(
    records: Iterable[Mapping], target: str, seeds: str, tolerance: float = 0.02
) -> Block | None:
    """The charts of one sensitive variable, the first adversary's open, the others' folded away.

    Args:
        records: of one run or collected, those that are shown.
        target: the sensitive variable.
        seeds: of which seeds, in words.
        tolerance: accuracy that the operating noise may cost.

    Returns:
        None where there is no curve.
    """
    records = list(records)
    curves = tradeoff.without_autoencoder(tradeoff.headline(records))
    curves = [c for c in curves if c.about["target"] == target]
    if not curves:
        return None
    floors = results.select(
        records, evaluator="privacy", target=target, metric=tuple(f"{f}_label_floor" for f, _ in AXES.values())
    )  # fmt: skip
    specs = {axis: _spec(curves, axis) for axis in AXES}
    operating = tradeoff.operating_points(records, tolerance)
    first, *others = (
        _of_adversary([c for c in curves if c.adversary == adversary], specs, floors, operating, seeds, tolerance)
        for adversary in sorted(tradeoff.adversaries(curves, GALLERIES), key=_place)
    )  # fmt: skip
    return Block(first.title, first.charts, first.legend, first.lines, first.note, others)


def _of_adversary(own, specs, floors, operating, seeds, tolerance) -> Block:
    held = paper.adversary_name(*own[0].adversary)
    drawn: dict[str, list[dict[str, Any]]] = {c.about["layer"]: [] for c in own}
    for c in own:
        drawn[c.about["layer"]] += rows(c, operating.get(c.name), seeds)
    marks = {
        layer: lines(next(c for c in own if c.about["layer"] == layer), floors) for layer in drawn
    }
    # One scale for all layers, so that they can be compared.
    points = [point for some in (*drawn.values(), *marks.values()) for point in some]
    specs = {
        axis: in_sight(
            made,
            x=_domain(points, AXES[axis][0], f"{axis}_low", f"{axis}_high"),
            y=_domain(points, "accuracy"),
        )
        for axis, made in specs.items()
    }
    charts = []
    about = own[0].about
    for layer, points in drawn.items():
        description = (
            f"{about['primary'].capitalize()} accuracy against {about['target']} privacy at"
            f" {paper.layer_name(layer)}, for an adversary who holds {held}: a curve for each method, a point for"
            " each amount of noise. The table below has every point."
        )
        charts.append(
            Chart(
                name=named("tradeoff", about["target"], *own[0].adversary, layer),
                title=paper.layer_name(layer),
                description=description,
                about=f"{about['target']} privacy, the adversary holds {held}",
                rows=points,
                lines=marks[layer],
                columns=COLUMNS,
                specs=specs,
            )
        )  # fmt: skip
    legend = [
        ("dotted", f"chance: {percent(own[0].chance)} %, index 1"),
        ("ring", "operating noise, with its 95 % interval over people"),
    ]
    if any(len(chart.lines) > 1 for chart in charts):
        legend.insert(1, ("dashed", "floor: the true primary label alone"))
    if any(c.about["cloud"] == "retrained" for c in own):
        legend.append(("thin", "cloud half re-trained on noisy features"))
    note = (
        "Noise grows along each curve; privacy to the right is better, accuracy upwards. Operating noise: the largest"
        f" whose validation accuracy is within {100 * tolerance:g} points of noise-free. {own[0].error_name}."
    )
    methods = theme.key(c.about["method"] for c in own)
    return Block(
        f"{about['target'].capitalize()}, the adversary holds: {held}",
        charts,
        methods,
        legend,
        note,
    )


def _spec(curves, axis) -> dict[str, Any]:
    """One for all layers and adversaries, but for what is in sight."""
    field, title = AXES[axis]
    about = curves[0].about
    title = title.format(target=about["target"])
    methods = paper.in_order(c.about["method"] for c in curves)
    names = [paper.method_name(m) for m in methods]
    form = ".0%" if axis == "privacy" else ".1f"
    x = alt.X(
        f"{field}:Q",
        title=title,
        axis=alt.Axis(format=form, tickCount=5),
        scale=alt.Scale(nice=False, zero=False),
    )
    y = alt.Y(
        "accuracy:Q", title=f"{about['primary']} accuracy", axis=alt.Axis(format=".0%", tickCount=6),
        scale=alt.Scale(nice=False, zero=False),
    )  # fmt: skip
    colours = alt.Scale(domain=names, range=[theme.colour(m) for m in methods])
    colour = alt.Color("method:N", scale=colours, legend=None)
    shapes = alt.Scale(domain=names, range=[theme.shape(m) for m in methods])
    dash = alt.StrokeDash(
        "cloud:N",
        scale=alt.Scale(domain=list(CLOUDS.values()), range=[[1, 0], [4, 3]]),
        legend=None,
    )
    trained = f"datum.cloud == '{CLOUDS['original']}'"
    at_operating = f"{trained} && datum.operating == 'yes'"
    plain = alt.Chart()
    tips = [
        alt.Tooltip("method:N"),
        alt.Tooltip("cloud:N", title="cloud half"),
        alt.Tooltip("noise_relative:Q", title="σ / rms", format=".3~g"),
        alt.Tooltip("accuracy_said:N", title="accuracy"),
        alt.Tooltip("privacy_said:N", title="privacy"),
        alt.Tooltip("index_said:N", title="privacy index"),
        alt.Tooltip("operating:N", title="operating noise"),
    ]
    layers = [
        straight(".1%" if axis == "privacy" else ".2f", field, x=True, title=title),
        plain.transform_filter(f"{at_operating} && isValid(datum.privacy_low)")
        .mark_rule(strokeWidth=6, opacity=0.3, strokeCap="butt", aria=False)
        .encode(x=alt.X(f"{axis}_low:Q"), x2=f"{axis}_high:Q", y=y, color=colour),
        plain.transform_filter(trained)
        .mark_rule(opacity=0.7, aria=False)
        .encode(x=alt.X("left:Q"), x2="right:Q", y=y, color=colour),
        plain.transform_filter(trained)
        .mark_rule(opacity=0.7, aria=False)
        .encode(x=x, y=alt.Y("below:Q"), y2="above:Q", color=colour),
        plain.mark_line(aria=False).encode(
            x=x, y=y, color=colour, strokeDash=dash, order="noise_relative:Q",
            detail="cloud:N",
            strokeWidth=alt.condition(trained, alt.value(2), alt.value(1.2)),
        ),
        plain.transform_filter(at_operating)
        .mark_point(size=170, strokeWidth=1.6, filled=False, shape="circle", aria=False)
        .encode(x=x, y=y, color=colour),
        plain.mark_point(filled=True, opacity=1, stroke="transparent", strokeWidth=8).encode(
            x=x, y=y, color=colour, tooltip=tips,
            shape=alt.Shape("method:N", scale=shapes, legend=None),
            size=alt.condition(trained, alt.value(38), alt.value(14)),
        ),
    ]  # fmt: skip
    return spec(
        layers,
        left=f"datum.{field} - datum.{axis}_error",
        right=f"datum.{field} + datum.{axis}_error",
        below="datum.accuracy - datum.accuracy_error",
        above="datum.accuracy + datum.accuracy_error",
        accuracy_said=said("accuracy", "accuracy_error"),
        privacy_said=said("privacy", "privacy_error"),
        index_said=said("privacy_index", form=".3f"),
    )


def _place(adversary: tuple[str, str | None]) -> int:
    """Who holds unseen data comes first, as in the tables of attacks."""
    data = adversary[1]
    return attacked.HEADLINE.index(data) if data in attacked.HEADLINE else len(attacked.HEADLINE)


def _domain(points: list[dict[str, Any]], field: str, *at_operating: str) -> list[float]:
    """The range of a field, and of others at the operating noise, with room around it."""
    values = [point[field] for point in points if point.get(field) is not None]
    values += [
        point[name]
        for point in points
        for name in at_operating
        if point.get("operating") and point[name] is not None
    ]
    room = 0.05 * max(max(values) - min(values), 0.02)
    return [min(values) - room, max(values) + room]
