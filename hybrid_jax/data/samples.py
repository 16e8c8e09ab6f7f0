"""Data sets: what all kinds of samples have in common, so that everything else is written once."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

TRAIN, VALIDATION, TEST, GAP = 0, 1, 2, 3  # values of Samples.split; nobody uses GAP samples
APART = ("subject", "identity")

# inputs(data, indices [B], key=None) -> [B, ...]: what the network is given, made of `Samples.arrays` or of a batch
# that was `take`n. With a key it is augmented, where the data set says how. Hashable, equal to one of equal fields.
Inputs = Callable[..., jax.Array]


@dataclass(frozen=True, eq=False, kw_only=True)
class Samples(ABC):
    """A prepared data set of N samples. Samples of one recording stand in it one after another.

    Attributes:
        dataset: name of the data set.
        split_kind: "trial" or "image" (everybody in every split); or one of `APART` (everybody in one).
        split: int8 [N], one of TRAIN, VALIDATION, TEST, GAP.
        columns: [N] each: the labels in `classes`; identity, recording (a number unique to the recording) and start
            (where in its recording a sample begins) as int32; a person's numbers as float32.
        classes: the names behind the labels.
        mean: what is subtracted of raw values: as many axes as broadcast over a sample.
        std: what is then divided by, likewise.
    """

    dataset: str
    split_kind: str
    split: np.ndarray
    columns: dict[str, np.ndarray]
    classes: dict[str, tuple[str, ...]]
    mean: np.ndarray
    std: np.ndarray

    def indices(self, split: int) -> np.ndarray:
        """Numbers of the samples in `split` (TRAIN, VALIDATION or TEST), int32, ascending."""
        return np.flatnonzero(self.split == split).astype(np.int32)

    @property
    def people_apart(self) -> bool:
        """Whether nobody is in two splits: then no other split knows who a test person is."""
        return self.split_kind in APART

    def known(self, target: str) -> np.ndarray:
        """Which samples an adversary after `target` can be asked about, bool [N]."""
        return np.ones(len(self.split), bool)

    @property
    def whole(self) -> np.ndarray:
        """Which samples share nothing with a recording other than their own, bool [N]."""
        return np.ones(len(self.split), bool)

    @property
    def normalisation(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation as they broadcast over one input of the network in eval mode."""
        return self.mean, self.std

    @property
    def matched(self) -> "Samples | None":
        """What a classifier of people can learn from: training samples of people whose others are in validation."""
        return None if self.people_apart else self

    @property
    @abstractmethod
    def input_shape(self) -> tuple[int, ...]:
        """Of one input of the network."""

    @property
    @abstractmethod
    def inputs(self) -> Inputs:
        """See `Inputs`."""

    @property
    @abstractmethod
    def shared(self) -> dict[str, np.ndarray]:
        """What `inputs` takes beside a batch that was taken."""

    @property
    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """The rest of what `inputs` takes, of all samples."""

    @abstractmethod
    def take(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """What `inputs` takes instead of `arrays`, of samples `numbers` [B] alone, with `slice(None)` for indices."""

    @property
    @abstractmethod
    def span(self) -> int:
        """How far apart starts of one recording are where two samples have nothing in common."""

    @property
    @abstractmethod
    def gap(self) -> int:
        """Samples that are left out between two parts of a recording, so that they have nothing in common."""

    @abstractmethod
    def tail(self, number: int) -> np.ndarray:
        """int8 [number]: of so many samples of one recording in order, those to learn from (TRAIN) and to choose by.

        Those are VALIDATION, and what is between them is GAP.
        """

    def data(self) -> dict[str, Any]:
        """All that `inputs` takes, as arrays on the device."""
        return {name: jnp.asarray(a) for name, a in (self.shared | self.arrays).items()}
