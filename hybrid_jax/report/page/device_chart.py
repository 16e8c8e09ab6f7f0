"""How long a device takes to run each exported configuration."""

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from hybrid_jax import paper, results
from hybrid_jax.report.device import by_configuration, configuration_name
from hybrid_jax.report.page import theme
from hybrid_jax.report.page.chart import ON_BARS, Block, Chart, columns, row, said, spec

TIMES = ("median_ms", "mean_ms")  # of steady inferences; the first that was measured


def block(records: Iterable[Mapping]) -> Block | None:
    """The bars of each device and format; None where nothing was run on a device."""
    hosts: dict[tuple, list[Mapping]] = {}
    for (host, form, *_), own in by_configuration(records).items():
        found = next((own[name] for name in TIMES if name in own), None)
        if found is not None and found["value"] is not None:
            hosts.setdefault((host, form), []).append(found)
    charts = [
        _chart(place, host, form, own) for place, ((host, form), own) in enumerate(hosts.items())
    ]
    if not charts:
        return None
    methods = [r["method"] for own in hosts.values() for r in own]
    note = "Less is better. Bars: median over runs; strokes: a standard deviation over runs to either side."
    return Block("", charts, theme.key(methods, bars=True), [], note)


def _chart(place: int, host: str, form: str, records: list[Mapping]) -> Chart:
    made = [
        {**row(r), "configuration": configuration_name(r["method"], r["layer"], r["reduction"])}
        for r in records
    ]
    title = f"Time of one inference: {', '.join(filter(None, (form, host)))}"
    description = (
        f"{title}. A bar for each configuration, in milliseconds. The table below has every bar."
    )
    known = columns(made, value="time, ms", n="runs", std="deviation over runs, ms")
    known = {
        name: known[name]
        for name in known
        if name not in ("queries", "noise_relative", "noise_std")
    }
    methods = paper.in_order(results.distinct(records, "method"))
    return Chart(
        f"device-{place}", title, description, "", made, [], known, {"": _spec(made, methods)}, percent=()
    )  # fmt: skip


def _spec(made: list[dict[str, Any]], methods: list[str]) -> dict[str, Any]:
    names = [paper.method_name(m) for m in methods]
    y = alt.Y("configuration:N", sort=[r["configuration"] for r in made], title=None)
    x = alt.X("value:Q", title="ms", axis=alt.Axis(tickCount=5), stack=None)
    colours = alt.Scale(domain=names, range=[theme.colour(m) for m in methods])
    tips = [alt.Tooltip("configuration:N"), alt.Tooltip("value_said:N", title="ms")]
    bars = alt.Chart().mark_bar().encode(
        x=x, y=y, color=alt.Color("method:N", scale=colours, legend=None), tooltip=tips
    )  # fmt: skip
    spread = (
        alt.Chart()
        .transform_filter("isValid(datum.std)")
        .mark_rule(color=stroke, strokeWidth=width, aria=False)
        .encode(x=alt.X("low:Q"), x2="high:Q", y=y)
        for stroke, width in ON_BARS
    )
    return spec(
        [bars, *spread],
        height=24 * len(made) + 20,
        value_said=said("value", "std", ".3~g"),
        low="max(0, datum.value - datum.std)",
        high="datum.value + datum.std",
    )
