"""Privacy against the number of uploads that the adversary combines."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from hybrid_jax import paper, results
from hybrid_jax.figures import style

MODES = {"session": "windows of one person", "repeated": "uploads of one window"}


def sessions(path, records: Iterable[Mapping]) -> Path | None:
    """A column for each sensitive variable, a row for each way to combine, a line for each layer.

    The embedding is the advanced one at its operating noise, the adversary holds unseen data.

    Args:
        path: the PNG to write.
        records: of one run, or collected.

    Returns:
        the path, or None where the records hold no such curve.
    """
    found = results.select(
        records, evaluator="privacy", metric="privacy", method="advanced", split="test",
        mode=tuple(MODES), reduction=("pca", "none"),
    )  # fmt: skip
    if not found:
        return None
    targets, layers = results.distinct(found, "target"), results.distinct(found, "layer")
    modes = [mode for mode in MODES if mode in results.distinct(found, "mode")]
    colour = dict(zip(layers, style.layer_colours(len(layers)), strict=True))
    about = found[0]
    note = (
        "Advanced embedding at its operating noise; the adversary holds unseen data of the same people. Log-likelihoods"
        " of a person's windows are added as if they were independent, and they are not. Bands: 95 % interval over"
        f" people. Dotted: chance. Data: {about['dataset']}, {about['split_kind']} split, test set."
    )
    size = 0.9 + 3.6 * len(targets), 1.3 + 2.6 * len(modes)
    with style.drawn(
        path, *size, "Privacy by how many uploads the adversary combines", note
    ) as figure:
        grid = figure.subplots(len(modes), len(targets), squeeze=False, sharex=True, sharey="col")
        named = []
        for axes_row, mode in zip(grid, modes, strict=True):
            for axes, target in zip(axes_row, targets, strict=True):
                panel = results.select(found, target=target, mode=mode)
                lines = [
                    _line(axes, results.select(panel, layer=layer), layer, colour[layer])
                    for layer in results.distinct(panel, "layer")
                ]
                _words(axes, panel, target, mode)
                named.append((axes, lines, []))
        for axes in grid[-1]:
            axes.set_xlabel("uploads combined")
        style.label_lines(named)
    return Path(path)


def _line(axes, records: list[Mapping], layer: str, colour):
    """One layer's curve with its band; gives what `style.label_lines` takes."""
    records = sorted(records, key=lambda r: r["queries"])
    n, y, low, high = (
        np.array([np.nan if r[k] is None else r[k] for r in records], float)
        for k in ("queries", "value", "ci_low", "ci_high")
    )
    axes.plot(n, 100 * y, color=colour, marker="o", markersize=3)
    axes.fill_between(n, 100 * low, 100 * high, color=colour, alpha=0.12, linewidth=0)
    return paper.layer_name(layer), n, 100 * y, colour


def _words(axes, panel: list[Mapping], target: str, mode: str) -> None:
    numbers = sorted({r["queries"] for r in panel})
    axes.set_xscale("log", base=2)
    axes.set_xticks(numbers, [str(n) for n in numbers])
    axes.minorticks_off()
    axes.set_title(f"{target.capitalize()}: {MODES[mode]}", fontsize=9)
    axes.set_ylabel("privacy (rank / K, %)")
    if panel:
        axes.axhline(
            100 * panel[0]["chance"], color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2))
        )
