"""Validation accuracy over contrastive weight and margin, and the point that was chosen."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.ticker import FixedLocator, NullLocator

from hybrid_jax import paper
from hybrid_jax.figures import style


def tune(path, content: Mapping) -> Path | None:
    """A panel for each layer: reduced_siamese to be made high, siamese to stay in the band.

    Args:
        path: the PNG to write.
        content: of tune.json: {"layers": {layer: {"points": [{"contrastive_weight", "margin",
            "siamese", "reduced_siamese"}, ...], "simple": accuracy, "tolerance": accuracy given
            up at most, "chosen": {"contrastive_weight", "margin"}}}}; accuracies in [0, 1].

    Returns:
        the path, or None where there is no layer.
    """
    layers = content["layers"]
    if not layers:
        return None
    note = (
        "Validation set. Solid: reduced Siamese, which is maximised. Dashed: Siamese, which must"
        " stay above the lower edge of the grey band, the accuracy allowed below simple (black"
        " line). Ring: the point that was chosen; crosses: points that leave the band. Each panel has its own scale."
    )
    heading = "Contrastive weight and margin, chosen on validation"
    with style.drawn(path, 1.1 + 3.1 * len(layers), 4.1, heading, note) as figure:
        panels = figure.subplots(1, len(layers), squeeze=False)[0]
        margins = sorted({p["margin"] for layer in layers.values() for p in layer["points"]})
        colours = dict(zip(margins, style.PALETTE * len(margins), strict=False))
        labelled = []
        for axes, (name, layer) in zip(panels, layers.items(), strict=True):
            labelled.append((axes, *_panel(axes, layer, colours)))
            axes.set_title(paper.layer_name(name))
            axes.set_xlabel("contrastive weight")
            style.round_ticks(axes.yaxis)
        panels[0].set_ylabel("validation accuracy (%)")
        style.label_lines(labelled)
    return Path(path)


def _panel(axes, layer, colours):
    """Draws it; returns the lines to be named, and those that are to stay legible."""
    low, high = (100 * (layer["simple"] - layer["tolerance"]), 100 * layer["simple"])
    weights = sorted({p["contrastive_weight"] for p in layer["points"]})
    axes.axhspan(low, high, color=style.FAINT, alpha=0.6, linewidth=0, zorder=0)
    axes.axhline(high, color=style.INK, linewidth=0.9, zorder=1)
    lines = []
    around: list[tuple] = [(weights, [edge] * len(weights)) for edge in (low, high)]
    for margin, colour in colours.items():
        points = sorted(
            (p for p in layer["points"] if p["margin"] == margin),
            key=lambda p: p["contrastive_weight"],
        )
        x = np.array([p["contrastive_weight"] for p in points])
        reduced, siamese = (
            100 * np.array([p[k] for p in points]) for k in ("reduced_siamese", "siamese")
        )
        out = siamese < low - 1e-7
        axes.plot(x, reduced, color=colour, zorder=3)
        axes.plot(x, siamese, color=colour, linewidth=1.1, linestyle=(0, (3, 2)), zorder=2)
        axes.plot(x[~out], reduced[~out], "o", color=colour, markersize=4, zorder=3)
        axes.plot(x[out], reduced[out], "x", color=colour, markersize=5, zorder=3)
        chosen = np.array(
            [all(p[k] == layer["chosen"][k] for k in layer["chosen"]) for p in points], bool
        )
        ring = {"markersize": 10, "markerfacecolor": "none", "markeredgewidth": 1.4}
        axes.plot(x[chosen], reduced[chosen], "o", markeredgecolor=style.INK, zorder=4, **ring)
        lines.append((f"margin {margin:g}", x, reduced, colour))
        around.append((x, siamese))
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(weights))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(weights, [f"{w:g}" for w in weights])
    axes.margins(x=0.12, y=0.12)
    return lines, around
