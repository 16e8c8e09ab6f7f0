"""A face as a stack of soft shapes, many faces at once, in NumPy.

A shape is a signed distance, below 0 inside, turned into a cover of 0 to 1 over about a pixel and painted over what is
there. Places are u (right) and v (down) in units of half an image, from the middle of the head.
"""

from collections.abc import Mapping

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
DARK = np.full(3, 0.08)
WHITE = np.full(3, 0.95)

Traits = Mapping[str, np.ndarray]


def draw(face: Traits, side: int, channels: int) -> np.ndarray:
    """Faces, float32 [N, side, side, channels]: 0 is black, 1 white, and bright light exceeds it.

    Args:
        face: what `simulated_faces.draw_people` and `draw_views` give of each image, [N], and of colours [N, 3].
        side: of an image, in pixels.
        channels: 1 for grey, the luma of the colours; 3 for RGB.
    """
    numbers = {name: t.astype(np.float32)[:, None, None] for name, t in face.items() if t.ndim == 1}
    colours = {name: t for name, t in face.items() if t.ndim == 2}
    axis = ((np.arange(side) + 0.5) * 2 / side - 1).astype(np.float32)
    x, y = axis[None, None, :], axis[None, :, None]
    right, down = x - numbers["shift_x"], y - numbers["shift_y"]
    cos, sin = (f(numbers["angle"]) / numbers["scale"] for f in (np.cos, np.sin))
    u, v = cos * right + sin * down, cos * down - sin * right
    canvas = Canvas(colours["background"], side, channels)
    draw_head(canvas, numbers, colours, u, v)
    # A head that turns moves what is in front of it more than its outline.
    draw_features(canvas, numbers, colours, u - numbers["turn"], v)
    light = 1 + numbers["gradient_x"] * x + numbers["gradient_y"] * y
    return canvas.pixels * (numbers["gain"] * light)[..., None]


class Canvas:
    """Images in the making.

    Attributes:
        pixels: float32 [N, side, side, channels].
    """

    def __init__(self, background: np.ndarray, side: int, channels: int):
        # As steep at an edge as the mean over a pixel, which is 2 / side wide.
        self._channels, self._sharpness = channels, np.float32(side)
        self.pixels = np.empty((len(background), side, side, channels), np.float32)
        self.pixels[:] = self._ink(background)

    def paint(
        self, distance: np.ndarray, colour: np.ndarray, opacity: np.ndarray | float = 1.0
    ) -> None:
        """A shape over what is there.

        Args:
            distance: to its edge, [N, side, side].
            colour: red, green and blue, [N, 3] or [3].
            opacity: 0 to 1, [N, 1, 1].
        """
        cover = np.float32(0.5) - np.float32(0.5) * np.tanh(distance * self._sharpness)
        cover = (cover * np.float32(opacity))[..., None]
        self.pixels += cover * (self._ink(colour) - self.pixels)

    def _ink(self, colour: np.ndarray) -> np.ndarray:
        colour = np.atleast_2d(colour).astype(np.float32)[:, None, None]
        return colour if self._channels == 3 else (colour * LUMA).sum(-1, keepdims=True)


def draw_head(canvas: Canvas, t: Traits, colours: Traits, u: np.ndarray, v: np.ndarray) -> None:
    """Clothes, ears, hair, neck, head, forehead's hair and stubble, from back to front."""
    skin, hair = colours["skin"], colours["hair"]
    width, height = t["head_width"], t["head_height"]
    canvas.paint(ellipse(u, v - 1.25, 0.85, 0.45), colours["clothes"])
    canvas.paint(ellipse(abs(u) - width, v - 0.02, 0.05, 0.10), 0.9 * skin)
    # A dome over straight sides.
    dome = ellipse(u, np.minimum(v + 0.15, 0), width + t["hair_width"], height - 0.15 + 0.09)
    canvas.paint(np.maximum(dome, v - t["hair_length"] + 0.5 * u * u), hair)
    canvas.paint(ellipse(u, v - 0.70, 0.48 * width, 0.45), 0.82 * skin)
    narrower = 1 - t["taper"] * np.clip(v / height, 0, 1) ** 2
    head = ellipse(u / narrower, v, width, height)
    canvas.paint(head, skin)
    beard = np.maximum(head, 0.16 - v + 0.5 * abs(u))
    canvas.paint(beard, 0.6 * hair, 0.5 * np.clip(t["stubble"], 0, 1))
    line = t["hairline"] + t["temples"] * (u - t["parting"]) ** 2
    canvas.paint(np.maximum(head - 0.02, v - line), hair)


def draw_features(canvas: Canvas, t: Traits, colours: Traits, u: np.ndarray, v: np.ndarray) -> None:
    """Eyes, brows, glasses, nose and mouth: those of both sides at once, folded."""
    skin, brow = colours["skin"], 0.6 * colours["hair"]
    smile = np.clip(t["smile"], 0, None)
    eu, ev, size = abs(u) - t["eye_distance"], v - t["eye_height"], t["eye_size"]
    opened = size * (0.58 - 0.25 * smile)
    lashes = t["lashes"]
    canvas.paint(ellipse(eu, ev + 0.5 * lashes, size + lashes, opened + lashes), DARK)
    eye = ellipse(eu, ev, size, opened)
    canvas.paint(eye, WHITE)
    radius = np.hypot(eu, ev)
    canvas.paint(np.maximum(eye, radius - 0.5 * size), colours["iris"])
    canvas.paint(np.maximum(eye, radius - 0.24 * size), DARK)
    arch = ev + t["brow_gap"] + t["brow_tilt"] * eu - 3 * eu * eu
    canvas.paint(np.maximum(abs(arch) - t["brow_thickness"], abs(eu) - 1.35 * size), brow)
    rim = abs(ellipse(eu, ev, 1.6 * size, 1.4 * size))
    bridge = np.maximum(abs(ev), abs(u) - t["eye_distance"] + 1.6 * size)
    canvas.paint(np.minimum(rim, bridge) - 0.012, DARK, t["glasses"])

    down = ev / t["nose_length"]
    ridge = np.maximum(abs(abs(u) - 0.7 * t["nose_width"] * down) - 0.010, abs(down - 0.6) - 0.4)
    canvas.paint(ridge, 0.7 * skin, 0.5)
    canvas.paint(ellipse(u, ev - t["nose_length"], t["nose_width"], 0.034), 0.84 * skin)
    nostril = ellipse(abs(u) - 0.5 * t["nose_width"], ev - t["nose_length"] - 0.012, 0.02, 0.013)
    canvas.paint(nostril, 0.4 * skin)

    width = t["mouth_width"] * (1 + 0.25 * smile)
    inner = 1 - (u / width) ** 2  # 1 in the middle, 0 in the corners
    bend = t["mouth_bend"] + 0.085 * t["smile"]
    middle = abs(v - t["mouth_height"] - bend * (inner - 0.5))
    canvas.paint(middle - t["lips"] * inner, skin * np.array([0.78, 0.48, 0.48]))
    canvas.paint(middle - (0.011 + 0.042 * t["open"]) * inner, WHITE, np.clip(t["open"] * 2, 0, 1))
    canvas.paint(middle - 0.011 * inner, 0.25 * skin, 1 - np.clip(t["open"] * 2, 0, 1))


def ellipse(
    u: np.ndarray, v: np.ndarray, a: np.ndarray | float, b: np.ndarray | float
) -> np.ndarray:
    """About the distance to the edge of an ellipse with half axes a and b."""
    return (np.sqrt((u / a) ** 2 + (v / b) ** 2) - 1) * np.minimum(a, b)
