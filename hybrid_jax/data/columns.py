"""Columns of the user's own data: labels as classes, numbers as they are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hybrid_jax.data.samples import TRAIN, Samples
from hybrid_jax.errors import UserError, unknown

MOST = 5  # classes that a message names


def encoded(
    where: str, name: str, given: Sequence[Any] | np.ndarray, names: Sequence[str] = ()
) -> tuple[np.ndarray, tuple[str, ...]]:
    """A label as classes.

    Args:
        where: the file, for messages.
        name: of the column.
        given: [N] whole numbers or text.
        names: of the classes, in order; a number is then a position among them. Without, the values that occur, sorted.

    Returns:
        int32 [N], and the classes' names.

    Raises:
        errors.UserError: a value that is missing, a fraction, or no class.
    """
    values = np.asarray(given)
    if values.ndim != 1:
        raise UserError(
            f"{where}: column {name!r} has shape {values.shape}: give one value a sample, [N]"
        )
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise UserError(
                f"{where}: column {name!r} has no value in row {_first(~np.isfinite(values))}"
            )
        if (values != np.rint(values)).any():
            raise UserError(
                f"{where}: column {name!r} has {values[values != np.rint(values)][0]:g}: a label is a whole"
                " number or text"
            )
        values = values.astype(np.int64)
    if values.dtype.kind not in "iubUS":
        raise UserError(
            f"{where}: column {name!r} is of type {values.dtype}: a label is a whole number or text"
        )
    if values.dtype.kind in "US":
        values = np.char.strip(_text(where, name, values))
        if (empty := np.char.str_len(values) == 0).any():
            raise UserError(f"{where}: column {name!r} has no value in row {_first(empty)}")
    elif names:
        if strange := set(values.tolist()) - set(range(len(names))):
            raise unknown(f"class in column {name!r} of {where}", min(strange), range(len(names)))
        return values.astype(np.int32), tuple(names)
    found = np.unique(values)
    known = tuple(names) or tuple(map(str, found.tolist()))
    place = {each: at for at, each in enumerate(known)}
    for value in map(str, found.tolist()):
        if value not in place:
            raise unknown(f"class in column {name!r} of {where}", value, known)
    of_found = np.array([place[str(value)] for value in found.tolist()], np.int32)
    return of_found[np.searchsorted(found, values)], known


def numbers(where: str, name: str, values: Sequence[Any] | np.ndarray) -> np.ndarray:
    """A person's number, float32 [N].

    Raises:
        errors.UserError: a value that is missing or no number.
    """
    try:
        found = np.asarray(values).astype(np.float32)
    except ValueError:
        raise UserError(f"{where}: column {name!r} is no column of numbers") from None
    if not np.isfinite(found).all():
        raise UserError(
            f"{where}: column {name!r} has no value in row {_first(~np.isfinite(found))}"
        )
    return found


def whole_numbers(where: str, name: str, values: Sequence[Any]) -> np.ndarray:
    """int32 [N].

    Raises:
        errors.UserError: a value that is none, or too large: a time in nanoseconds would wrap around.
    """
    found = np.asarray(values)
    if found.dtype.kind not in "iu" and not (
        found.dtype.kind == "f" and np.isfinite(found).all() and (found == np.rint(found)).all()
    ):
        raise UserError(f"{where}: column {name!r} is no column of whole numbers")
    bounds = np.iinfo(np.int32)
    if (beyond := (found < bounds.min) | (found > bounds.max)).any():
        raise UserError(
            f"{where}: column {name!r} has {found[beyond][0]:.0f} in row {_first(beyond)}, beyond {bounds.max}: count"
            " from the beginning of each recording, in rows or milliseconds"
        )
    return found.astype(np.int32)


def check_names(labels: Sequence[str], classes: Mapping[str, Sequence[str]] | None) -> None:
    """Raises `UserError` for names of classes of what is no label."""
    for name in classes or {}:
        if name not in labels:
            raise unknown("label (config.data.classes)", name, labels)


def check_classes(
    where: str,
    split: np.ndarray,
    columns: Mapping[str, np.ndarray],
    classes: Mapping[str, tuple[str, ...]],
    names: Sequence[str],
) -> None:
    """Raises `UserError` unless each label of `names` has two classes or more, and training samples of all."""
    for name in names:
        known = classes[name]
        if len(known) < 2:
            raise UserError(
                f"{where}: column {name!r} has one class, {', '.join(known)}: there is nothing to tell apart"
            )
        there = np.bincount(columns[name][split == TRAIN], minlength=len(known))
        if not there.all():
            missing = [known[k] for k in np.flatnonzero(there == 0)]
            more = f" and {len(missing) - MOST} more" * (len(missing) > MOST)
            raise UserError(
                f"{where}: column {name!r} has no training sample of class {', '.join(missing[:MOST])}{more}: give it"
                " some, or leave the class out"
            )


def check_columns(samples: Samples) -> None:
    """Raises `UserError` unless samples have the columns that all need, of one length, with labels that have names."""
    name, size = samples.dataset, len(samples.split)
    for needed in ("identity", "recording", "start", *samples.classes):
        if needed not in samples.columns:
            raise unknown(f"column of {name}", needed, samples.columns)
    if "identity" not in samples.classes:
        raise UserError(f"{name}: column 'identity' has no classes: name the people")
    for column, values in samples.columns.items():
        if np.shape(values) != (size,):
            raise UserError(
                f"{name}: column {column!r} has shape {np.shape(values)}, there are {size} samples: give one value each"
            )
    for label, known in samples.classes.items():
        values = samples.columns[label]
        if size and not 0 <= values.min() <= values.max() < len(known):
            raise UserError(
                f"{name}: column {label!r} has {values.min()} to {values.max()}, there are {len(known)} classes"
            )


def _first(wrong: np.ndarray) -> int:
    """Number of the first wrong row, from 1."""
    return int(np.argmax(wrong)) + 1


def _text(where: str, name: str, values: np.ndarray) -> np.ndarray:
    """Text as such: bytes are UTF-8."""
    if values.dtype.kind == "U":
        return values
    try:
        return np.char.decode(values, "utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: column {name!r} is not UTF-8 ({error})") from None
