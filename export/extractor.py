"""A device half as it ships: a .tflite file that makes features of inputs, and may add noise that it is given."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np

from export.halves import NORMAL
from export.litert import LiteRT
from hybrid_jax.errors import UserError

TOLERANCE = 1e-3  # of the noise that a file adds, relative
TRIED = 16  # inputs, each with a draw of its own


class Extractor:
    """A file that takes one input [1, ...], and the standard-normal draw if it adds noise.

    Args:
        path: of the .tflite file.

    Raises:
        errors.UserError: no such file, none that LiteRT can run, or one with other inputs or outputs: several, or not
            of one float32 sample.
    """

    def __init__(self, path: Path):
        if not path.is_file():
            raise UserError(f"{path}: there is no such file")
        self._path, self._file = path, LiteRT(path)
        others = [name for name in self._file.inputs if name != NORMAL]
        if len(others) != 1 or len(self._file.outputs) != 1:
            raise UserError(
                f"{path} takes {', '.join(self._file.inputs)} and gives {', '.join(self._file.outputs)}: an extractor"
                f" takes one input, and {NORMAL} if it adds noise, and gives one feature"
            )
        self._input = others[0]
        if strange := self._file.strange:
            raise UserError(
                f"{path}: {strange}: an extractor takes and gives one sample in float32"
            )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one input, without the batch."""
        return self._file.inputs[self._input]

    @property
    def precision(self) -> str:
        """Of its coarsest numbers: float32, float16 or int8."""
        return self._file.precision

    @cached_property
    def noise_std(self) -> float:
        """Of the noise that it adds, in the feature's units, as it adds it; 0 without. `check` tries that it does."""
        if NORMAL not in self._file.inputs:
            return 0.0
        draw, added, _ = self._noise(np.zeros((1, *self.input_shape), np.float32), 0)
        return float(np.sum(added * draw) / np.sum(np.square(draw, dtype=np.float64)))

    def check_shape(self, inputs: np.ndarray) -> None:
        """Raises `UserError` unless it takes inputs of this shape [N, ...]."""
        if inputs.shape[1:] != self.input_shape:
            raise UserError(
                f"{self._path} takes inputs of shape {self.input_shape}; the data has {inputs.shape[1:]}"
            )

    def check(self, inputs: np.ndarray, noise_std: float | None) -> None:
        """Raises `UserError` unless it takes these inputs [N, ...] and adds this noise to each; `None`: any."""
        self.check_shape(inputs)
        if NORMAL in self._file.inputs:
            tried = np.linspace(0, len(inputs) - 1, min(TRIED, len(inputs))).astype(int)
            for seed, at in enumerate(tried):
                self._check_noise(inputs[at][None], seed)
        if noise_std is not None and abs(self.noise_std - noise_std) > TOLERANCE * noise_std:
            raise UserError(
                f"{self._path} adds noise of {self.noise_std:.4g}, its manifest says {noise_std:.4g}"
            )

    def _noise(self, x: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
        """A draw, what the file makes of it beside input [1, ...], and the largest number of the feature."""
        shape = (1, *self._file.inputs[NORMAL])
        draw = np.random.default_rng(seed).standard_normal(shape, np.float32)
        clean = self._file({self._input: x}).astype(np.float64)
        added = self._file({self._input: x, NORMAL: draw}).astype(np.float64) - clean
        return draw, added, float(np.abs(clean).max())

    def _check_noise(self, x: np.ndarray, seed: int) -> None:
        draw, added, largest = self._noise(x, seed)
        found = self.noise_std
        # What float32 loses of the noise beside a large feature is no fault of the file's.
        slack = TOLERANCE * max(abs(found), 1e-3 * largest)
        if found < 0 or np.abs(added - found * draw).max() > slack * max(1.0, np.abs(draw).max()):
            raise UserError(
                f"{self._path} does not add {NORMAL} times one number to its feature: its noise cannot be audited"
            )

    def features(
        self, inputs: np.ndarray, on_progress: Callable[[int], None] = lambda done: None
    ) -> np.ndarray:
        """[N, d] features of inputs [N, ...], without noise."""
        found = []
        for done, x in enumerate(inputs, 1):
            found.append(self._file({self._input: x[None]}).reshape(-1))
            if done % 64 == 0 or done == len(inputs):
                on_progress(done)
        return np.stack(found)
