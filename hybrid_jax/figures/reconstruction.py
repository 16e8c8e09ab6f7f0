"""Faces and what a decoder makes of their uploads, in the shape of the paper's Fig. 11."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hybrid_jax import paper
from hybrid_jax.figures import style

SIDE = 0.9  # inches of an image
NOTE = (
    "Each row: what a decoder that was trained on a method's uploads makes of images which it was not trained on. Noisy"
    " methods at their operating noise."
)


def reconstruction(path, layer: str, rows: Mapping[str, np.ndarray]) -> Path | None:
    """A grid of originals and reconstructions.

    Args:
        path: the PNG to write.
        layer: where the network is split.
        rows: `original` and methods, by name -> images [n, H, W, C] in [0, 1], of the same n people.

    Returns:
        the path, or None where there is no row.
    """
    if not rows:
        return None
    number = len(next(iter(rows.values())))
    size = 1.5 + SIDE * number, 1.1 + SIDE * len(rows)
    heading = f"Rebuilt from uploads, {paper.layer_name(layer)}"
    with style.drawn(path, *size, heading, NOTE) as figure:
        grid = figure.subplots(len(rows), number, squeeze=False)
        for axes_row, (name, images) in zip(grid, rows.items(), strict=True):
            for axes, image in zip(axes_row, np.asarray(images), strict=True):
                axes.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=1)
                axes.set_axis_off()
            axes_row[0].text(
                -0.1,
                0.5,
                paper.METHOD_NAMES.get(name, name.capitalize()),
                ha="right",
                va="center",
                transform=axes_row[0].transAxes,
            )
    return Path(path)
