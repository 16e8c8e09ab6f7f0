"""What makes one batch from its samples' numbers, where the data does not fit the device: a `stream.Load` each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_jax.errors import UserError, unknown

# What JAX makes of these; TFDS gives scalars as Python's numbers, which are wide.
NARROW = {"int64": np.int32, "uint64": np.uint32, "float64": np.float32}


@dataclass(frozen=True, eq=False)
class LoadSamples:
    """Samples that this machine's memory holds.

    Called with numbers [B] it gives what `take` does, and their `labels` [B].

    Attributes:
        take: as `Samples.take`.
        labels: [N] int32.
    """

    take: Callable[[np.ndarray], dict[str, np.ndarray]]
    labels: np.ndarray

    def __call__(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """See above."""
        return self.take(numbers) | {"labels": self.labels[numbers]}


class LoadExamples:
    """Examples of a TensorFlow data set from its files, decoded without TensorFlow.

    Called with numbers [B] it gives every feature [B, ...], in at most 32 bits. All examples must have one shape.

    Args:
        folder: of a prepared data set, as `builder.data_path` names it: the one that holds `dataset_info.json`. It must
            have been prepared with `file_format="array_record"`, which can be read at any place.
        split: as TFDS names it, `train` or `train[:90%]`.

    Raises:
        errors.UserError: no such data set, format or split, or TFDS is not installed.
    """

    def __init__(self, folder: str | Path, split: str):
        self.folder, self.split = Path(folder), split
        _ = self._source  # a mistake is found here, not in a worker

    def __getstate__(self) -> dict[str, Any]:
        # Each process opens the files for itself.
        return {"folder": self.folder, "split": self.split}

    def __len__(self) -> int:
        return len(self._source)

    def __call__(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """See above."""
        examples = self._source.__getitems__([int(number) for number in numbers])
        return {name: _narrow(np.stack([e[name] for e in examples])) for name in examples[0]}

    @cached_property
    def _source(self) -> Any:
        try:
            import tensorflow_datasets as tfds  # loads no TensorFlow as long as only this is asked of it
        except ImportError as error:
            raise UserError(f"reading {self.folder} needs {error.name}: install that") from error
        if not (self.folder / "dataset_info.json").is_file():
            raise UserError(
                f"{self.folder} is no prepared data set: name the folder with dataset_info.json"
            )
        builder = tfds.builder_from_directory(self.folder)
        found = builder.info.file_format.file_suffix
        if found != "array_record":
            raise UserError(
                f"{self.folder} holds {found} files, which cannot be read at any place: prepare it with "
                'file_format="array_record"'
            )
        name = self.split.partition("[")[0]
        if name not in builder.info.splits:
            raise unknown(f"split of {self.folder}", name, builder.info.splits)
        return builder.as_data_source(self.split)


def _narrow(values: np.ndarray) -> np.ndarray:
    return values.astype(NARROW.get(values.dtype.name, values.dtype), copy=False)
