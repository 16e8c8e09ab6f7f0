"""Whether exported files compute what JAX computes."""

from collections.abc import Callable
from typing import Any

import numpy as np

Run = Callable[
    [dict[str, np.ndarray]], np.ndarray
]  # inputs [1, ...] by name to the output [1, ...]

LIMIT = 1e-4  # of float32, relative
INPUTS = 1000  # real ones; all where a data set has fewer


def differences(found: np.ndarray, expected: np.ndarray) -> dict[str, Any]:
    """How far outputs [N, ...] are from the expected ones, in units of the root mean square of those.

    Returns:
        `inputs`: N; `relative_difference`: the largest; `relative_rms`: the root mean square.
    """
    off = np.asarray(found, np.float64) - expected
    scale = np.sqrt(np.mean(np.square(expected, dtype=np.float64))) or 1.0
    return {
        "inputs": len(expected),
        "relative_difference": float(np.abs(off).max() / scale),
        "relative_rms": float(np.sqrt(np.mean(np.square(off))) / scale),
    }


def compared(run: Run, inputs: dict[str, np.ndarray], expected: np.ndarray) -> dict[str, Any]:
    """How far a file's outputs are from JAX's.

    Args:
        run: the file.
        inputs: [N, ...] by name.
        expected: [N, ...] of JAX.
    """
    return differences(outputs(run, inputs), expected)


def outputs(run: Run, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """What a file makes of inputs [N, ...] by name, one sample at a time: [N, ...]."""
    size = len(next(iter(inputs.values())))
    each = ({name: a[i : i + 1] for name, a in inputs.items()} for i in range(size))
    return np.concatenate([np.array(run(given)) for given in each])


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
    """Which float32 files differ from JAX by more than `LIMIT`, in words."""
    return [
        f"{name} differs from JAX by {own['relative_difference']:.2g} of its size ({LIMIT:g} is allowed)"
        for name, own in found.items()
        # Not "above the limit": what is not a number is not what JAX computes.
        if "float32" in name and not own.get("relative_difference", 0.0) <= LIMIT
    ]
