"""Figures of the work folder, put into the page itself."""

import base64
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from hybrid_jax import paper, results

QUALITY = 88  # of WebP: a twentieth of the PNG, and no difference to be seen


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        title: above it.
        alt: what it shows, for who does not see it.
        source: a data URI.
        width: pixels.
        height: pixels.
    """

    title: str
    alt: str
    source: str
    width: int
    height: int


def reconstructions(records: Iterable[Mapping], folder: Path) -> list[Picture]:
    """The figures of rebuilt images that lie in a work folder, of the layers of which there are records.

    Args:
        records: those that are shown.
        folder: the work folder's `figures`.
    """
    records = results.select(records, evaluator="reconstruction")
    found = []
    for layer in results.distinct(records, "layer"):
        path = folder / f"reconstruction_{layer}.png"
        if not path.is_file():
            continue
        own = results.select(records, layer=layer)
        methods = [paper.method_name(m) for m in results.distinct(own, "method")]
        alt = (
            f"A grid of images, {paper.layer_name(layer)}. First row: originals. Below, a row for each method, what a"
            f" decoder made of their uploads: {', '.join(methods)}. How close they are is in the table of this section."
        )
        found.append(_picture(path, f"Rebuilt from uploads, {paper.layer_name(layer)}", alt))
    return found


def _picture(path: Path, title: str, alt: str) -> Picture:
    with Image.open(path) as image:
        packed = io.BytesIO()
        image.convert("RGB").save(packed, "WEBP", quality=QUALITY, method=1)
        width, height = image.size
    source = f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}"
    return Picture(title, alt, source, width, height)
