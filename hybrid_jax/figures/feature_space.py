"""The feature space before and after Siamese fine-tuning, in the shape of the paper's Fig. 4."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hybrid_jax import paper
from hybrid_jax.figures import style

MOST_POINTS = 1500  # more only hide each other
MOST_NAMES = 8  # as many as there are colours
LONGEST = 13  # letters of a name that there is room for
OTHERS = "others"


def feature_space(path, spaces: Mapping[str, Mapping]) -> Path | None:
    """First two principal components, coloured by the primary and by the sensitive variable.

    Args:
        path: the PNG to write.
        spaces: layer -> {before: [n, 2], after: [n, 2], primary: [n] names, sensitive: [n] names},
            of the same n samples.

    Returns:
        the path, or None where there is no layer.
    """
    if not spaces:
        return None
    size = 1.5 + 3.4 * len(spaces), 4.7
    heading = "Feature space before and after Siamese fine-tuning"
    note = (
        "First two principal components of each network's own features. Both colourings of a"
        " column have one scale; columns have their own."
    )
    with style.drawn(path, *size, heading, note) as figure:
        words, *columns = figure.subfigures(
            1, 1 + len(spaces), width_ratios=[1.35] + [3.4] * len(spaces)
        )
        _names(words, spaces)
        for part, (layer, space) in zip(columns, spaces.items(), strict=True):
            part.suptitle(paper.layer_name(layer), fontsize=10, fontweight="bold")
            shown = _sample(len(space["primary"]))
            grid = part.subplots(2, 2)
            for column, moment in zip(grid.T, ("before", "after"), strict=True):
                points = np.asarray(space[moment], np.float64)[shown]
                column[0].set_title(moment, fontsize=9, loc="center", pad=3)
                for axes, variable in zip(column, ("primary", "sensitive"), strict=True):
                    labels = np.asarray(space[variable]).astype(str)[shown]
                    _scatter(axes, points, labels, _colours(spaces, variable))
    return Path(path)


def few(names: np.ndarray) -> np.ndarray:
    """The same names [n], with the rarer ones called `OTHERS` where there are more than colours."""
    found, count = np.unique(names, return_counts=True)
    if len(found) <= MOST_NAMES:
        return names
    kept = found[np.argsort(-count, kind="stable")[: MOST_NAMES - 1]]
    return np.where(np.isin(names, kept), names, OTHERS)


def _scatter(axes, points, labels, colours):
    axes.scatter(*points.T, s=3, c=[colours[name] for name in labels], linewidths=0, alpha=0.6)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=style.FAINT)


def _names(part, spaces):
    """The classes in their own colours, beside the row that shows them: no legend to look up."""
    part.suptitle(" ", fontsize=10)  # as tall as the layers' names, so that rows are in line
    rows = part.subplots(2, 1)
    rows[0].set_title(" ", fontsize=9, pad=3)
    for row, variable in zip(rows, ("primary", "sensitive"), strict=True):
        row.set_axis_off()
        colours = _colours(spaces, variable)
        row.text(1, 1, f"{variable} variable", ha="right", va="top", color=style.MUTED)
        shown = list(colours.items()) if len(colours) <= MOST_NAMES else []
        for i, (name, colour) in enumerate(shown):
            colour = style.MUTED if name == OTHERS else colour  # points may be faint, words not
            name = name if len(name) <= LONGEST else f"…{name[1 - LONGEST :]}"
            row.text(1, 0.88 - 0.1 * i, name, color=colour, ha="right", va="top", weight="bold")
        if not shown:
            row.text(1, 0.88, f"{len(colours)} classes", ha="right", va="top")


def _colours(spaces, variable) -> dict[str, str]:
    """Name -> colour, the same in all layers."""
    names = sorted({str(name) for space in spaces.values() for name in space[variable]})
    # Other colours for the other variable: one is not to be read as the other.
    shift = 0 if variable == "primary" else 4
    palette = style.PALETTE[shift:] + style.PALETTE[:shift]
    colours = {name: palette[i % len(palette)] for i, name in enumerate(names)}
    return colours | ({OTHERS: style.FAINT} if OTHERS in colours else {})


def _sample(n) -> np.ndarray:
    """Up to MOST_POINTS of n, in a fixed random order: no class is drawn over the others."""
    return np.random.default_rng(0).permutation(n)[:MOST_POINTS]
