"""Whether exported files compute what JAX computes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid_jax.progress import bar

# Inputs [1, ...] by name to the output [1, ...].
Run = Callable[[dict[str, np.ndarray]], np.ndarray]

LIMIT = 1e-4  # of float32, relative
INPUTS = 1000  # real ones; all where a data set has fewer


def differences(found: np.ndarray, expected: np.ndarray) -> dict[str, Any]:
    """How far outputs [N, ...] are from the expected ones, in units of the root mean square of those.

    Returns:
        `inputs`: N; `relative_difference`: the largest; `relative_rms`: the root mean square; both None where an output
        is not finite.
    """
    off = np.asarray(found, np.float64) - expected
    if not np.isfinite(off).all():
        return {"inputs": len(expected), "relative_difference": None, "relative_rms": None}
    scale = np.sqrt(np.mean(np.square(expected, dtype=np.float64))) or 1.0
    return {
        "inputs": len(expected),
        "relative_difference": float(np.abs(off).max() / scale),
        "relative_rms": float(np.sqrt(np.mean(np.square(off))) / scale),
    }


def outputs(run: Run, inputs: dict[str, np.ndarray], told: str) -> np.ndarray:
    """What a file makes of inputs [N, ...] by name, one sample at a time: [N, ...]; a bar tells of it as `told`."""
    size, found = len(next(iter(inputs.values()))), []
    with bar(told, size) as advance:
        for i in range(size):
            found.append(np.array(run({name: a[i : i + 1] for name, a in inputs.items()})))
            advance(i + 1)
    return np.concatenate(found)


def device_inputs(
    shapes: dict[str, tuple[int, ...]], x: np.ndarray, scale: float = 1.0
) -> dict[str, np.ndarray]:
    """The inputs of a device half by name: samples [N, ...], and the draws that it may take, times `scale`."""
    first, *rest = shapes
    draw = np.random.default_rng(0).standard_normal
    return {first: x} | {
        name: np.float32(scale) * draw((len(x), *shapes[name]), np.float32) for name in rest
    }


def excess(found: dict[str, dict[str, Any]]) -> list[str]:
    """Which float32 files differ from JAX by more than `LIMIT`, and which files give no numbers, in words."""
    told = []
    for name, own in found.items():
        off = own.get("relative_difference", 0.0)  # of what was not run nothing is known
        if off is None:
            told.append(f"{name} gives outputs that are not finite")
        elif own["precision"] == "float32" and off > LIMIT:
            told.append(f"{name} differs from JAX by {off:.2g} of its size ({LIMIT:g} is allowed)")
    return told
