"""How every figure looks: type, colours, words beside lines instead of legends, and saving."""

import io
import textwrap
from contextlib import contextmanager

import numpy as np
from matplotlib import patheffects, style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from hybrid_jax import results

INK, MUTED, FAINT = "#222222", "#6b6b6b", "#d9d9d9"
# Okabe and Ito (2008): told apart with any colour vision. Strong ones first.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6b6b6b", "#B5A800")
METHODS = {"advanced": PALETTE[0], "noisy_reduced": PALETTE[1], "noisy": "#8a8a8a"}
RC = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib: the same on every machine
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "lines.dash_capstyle": "round",
    "figure.dpi": 200,
}


@contextmanager
def drawn(path, width, height, heading, note):
    """A new figure, saved to `path` when the block ends without an error.

    Args:
        path: the PNG.
        width, height: inches.
        heading: its title, top left.
        note: what must be known to read it, under the panels; wrapped to the width.
    """
    with style.context(["default", RC]):
        spaced = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06, wspace=0.03, hspace=0.05)
        figure = Figure(figsize=(width, height), layout=spaced)
        canvas = FigureCanvasAgg(figure)
        heading = textwrap.fill(heading, int((width - 0.2) / 0.11))  # bold letters of 12 points
        figure.suptitle(heading, x=0.012, ha="left", fontsize=12, fontweight="bold")
        note = textwrap.fill(note, int((width - 0.3) / 0.0635))  # letters of 8 points
        figure.supxlabel(note, x=0.012, ha="left", fontsize=8, color=MUTED, linespacing=1.5)
        yield figure
        image = io.BytesIO()
        # No software version in the file: the bytes depend on the numbers alone.
        canvas.print_png(image, metadata={"Software": None})
    results.write_bytes(path, image.getvalue())


def layer_colours(count):
    """One colour a layer, from light (near the input) to dark (near the output)."""
    stops = np.array([[122, 199, 204], [34, 135, 179], [12, 44, 104]]) / 255
    at = np.linspace(0, 2, count) if count > 1 else np.array([1.0])
    return [tuple(np.interp(a, range(3), stops[:, i]) for i in range(3)) for a in at]


def round_ticks(axis):
    """At most nine ticks, at multiples of 1, 2 or 5."""
    axis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))


def legend(axes, handles):
    """A legend right of the axes, where the layout leaves room for it."""
    where = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0), "borderaxespad": 0.0}
    axes.legend(handles=handles, frameon=False, fontsize=8, **where)


def halo(width=2.5):
    """White around letters, so that they can be read over lines and points."""
    return [patheffects.withStroke(linewidth=width, foreground="white")]


def label_lines(panels, fontsize=8.5):
    """Writes each line's name beside it, where it is furthest from all other lines and names.

    Call it when limits are final. A name for which there is no room is left out.

    Args:
        panels: a list of (axes, lines, around). `lines`: a list of (name, x [n], y [n], colour), in
            data coordinates; `around`: of (x [n], y [n]), without a name, that are to stay legible.
        fontsize: points.
    """
    if panels:
        panels[0][0].figure.draw_without_rendering()  # settles the layout, and with it the pixels
    for axes, lines, around in panels:
        _label(axes, lines, around, fontsize)


def _label(axes, lines, around, fontsize):
    frame, pixel = axes.get_window_extent(), axes.figure.dpi / 72
    paths = [_dense(axes.transData.transform(np.c_[x, y])) for _, x, y, _ in lines]
    nowhere = np.full((1, 2), -1e5)
    others = [_dense(axes.transData.transform(np.c_[x, y])) for x, y in around]
    unnamed = np.concatenate([nowhere, *others])
    taken = [nowhere]
    for own, (name, _, _, colour) in zip(paths, lines, strict=True):
        size = np.array([0.6 * len(name), 1.1]) * fontsize * pixel
        named = np.concatenate([p for p in paths if p is not own] + taken)
        best, score = None, -np.inf
        for point in own[:: max(1, len(own) // 80)]:
            for side in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
                centre = point + np.array(side) * (size / 2 + 3 * pixel)
                if not (_inside(centre - size / 2, frame) and _inside(centre + size / 2, frame)):
                    continue
                gap, room, rest = (
                    _distance(centre, size, p) / pixel for p in (own, named, unnamed)
                )
                # On no line first of all, next to its own, then as far as is plain from others.
                clear = 10 * min(gap, room, rest, 3) + min(room, 30) - 20 * (room < gap + 3)
                if clear > score:
                    best, score = centre, clear
        if best is None:
            continue
        taken.append(best + size * _CELLS)
        at = axes.transData.inverted().transform(best)
        text = {"color": colour, "fontsize": fontsize, "path_effects": halo()}
        axes.text(*at, name, ha="center", va="center", zorder=5, **text)


_CELLS = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, 13), [-0.5, 0, 0.5]), -1).reshape(-1, 2)


def _inside(point, frame):
    return (point > frame.p0 + 3).all() and (point < frame.p1 - 3).all()


def _distance(centre, size, points):
    """From a box to the nearest of `points` [n, 2], in pixels."""
    outside = np.maximum(np.abs(points - centre) - size / 2, 0)
    return np.hypot(*outside.T).min()


def _dense(points, step=3.0):
    """The polyline through `points` [n, 2], a point about every `step` pixels."""
    points = points[np.isfinite(points).all(1)]
    if len(points) < 2:
        return points
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(0, length[-1], max(2, int(length[-1] / step)))
    return np.c_[np.interp(at, length, points[:, 0]), np.interp(at, length, points[:, 1])]
