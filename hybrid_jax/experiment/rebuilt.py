"""The reconstructions that evaluations have left in a work folder, for the figures."""

from pathlib import Path

import numpy as np

from hybrid_jax.embedding import METHODS

FILE = "reconstruction.npz"


def read(evaluated: Path) -> dict[str, dict[str, np.ndarray]]:
    """By layer: the originals, and what was rebuilt of each method at the strongest noise that it was attacked at.

    Args:
        evaluated: the folder of the evaluations.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    for folder in sorted(evaluated.glob("*")):
        for method in METHODS:
            if not (folder / method / FILE).exists():
                continue
            with np.load(folder / method / FILE) as arrays:
                rows = found.setdefault(folder.name, {"original": arrays["originals"]})
                levels = [
                    float(name.removeprefix("rebuilt-")) for name in arrays if name != "originals"
                ]
                rows[method] = arrays[f"rebuilt-{max(levels):g}"]
    return found
