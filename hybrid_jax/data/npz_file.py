"""An npz file of the user's own."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hybrid_jax.data.own_arrays import from_arrays
from hybrid_jax.data.samples import Samples
from hybrid_jax.errors import UserError, in_a_line


def load(
    file: str | Path,
    labels: Sequence[str],
    *,
    classes: Mapping[str, Sequence[str]] | None = None,
    inputs: str = "inputs",
    identity: str = "identity",
    split_kind: str = "",
    balance: str = "",
    seed: int = 0,
) -> Samples:
    """Data of an npz file: `from_arrays` of its arrays.

    Raises:
        errors.UserError: no such file, or what `from_arrays` raises.
    """
    try:
        with np.load(Path(file).expanduser()) as saved:
            arrays = {name: _plain(file, name, saved) for name in saved}
    except FileNotFoundError:
        raise UserError(f"config.data.file {file}: no such file; name an npz") from None
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise UserError(
            f"config.data.file {file} is no npz of plain arrays ({in_a_line(error)})"
        ) from None
    return from_arrays(
        str(file),
        arrays,
        labels,
        classes=classes,
        inputs=inputs,
        identity=identity,
        split_kind=split_kind,
        balance=balance,
        seed=seed,
    )


def _plain(file: str | Path, name: str, saved: Mapping[str, np.ndarray]) -> np.ndarray:
    try:
        return saved[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise UserError(
            f"config.data.file {file}: array {name!r} holds Python objects: save text as .astype(str)"
        ) from None
