"""Samples that come cut: windows or vectors of the user's own, one row of an array each."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import numpy as np

from hybrid_jax.data.samples import GAP, TRAIN, VALIDATION, Samples
from hybrid_jax.data.windows import GAP_WINDOWS

TAILS = {1: 4, 2: 10}  # of a recording's samples, by axes of one, one in so many is to choose by


@dataclass(frozen=True)
class ArrayInputs:
    """The arrays' `samples.Inputs`: as they are."""

    def __call__(
        self, data: Mapping, indices: jax.Array, key: jax.Array | None = None
    ) -> jax.Array:
        """[B, ...]; nothing is augmented."""
        return data["inputs"][indices]


@dataclass(frozen=True, eq=False, kw_only=True)
class Arrays(Samples):
    """A prepared data set of N windows or vectors.

    Attributes:
        values: float32 [N, channels, time] or [N, size], standardised.
        window: rows of a recording in a sample, in the unit of the column `start`.
        step: of the same from one sample to the next, the least there is.
        mean, std: float32 [channels] or [size].
    """

    values: np.ndarray
    window: int = 1
    step: int = 1

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Channels and time of a window, or the size of a vector."""
        return self.values.shape[1:]

    @property
    def inputs(self) -> ArrayInputs:
        """See `ArrayInputs`."""
        return ArrayInputs()

    @property
    def shared(self) -> dict[str, np.ndarray]:
        """Nothing: values are standardised already."""
        return {}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The values."""
        return {"inputs": self.values}

    def take(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """`inputs` [B, ...]."""
        return {"inputs": self.values[numbers]}

    @property
    def span(self) -> int:
        """See `window`."""
        return self.window

    @property
    def gap(self) -> int:
        """See `gap_between`."""
        return gap_between(self.values.ndim - 1, self.window, self.step)

    def tail(self, number: int) -> np.ndarray:
        """See `tail`."""
        return tail(number, self.values.ndim - 1, self.gap)


def gap_between(axes: int, window: int, step: int) -> int:
    """Samples left out between two parts of a recording: of windows 5 at least, of vectors as many as overlap."""
    overlapping = -(-window // step) if window > step else 0
    return max(GAP_WINDOWS, overlapping) if axes == 2 else overlapping


def tail(number: int, axes: int, gap: int) -> np.ndarray:
    """See `Samples.tail`: the last tenth of a recording's windows, or quarter of its vectors, is to choose by.

    A recording with fewer than 10 windows is all for training, as one with fewer than 4 vectors.
    """
    split = np.full(number, TRAIN, np.int8)
    first = number - number // TAILS[axes]
    if first < number:
        split[max(0, first - gap) : first] = GAP
        split[first:] = VALIDATION
    return split
