"""How the page's charts look: colours by name, so that the style sheet sets them for light and dark, and shapes."""

from collections.abc import Iterable
from typing import Any

from hybrid_jax import paper

# SVG paths in the square from -1 to 1, which Vega and the page's own legends both draw.
SHAPES = (
    "M1,0A1,1,0,1,1,-1,0A1,1,0,1,1,1,0Z",  # circle
    "M-.85,-.85H.85V.85H-.85Z",  # square
    "M0,-1.1L1.1,0L0,1.1L-1.1,0Z",  # diamond
    "M0,-1L1,.8H-1Z",  # triangle
    "M0,1L1,-.8H-1Z",  # triangle, upside down
    "M-.35,-1H.35V-.35H1V.35H.35V1H-.35V.35H-1V-.35H-.35Z",  # cross
    "M-1,-.4H1V.4H-1Z",  # bar
)
_OF_METHOD = {
    "simple": 0, "reduced": 1, "siamese": 2, "reduced_siamese": 3, "noisy": 2, "noisy_reduced": 1,
    "advanced": 0, "on_premise": 6,
}  # fmt: skip
LAYER_COLOURS = 6  # that the style sheet has

# Of every chart: see https://vega.github.io/vega-lite/docs/config.html
CONFIG: dict[str, Any] = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)",
        "titleColor": "var(--ink)",
        "gridColor": "var(--grid)",
        "domainColor": "var(--muted)",
        "tickColor": "var(--muted)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelOverlap": True,
    },
}


def colour(method: str) -> str:
    """A method's colour, as the style sheet names it; unknown methods have the colour of text."""
    return f"var(--{method.replace('_', '-')})" if method in _OF_METHOD else "var(--ink)"


def shape(method: str) -> str:
    """A method's mark."""
    return SHAPES[_OF_METHOD.get(method, 5)]


def layer_colour(place: int) -> str:
    """The colour of the layer at this place, from the input on."""
    return f"var(--layer-{place % LAYER_COLOURS})"


def key(methods: Iterable[str], bars: bool = False) -> list[dict[str, str]]:
    """What a legend shows of methods: name, colour and shape of each; of bars a square."""
    return [
        {
            "name": paper.method_name(m),
            "colour": colour(m),
            "shape": SHAPES[1] if bars else shape(m),
        }
        for m in paper.in_order(methods)
    ]


def layer_key(layers: list[str]) -> list[dict[str, str]]:
    """What a legend shows of layers."""
    return [
        {
            "name": paper.layer_name(layer),
            "colour": layer_colour(i),
            "shape": SHAPES[i % len(SHAPES)],
        }
        for i, layer in enumerate(layers)
    ]
