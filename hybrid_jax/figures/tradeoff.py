"""Accuracy against privacy over the noise grid, in the shape of the paper's Fig. 10."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from hybrid_jax import paper, tradeoff
from hybrid_jax.figures import style

CLOUDS = {"original": "-", "retrained": (0, (3, 2))}


def tradeoff_method(path, records: Iterable[Mapping], tolerance: float = 0.02) -> Path | None:
    """Fig. 10 (a), (c): with and without Siamese fine-tuning, a column for each layer.

    The sensitive variable is the first one; the rows are what the adversary holds: other data
    (gallery held_out), and, as in the paper, the queries themselves (gallery self).

    Args:
        path: the PNG to write.
        records: of one run, or collected.
        tolerance: accuracy that the operating noise may cost.

    Returns:
        the path, or None where the records hold no trade-off curve.
    """
    records = list(records)
    curves = tradeoff.without_autoencoder(tradeoff.headline(records))
    if not curves:
        return None
    target, primary = curves[0].about["target"], curves[0].about["primary"]
    curves = [c for c in curves if c.about["target"] == target]
    rows = [
        [
            [
                (c, paper.METHOD_NAMES[c.about["method"]], style.METHODS[c.about["method"]])
                for c in curves
                if (c.adversary, c.about["layer"]) == (adversary, layer)
            ]
            for layer in _values(curves, "layer")
        ]
        for adversary in tradeoff.adversaries(curves, ("held_out", "self"))
    ]
    note = (
        ""
        if _values(curves, "cloud") == ["original"]
        else ("Solid: the cloud as it was trained. Dashed: its half re-trained on noisy features. ")
    )
    heading = f"{primary.capitalize()} accuracy against {target} privacy, by method"
    return _draw(
        path,
        rows,
        heading,
        note + _note(curves, tolerance),
        tradeoff.operating_points(records, tolerance),
    )


def tradeoff_layer(path, records: Iterable[Mapping], tolerance: float = 0.02) -> Path | None:
    """Fig. 10 (b), (d): advanced embedding at each layer, a column for each sensitive variable.

    Args:
        path: the PNG to write.
        records: of one run, or collected.
        tolerance: accuracy that the operating noise may cost.

    Returns:
        the path, or None where the records hold no curve of the advanced embedding.
    """
    records = list(records)
    curves = [
        c
        for c in tradeoff.without_autoencoder(tradeoff.headline(records))
        if c.about["method"] == "advanced" and c.about["cloud"] == "original"
    ]
    if not curves:
        return None
    layers, targets = _values(curves, "layer"), _values(curves, "target")
    held = tradeoff.adversaries(curves, ("held_out",))
    if {c.about["target"] for c in curves if c.adversary in held} != set(targets):
        # Who is in no other data can only be found in the paper's gallery.
        held = tradeoff.adversaries(curves, ("held_out", "self"))
    colour = dict(zip(layers, style.layer_colours(len(layers)), strict=True))
    rows = [
        [
            [
                (c, paper.layer_name(c.about["layer"]), colour[c.about["layer"]])
                for c in curves
                if (c.adversary, c.about["target"]) == (adversary, target)
            ]
            for target in targets
        ]
        for adversary in held
    ]
    heading = f"{curves[0].about['primary'].capitalize()} accuracy against privacy, by layer"
    note = "Advanced embedding. " + _note(curves, tolerance)
    return _draw(path, rows, heading, note, tradeoff.operating_points(records, tolerance))


def _draw(path, rows, heading, note, operating) -> Path:
    """A grid of panels; `rows[i][j]` is a list of (curve, name, colour)."""
    size = 0.9 + 3.3 * len(rows[0]), 1.2 + 2.75 * len(rows)
    with style.drawn(path, *size, heading, note) as figure:
        # The columns of a row share x only where they show one sensitive variable.
        targets = {c.about["target"] for row in rows for panel in row for c, *_ in panel}
        grid = figure.subplots(
            len(rows), len(rows[0]), squeeze=False, sharey=True,
            sharex="row" if len(targets) == 1 else False,
        )  # fmt: skip
        for axes_row, row in zip(grid, rows, strict=True):
            for axes, panel in zip(axes_row, row, strict=True):
                for curve, _, colour in panel:
                    _curve(axes, curve, colour, operating.get(curve.name))
                axes.set_visible(bool(panel))
                if panel:
                    _words(axes, panel, one_target=len(targets) == 1)
            style.round_ticks(axes_row[0].yaxis)
            axes_row[0].set_ylabel(f"{_primary(row)} accuracy (%)")
            _limits(axes_row, row, shared=len(targets) == 1)
        low, high = grid[0, 0].get_ylim()
        grid[0, 0].set_ylim(low, high + 0.1 * (high - low))  # room for names above the lines
        labelled = []
        for axes, panel in zip(grid[0], rows[0], strict=True):
            named = [p for p in panel if p[0].about["cloud"] == "original"]
            others = [p for p in panel if p[0].about["cloud"] != "original"]
            lines = [(n, 100 * c.privacy, 100 * c.accuracy, k) for c, n, k in named]
            around = [(100 * c.privacy, 100 * c.accuracy) for c, _, _ in others]
            around += [(2 * [100 * c.chance], axes.get_ylim()) for c, _, _ in panel]
            labelled.append((axes, lines, around))
        style.label_lines(labelled)
    return Path(path)


def _curve(axes, curve, colour, operating):
    """One line with its error bars; a ring at its operating noise."""
    trained = curve.about["cloud"] == "original"
    x, y = 100 * curve.privacy, 100 * curve.accuracy
    axes.plot(
        x, y, color=colour, linestyle=CLOUDS[curve.about["cloud"]],
        linewidth=1.6 if trained else 1.1, marker="o" if trained else None, markersize=2.8,
        zorder=3,
    )  # fmt: skip
    if not trained:
        return
    errors = [np.nan_to_num(100 * e) for e in (curve.privacy_error, curve.accuracy_error)]
    axes.errorbar(
        x, y, xerr=errors[0], yerr=errors[1], fmt="none", ecolor=colour, elinewidth=0.8, alpha=0.6
    )
    at = np.isclose(curve.noise_relative, np.nan if operating is None else operating)
    axes.plot(
        100 * curve.privacy_interval[:, at], np.tile(y[at], (2, 1)), color=colour, linewidth=5,
        alpha=0.2, solid_capstyle="butt", zorder=2,
    )  # fmt: skip
    axes.plot(
        x[at], y[at], "o", color="white", markeredgecolor=colour, markersize=7.5,
        markeredgewidth=1.4, zorder=4,
    )  # fmt: skip
    axes.plot(x[at], y[at], "o", color=colour, markersize=2.8, zorder=4)


def _words(axes, panel, one_target):
    """The panel's title, its x axis, and the chance line with its name."""
    about, chance = panel[0][0].about, 100 * panel[0][0].chance
    gallery = paper.adversary_name(*panel[0][0].adversary)
    first = paper.layer_name(about["layer"]) if one_target else about["target"].capitalize()
    axes.set_title(f"{first}, gallery: {gallery}", fontsize=9)
    axes.set_xlabel(f"{about['target']} privacy (rank / K, %)")
    axes.axvline(chance, color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    axes.annotate(
        f"chance {chance:.1f}", (chance, 1), (5, 3), xycoords=("data", "axes fraction"),
        textcoords="offset points", ha="right", fontsize=7.5, color=style.MUTED,
    )  # fmt: skip
    style.round_ticks(axes.xaxis)


def _limits(axes_row, row, shared):
    """x from the least privacy measured to chance or beyond, with room to breathe."""

    def reached(panels):
        return [p for panel in panels for c, *_ in panel for p in (*c.privacy, c.chance)]

    for axes, panel in zip(axes_row, row, strict=True):
        values = 100 * np.array(reached(row if shared else [panel]))
        if values.size:
            low, high = np.nanmin(values), np.nanmax(values)
            room = 0.06 * max(high - low, 1.0)
            axes.set_xlim(low - room, high + room)


def _note(curves, tolerance) -> str:
    """What the marks mean, and what was measured."""
    about = curves[0].about
    classes = {c.about["target"]: c.about["classes"] for c in curves}
    k = ", ".join(f"K = {n} for {target}" for target, n in classes.items())
    return (
        f"Noise grows from left to right. Rings: operating noise (validation accuracy within"
        f" {100 * tolerance:g} points of noise-free), with the 95 % interval over people."
        f" {curves[0].error_name}. Data:"
        f" {about['dataset']}, {about['split_kind']} split, {about['split']} set; {k}."
    )


def _primary(row) -> str:
    return next((c.about["primary"] for panel in row for c, *_ in panel), "")


def _values(curves, name) -> list:
    return list(dict.fromkeys(c.about[name] for c in curves))
