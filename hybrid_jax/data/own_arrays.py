"""Data of the user's own as arrays: of an npz file, or from a function of their own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from hybrid_jax.data import images, own_splits
from hybrid_jax.data.arrays import Arrays, gap_between, tail
from hybrid_jax.data.attributes import NUMBERS
from hybrid_jax.data.columns import check_classes, check_names, encoded, numbers, whole_numbers
from hybrid_jax.data.images import Images
from hybrid_jax.data.people import numbered
from hybrid_jax.data.samples import TRAIN, VALIDATION, Samples
from hybrid_jax.errors import UserError, unknown

VECTORS, WINDOWS, IMAGES = 1, 2, 3  # axes of one sample
KINDS = {
    VECTORS: "vectors [N, size]",
    WINDOWS: "windows [N, channels, time]",
    IMAGES: "images [N, H, W, C]",
}
IMAGE_KINDS = {"trial": "image", "subject": "identity"}


def from_arrays(
    where: str,
    arrays: Mapping[str, np.ndarray],
    labels: Sequence[str],
    *,
    classes: Mapping[str, Sequence[str]] | None = None,
    inputs: str = "inputs",
    identity: str = "identity",
    split_kind: str = "",
    balance: str = "",
    seed: int = 0,
) -> Samples:
    """A data set of arrays: `docs/own_data.md` has their table.

    Args:
        where: the file or another name, for messages; its stem is what the data set is called.
        arrays: the inputs (vectors, windows, or uint8 images), and columns [N]: labels, and as far as there are
            identity, recording, start, split, height, weight and age; and the scalar window.
        labels: columns that are labels.
        classes: the names behind a label, in order, where its values do not say all.
        inputs: name of the inputs.
        identity: column of whose each sample is; without one each is somebody else's, or each recording.
        split_kind: `trial`, everybody in every split: the last 30 % of a recording is for test, of the rest the last
            tenth (of vectors and images: quarter) for validation, with a gap; or `subject`, people apart, by seed. By
            default what the column split says, and `trial` without one.
        balance: label of which every split of people is to have its share.
        seed: of what is drawn.

    Raises:
        errors.UserError: a column that is missing or of another length, inputs of another shape or with NaN, and what
            `columns` and `own_splits` raise.
    """
    labels = [name for name in labels if name != "identity"]
    check_names(labels, classes)
    values = _inputs(where, arrays, inputs)
    kind = own_splits.kind(where, split_kind, "split" in arrays)
    column = _reader(where, arrays, len(values))
    own, names = {}, {}
    for name in labels:
        own[name], names[name] = encoded(where, name, column(name), (classes or {}).get(name, ()))
    for name in NUMBERS:
        if name in arrays and name not in own:
            own[name] = numbers(where, name, column(name))
    people = _people(arrays, column, identity, len(values))
    own["identity"], names["identity"] = encoded(where, identity, people)
    own |= _places(where, arrays, column, people, values.ndim - 1, kind, seed)
    if kind == "given":
        own["split"] = own_splits.encoded(where, column("split"))
    order = np.lexsort((own["start"], own["recording"]))
    values, own = values[order], {name: found[order] for name, found in own.items()}
    return _samples(
        where,
        values,
        own,
        names,
        labels,
        _window(where, arrays, values),
        (kind, balance, seed),
        order,
    )


def _samples(where, values, own, names, labels, window, how, place) -> Samples:
    """Splits and standardises samples in their order; `place` is where in the file they stand."""
    (kind, balance, seed), axes = how, values.ndim - 1
    step = _step(own)
    gap = gap_between(axes, window, step)
    if kind == "given":
        split = own.pop("split")
        own_splits.check_apart(where, split, own["recording"], own["start"], window, place)
    elif kind == "subject":
        split = own_splits.by_person(where, own, balance, seed)
    else:
        split = own_splits.of_each(own["recording"], lambda n: own_splits.in_order(n, gap))
    if VALIDATION not in split:
        ends = images.tail if axes == IMAGES else lambda n: tail(n, axes, gap)
        train = split == TRAIN
        split[train] = own_splits.of_each(own["recording"][train], ends)
    own_splits.check_parts(where, split)
    if kind == "given":
        kind = "subject" if own_splits.people_apart(split, own["identity"]) else "trial"
    check_classes(where, split, own, names, labels)
    about = {"dataset": Path(where).stem, "split": split, "columns": own, "classes": names}
    if axes == IMAGES:
        return Images(split_kind=IMAGE_KINDS[kind], images=values, least=2, **about)
    values = values.astype(np.float32)
    over = (0,) if axes == VECTORS else (0, 2)  # a channel has one deviation at all times
    training = values[split == TRAIN].astype(np.float64)
    mean, std = training.mean(axis=over, keepdims=True), training.std(axis=over, keepdims=True)
    std = np.where(std > 0, std, 1.0)
    return Arrays(
        split_kind=kind,
        values=((values - mean) / std).astype(np.float32),
        window=window,
        step=step,
        mean=mean.astype(np.float32).reshape(-1),
        std=std.astype(np.float32).reshape(-1),
        **about,
    )


def _inputs(where: str, arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    if name not in arrays:
        raise unknown(f"column of {where}", name, arrays)
    values = np.asarray(arrays[name])
    if values.ndim - 1 not in KINDS or not values.size:
        raise UserError(
            f"{where}: column {name!r} has shape {values.shape}: give {', '.join(KINDS.values())}"
        )
    if values.ndim - 1 == IMAGES:
        if values.dtype != np.uint8:
            raise UserError(
                f"{where}: column {name!r} is of type {values.dtype}: images are uint8, 0 to 255"
            )
    elif values.dtype.kind not in "fiu":
        raise UserError(f"{where}: column {name!r} is of type {values.dtype}: give numbers")
    elif not (finite := np.isfinite(values)).all():
        wrong = np.flatnonzero(~finite.reshape(len(values), -1).all(axis=1))
        raise UserError(
            f"{where}: column {name!r} has NaN or infinity in {len(wrong)} of {len(values)} samples, first in sample"
            f" {wrong[0] + 1}: mend them, or leave them out"
        )
    return values


def _reader(where: str, arrays: Mapping[str, np.ndarray], size: int) -> Callable[[str], np.ndarray]:
    def column(name: str) -> np.ndarray:
        if name not in arrays:
            raise unknown(f"column of {where}", name, arrays)
        found = np.asarray(arrays[name])
        if found.shape != (size,):
            raise UserError(
                f"{where}: column {name!r} has shape {found.shape}, there are {size} samples: give one value each"
            )
        return found

    return column


def _people(arrays, column, identity: str, size: int) -> np.ndarray:
    """Whose each sample is [N]."""
    if identity in arrays or identity != "identity":
        return column(identity)
    return column("recording") if "recording" in arrays else np.arange(size)


def _places(
    where, arrays, column, people, axes: int, kind: str, seed: int
) -> dict[str, np.ndarray]:
    """Of which recording each sample is, and where in it it begins."""
    named = "recording" in arrays and axes != IMAGES
    if axes == WINDOWS and not named and kind == "trial":
        raise UserError(
            f"{where}: windows may overlap: give a column 'recording' (and 'start'), a column 'split', or set"
            " config.data.split_kind=subject; grey images are [N, H, W, 1]"
        )
    if named:
        recording, _ = encoded(where, "recording", column("recording"))
    else:  # a person's samples are then like those of a recording; without people all are of one
        alone = len(np.unique(people)) == len(people)
        recording = np.zeros(len(people), np.int32) if alone else encoded(where, "", people)[0]
    if "start" in arrays:
        return {"recording": recording, "start": whole_numbers(where, "start", column("start"))}
    # Samples of a recording stand in order; of others none comes before another.
    mixed = np.random.default_rng([seed, 11]).permutation(len(people))
    order = np.arange(len(people)) if named else mixed
    start = np.empty(len(people), np.int32)
    start[order] = numbered(recording[order])
    return {"recording": recording, "start": start}


def _window(where: str, arrays: Mapping[str, np.ndarray], values: np.ndarray) -> int:
    """Rows of a sample, in the unit of `start`."""
    if "window" in arrays:
        given = np.asarray(arrays["window"])
        if given.ndim or given.dtype.kind not in "iu" or given < 1:
            raise UserError(
                f"{where}: window {given.tolist()!r}: give one whole number, the rows of a sample"
            )
        return int(given)
    return values.shape[2] if values.ndim - 1 == WINDOWS and "start" in arrays else 1


def _step(own: Mapping[str, np.ndarray]) -> int:
    """The least distance between two samples of a recording."""
    apart = np.diff(own["start"])[np.diff(own["recording"]) == 0]
    return int(min(apart[apart > 0], default=1))
