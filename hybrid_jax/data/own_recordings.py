"""Data of the user's own as recordings, cut into windows."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_jax.data import columns, own_splits
from hybrid_jax.data.attributes import NUMBERS
from hybrid_jax.data.samples import GAP, TEST, TRAIN
from hybrid_jax.data.windows import Windows, check_shape, gap_windows, make_windows
from hybrid_jax.errors import UserError, unknown


@dataclass(frozen=True, eq=False)
class Recorded:
    """One recording, as a file has it.

    Attributes:
        where: the file, for messages.
        rows: float32 [n, C], in raw units.
        values: by column: one value of it all, or [n].
        sensors: names of the channels.
    """

    where: str
    rows: np.ndarray
    values: Mapping[str, Any]
    sensors: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Piece:
    """What `make_windows` takes: an uninterrupted part of a recording with one value in each column.

    Attributes:
        rows: float32 [n, C].
        columns: labels and numbers.
        split: TRAIN, VALIDATION or TEST.
    """

    rows: np.ndarray
    columns: dict[str, np.generic]
    split: int


def from_recordings(
    where: str,
    recordings: Sequence[Recorded],
    labels: Sequence[str],
    *,
    classes: Mapping[str, Sequence[str]] | None = None,
    identity: str = "identity",
    split_kind: str = "",
    balance: str = "",
    window: int = 50,
    step: int = 10,
    seed: int = 0,
) -> Windows:
    """Windows of recordings: `docs/own_data.md` has the table of their columns.

    A window has one value in each column: where a value changes, another recording begins.

    Args:
        where: the folder or another name, for messages; its stem is what the data set is called.
        recordings: see `Recorded`.
        labels: columns that are labels.
        classes: the names behind a label, in order, where its values do not say all.
        identity: column of whose a recording is; without one each is somebody else's.
        split_kind: as of `own_arrays.from_arrays`; `trial` takes the last 30 % of every recording, in time, for test.
        balance: label of which every split of people is to have its share.
        window: rows in a window.
        step: rows from one window to the next.
        seed: of who is in which split.

    Raises:
        errors.UserError: a recording that is shorter than a window, NaN, and what `columns` and `own_splits` raise.
    """
    check_shape("trial", window, step)
    labels = [name for name in labels if name != "identity"]
    columns.check_names(labels, classes)
    _check(where, recordings, window)
    pieces = [piece for each in recordings for piece in _pieces(each)]
    kind = own_splits.kind(where, split_kind, "split" in pieces[0].values)
    own, names = {}, {}
    for name in labels:
        chosen = (classes or {}).get(name, ())
        own[name], names[name] = columns.encoded(where, name, _column(pieces, name), chosen)
    named = identity != "identity" or identity in pieces[0].values
    people = _column(pieces, identity) if named else [piece.where for piece in pieces]
    own["identity"], names["identity"] = columns.encoded(where, identity, people)
    for name in NUMBERS:
        if name in pieces[0].values and name not in own:
            own[name] = columns.numbers(where, name, _column(pieces, name))
    split = np.full(len(pieces), TRAIN, np.int8)
    if kind == "given":
        split = own_splits.encoded(where, _column(pieces, "split"))
    elif kind == "subject":
        split = own_splits.by_person(where, own, balance, seed)
    made = [
        Piece(piece.rows, {name: found[at] for name, found in own.items()}, int(split[at]))
        for at, piece in enumerate(pieces)
        if split[at] != GAP
    ]
    if kind == "trial":
        made = [part for piece in made for part in _in_time(piece, window, step)]
    if kind == "given":
        whose = np.array([piece.columns["identity"] for piece in made])
        apart = own_splits.people_apart(np.array([piece.split for piece in made]), whose)
        kind = "subject" if apart else "trial"
    samples = make_windows(
        made,
        dataset=Path(where).stem,
        classes=names,
        split_kind=kind,
        split_of=lambda piece: piece.split,
        window=window,
        step=step,
    )
    own_splits.check_parts(where, samples.split)
    columns.check_classes(where, samples.split, samples.columns, names, labels)
    return samples


def _check(where: str, recordings: Sequence[Recorded], window: int) -> None:
    if not recordings:
        raise UserError(f"{where}: no recording")
    for each in recordings:
        shape, first = each.rows.shape, recordings[0].rows.shape
        if len(shape) != 2 or shape[1:] != first[1:]:
            raise UserError(
                f"{each.where}: rows have shape {shape}, in {recordings[0].where} {first}: give [time, channels] of"
                " equally many channels"
            )
        if shape[0] < window:
            raise UserError(
                f"{each.where} has {shape[0]} rows, fewer than a window (config.data.window {window}): shorten the"
                " window, or leave the recording out"
            )
        if not (finite := np.isfinite(each.rows)).all():
            row, channel = np.argwhere(~finite)[0]
            name = (each.sensors or range(shape[1]))[channel]
            raise UserError(
                f"{each.where}: column {name!r} has NaN or infinity in row {row + 1}: mend it, or leave the"
                " recording out"
            )
        for name, value in each.values.items():
            if np.ndim(value) and np.shape(value) != shape[:1]:
                raise UserError(
                    f"{each.where}: column {name!r} has shape {np.shape(value)}, there are {shape[0]} rows: give one"
                    " value, or one each"
                )
            texts = np.atleast_1d(np.asarray(value))
            if texts.dtype.kind == "U" and (empty := np.char.strip(texts) == "").any():
                row = f" in row {np.argmax(empty) + 1} of {shape[0]}" if np.ndim(value) else ""
                raise UserError(f"{each.where}: column {name!r} has no value{row}: give one")


def _pieces(recorded: Recorded) -> Iterator[Recorded]:
    """The parts of a recording in which no column changes."""
    changing = {name: np.asarray(v) for name, v in recorded.values.items() if np.ndim(v)}
    changes = [np.flatnonzero(v[1:] != v[:-1]) + 1 for v in changing.values()]
    ends = [*np.unique(np.concatenate([np.zeros(1, int), *changes])), len(recorded.rows)]
    for begin, end in itertools.pairwise(map(int, ends)):
        values = dict(recorded.values) | {name: v[begin] for name, v in changing.items()}
        yield replace(recorded, rows=recorded.rows[begin:end], values=values)


def _column(pieces: Sequence[Recorded], name: str) -> list[Any]:
    """A value of each."""
    for piece in pieces:
        if name not in piece.values:
            raise unknown(f"column of {piece.where}", name, (*piece.sensors, *piece.values))
    return [piece.values[name] for piece in pieces]


def _in_time(piece: Piece, window: int, step: int) -> Iterator[Piece]:
    """A recording's beginning for training and its end for test, with rows between that neither has."""
    first = own_splits.test_begins(len(piece.rows))
    left_out = gap_windows(window, step) * step
    yield replace(piece, rows=piece.rows[: max(0, first - left_out)])
    yield replace(piece, rows=piece.rows[first:], split=TEST)
