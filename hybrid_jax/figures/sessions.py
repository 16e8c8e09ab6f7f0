"""Privacy, and the best attack, against the number of uploads that the adversary combines."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from hybrid_jax import attacked, paper, results, tradeoff
from hybrid_jax.figures import style


def sessions(path, records: Iterable[Mapping]) -> Path | None:
    """A column for each sensitive variable, a row for each way to combine, a line for each layer.

    The embedding is the advanced one at its operating noise, the adversary holds unseen data.

    Args:
        path: the PNG to write.
        records: of one run, or collected.

    Returns:
        the path, or None where the records hold no such curve.
    """
    found = tradeoff.uploads(records)
    if not found:
        return None
    targets, layers = results.distinct(found, "target"), results.distinct(found, "layer")
    modes = [mode for mode in tradeoff.MODES if mode in results.distinct(found, "mode")]
    colour = dict(zip(layers, style.layer_colours(len(layers)), strict=True))
    about = found[0]
    note = (
        "Advanced embedding at its operating noise; the adversary holds unseen data of the same people. Log-likelihoods"
        " of a person's samples are added as if they were independent, and they are not. Bands: 95 % interval over"
        f" people. Dotted: chance. Data: {about['dataset']}, {about['split_kind']} split, test set."
    )
    size = 0.9 + 3.6 * len(targets), 1.3 + 2.6 * len(modes)
    with style.drawn(
        path, *size, "Privacy by how many uploads the adversary combines", note
    ) as figure:
        grid = figure.subplots(len(modes), len(targets), squeeze=False, sharex=True, sharey="col")
        named: list[tuple] = []
        for axes_row, mode in zip(grid, modes, strict=True):
            for axes, target in zip(axes_row, targets, strict=True):
                panel = results.select(found, target=target, mode=mode)
                lines = [
                    _line(
                        axes,
                        results.select(panel, layer=layer),
                        paper.layer_name(layer),
                        colour[layer],
                    )
                    for layer in results.distinct(panel, "layer")
                ]
                _words(axes, panel, target, mode)
                named.append((axes, lines, []))
        for axes in grid[-1]:
            axes.set_xlabel("uploads combined")
        style.label_lines(named)
    return Path(path)


def attack_sessions(path, records: Iterable[Mapping]) -> Path | None:
    """The best attack by how many samples of one person are combined, a panel for each target, a line for each layer.

    Args:
        path: the PNG to write.
        records: of one run, or collected.

    Returns:
        the path, or None where no session was attacked.
    """
    records = list(records)
    found = attacked.for_each_target(records, attacked.combined)
    if not found:
        return None
    layers = results.distinct(records, "layer")
    colour = dict(zip(layers, style.layer_colours(len(layers)), strict=True))
    note = (
        "Balanced accuracy when the best attacker's log-probabilities for n samples of one person, none overlapping,"
        " are added. Lines: the advanced embedding at its operating noise; dashed: simple. Bands: 95 % interval over"
        " people. Dotted: chance."
    )
    size = max(6.4, 0.9 + 3.6 * len(found)), 4.2
    with style.drawn(
        path, *size, "The best attack by how many samples it combines", note
    ) as figure:
        panels = figure.subplots(1, len(found), squeeze=False)[0]
        named: list[tuple] = []
        for axes, (target, lines) in zip(panels, found.items(), strict=True):
            named.append(
                (
                    axes,
                    [
                        _line(
                            axes,
                            rows,
                            _name(layer, method),
                            colour[layer],
                            dashed=method == "simple",
                        )
                        for layer, method, rows in lines
                    ],
                    [],
                )
            )
            numbers = sorted({r["queries"] for *_, rows in lines for r in rows})
            _numbers(axes, numbers)
            chance = 100 * lines[0][-1][0]["chance"]
            axes.axhline(chance, color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
            axes.set_title(target.capitalize())
            axes.set_xlabel("samples combined")
            axes.set_ylabel("balanced accuracy, %")
        style.label_lines(named)
    return Path(path)


def _name(layer: str, method: str) -> str:
    return paper.layer_name(layer) + (", simple" if method == "simple" else "")


def _line(axes, records: list[Mapping], name: str, colour, dashed: bool = False):
    """One curve, with its band unless it is dashed; gives what `style.label_lines` takes."""
    records = sorted(records, key=lambda r: r["queries"])
    n, y, low, high = (
        np.array([np.nan if r[k] is None else r[k] for r in records], float)
        for k in ("queries", "value", "ci_low", "ci_high")
    )
    dashes = (0, (4, 2)) if dashed else "-"
    axes.plot(n, 100 * y, color=colour, marker="o", markersize=3, linestyle=dashes)
    if not dashed:
        axes.fill_between(n, 100 * low, 100 * high, color=colour, alpha=0.12, linewidth=0)
    return name, n, 100 * y, colour


def _numbers(axes, numbers: list[int]) -> None:
    """An axis of so many uploads."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(numbers, [str(n) for n in numbers])
    axes.minorticks_off()


def _words(axes, panel: list[Mapping], target: str, mode: str) -> None:
    numbers = sorted({r["queries"] for r in panel})
    _numbers(axes, numbers)
    axes.set_title(f"{target.capitalize()}: {tradeoff.MODES[mode]}", fontsize=9)
    axes.set_ylabel("privacy (rank / K, %)")
    if panel:
        axes.axhline(
            100 * panel[0]["chance"], color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2))
        )
