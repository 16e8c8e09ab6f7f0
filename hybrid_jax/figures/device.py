"""What a device takes to run each configuration, in the shape of the paper's Fig. 12, 13 and 14."""

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

from matplotlib.patches import Patch

from hybrid_jax import paper, results
from hybrid_jax.figures import style
from hybrid_jax.report.markdown import short

COLOURS = {"on_premise": style.MUTED, "simple": style.PALETTE[5], "reduced": style.PALETTE[0]}
WIDTH = 0.36  # of a bar; layers are 1 apart


def device(folder: Path, runs: Iterable[Mapping], note: str) -> list[Path]:
    """Draws `device_latency.png`, `device_load.png` and `device_memory.png`.

    Args:
        folder: where to.
        runs: each with `method`, `layer` (`None` for on-premise) and what it took: `load_ms`, `first_ms`, `peak_mb`,
            and of the steady inferences `median_ms`, or where that is not known `mean_ms`. `None`: not known.
        note: whose they are and on which device, for below the panels.

    Returns:
        the paths; a figure of which no run knows anything is left out.
    """
    runs = list(runs)
    places = _places(runs)
    middle = "median_ms" if _values(runs, "median_ms") else "mean_ms"
    word = middle.removesuffix("_ms")
    drawn = (
        ("latency", "Running time", f"{word} steady inference, ms", middle,
         f"Box: quartiles over runs of each run's {word}; whiskers: the furthest run within 1.5 of the box's height;"
         " ring: the first inference of a process, median over runs."),
        ("load", "Loading time", "loading, ms", "load_ms",
         "Bar: median over runs; line: its standard deviation over runs."),
        ("memory", "Memory", "peak above the bare interpreter, MB", "peak_mb",
         "Bar: median over runs; line: its standard deviation over runs."),
    )  # fmt: skip
    written = []
    for name, heading, label, metric, shown in drawn:
        if not _values(runs, metric):
            continue
        path, size = folder / f"device_{name}.png", (2.4 + 0.9 * len(places), 3.9)
        with style.drawn(path, *size, heading, f"{note} {shown}") as figure:
            axes = figure.subplots()
            for (method, layer), x in places.items():
                own = [r for r in runs if (r["method"], r["layer"]) == (method, layer)]
                if name == "latency":
                    _box(axes, x, COLOURS[method], _values(own, metric), _values(own, "first_ms"))
                else:
                    _bar(axes, x, COLOURS[method], _values(own, metric))
            _finish(axes, places, label)
        written.append(path)
    return written


def _places(runs: list[Mapping]) -> dict[tuple[str, str | None], float]:
    """Where each configuration stands: on-premise first, then the layers, with their methods side by side."""
    layers = results.distinct(runs, "layer")
    methods = [
        m for m in COLOURS if m in results.distinct((r for r in runs if r["layer"]), "method")
    ]
    found: dict[tuple[str, str | None], float] = {("on_premise", None): 0.0}
    for i, layer in enumerate(layers, 1):
        for j, method in enumerate(methods):
            found[method, layer] = i + (j - (len(methods) - 1) / 2) * WIDTH * 1.1
    return found


def _values(runs: Iterable[Mapping], metric: str) -> list[float]:
    return [r[metric] for r in runs if r.get(metric) is not None]


def _box(axes, x: float, colour: str, values: list[float], first: list[float]) -> None:
    line = {"color": style.INK, "linewidth": 0.9}
    axes.boxplot(
        values, positions=[x], widths=WIDTH, manage_ticks=False, patch_artist=True,
        boxprops={"facecolor": colour, "edgecolor": style.INK, "linewidth": 0.9}, medianprops=line,
        whiskerprops=line, capprops=line, flierprops={"marker": ".", "markersize": 3, "markeredgecolor": style.MUTED},
    )  # fmt: skip
    if first:
        ring = {"markersize": 5, "markerfacecolor": "white", "markeredgecolor": style.INK}
        axes.plot(x, statistics.median(first), "o", zorder=3, **ring)


def _bar(axes, x: float, colour: str, values: list[float]) -> None:
    if not values:
        return
    middle = statistics.median(values)
    axes.bar(x, middle, WIDTH, color=colour)
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    axes.vlines(x, middle - spread, middle + spread, style.INK, linewidth=0.9)
    axes.annotate(
        short(middle), (x, middle + spread), (0, 2), textcoords="offset points", ha="center", fontsize=7.5,
    )  # fmt: skip


def _finish(axes, places: Mapping, label: str) -> None:
    layers = dict.fromkeys(layer for _, layer in places if layer)
    names = [paper.METHOD_NAMES["on_premise"], *map(paper.layer_name, layers)]
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(bottom=0)
    axes.margins(y=0.12)
    axes.set_ylabel(label)
    style.round_ticks(axes.yaxis)
    methods = dict.fromkeys(method for method, layer in places if layer)
    handles = [Patch(color=COLOURS[m], label=paper.METHOD_NAMES[m]) for m in methods]
    style.legend(axes, handles)
