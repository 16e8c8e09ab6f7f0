"""Windows over recordings: where each begins, what it is labelled with, and which split it is in.

A data set is held as its standardised rows plus the windows' first rows; a batch of windows is
gathered from the rows inside the training step (37 MB for MotionSense, where windows are 180).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.data.samples import GAP, TEST, TRAIN, VALIDATION, Samples
from hybrid_jax.errors import UserError, unknown

SPLIT_KINDS = ("trial", "subject")
GAP_WINDOWS = 5  # windows left out between a recording's training and validation windows


@dataclass(frozen=True, eq=False)
class Recording:
    """One uninterrupted recording of one subject doing one activity, in raw units.

    `rows` is float32 [n, C]; `activity`, `gender` and `identity` are labels (positions in
    `Windows.classes`); height in cm, weight in kg, age in years.
    """

    rows: np.ndarray
    activity: int
    gender: int
    identity: int
    trial: int
    height: float
    weight: float
    age: float

    @property
    def columns(self) -> dict[str, np.generic]:
        """What every window of it is labelled with."""
        labels = {
            n: np.int32(getattr(self, n)) for n in ("activity", "gender", "identity", "trial")
        }
        return labels | {n: np.float32(getattr(self, n)) for n in ("height", "weight", "age")}


@dataclass(frozen=True)
class WindowInputs:
    """The windows' `samples.Inputs`: gathered from `rows` and `starts`, or the `windows` that were taken."""

    window: int

    def __call__(
        self, data: Mapping, indices: jax.Array, key: jax.Array | None = None
    ) -> jax.Array:
        """[B, C, T]; windows are not augmented."""
        if "windows" in data:
            return data["windows"][indices]
        return gather(data["rows"], data["starts"][indices], self.window)


@dataclass(frozen=True, eq=False, kw_only=True)
class Windows(Samples):
    """A prepared data set of N windows over R rows of C channels.

    Attributes:
        split_kind: "trial" (every subject in both sets) or "subject" (subjects held out whole).
        rows: float32 [R, C], standardised with the training rows' mean and population deviation.
        starts: int32 [N], each window's first row in `rows`.
        columns: activity, gender, identity, trial, recording, start (first row within its recording); height in cm,
            weight in kg, age in years. A window takes the values of its first row.
        window: rows in a window (T). step: rows from one window to the next.
        mean, std: float32 [C].
    """

    rows: np.ndarray
    starts: np.ndarray
    window: int
    step: int

    @cached_property
    def whole(self) -> np.ndarray:
        """Which windows end in the recording that they begin in, bool [N]: of published ones not all do."""
        begins = self.starts - self.columns["start"]
        ends = np.append(np.unique(begins), len(self.rows))
        return self.starts + self.window <= ends[np.searchsorted(ends, begins, side="right")]

    @property
    def input_shape(self) -> tuple[int, int]:
        """Channels and time of one window."""
        return self.rows.shape[1], self.window

    @property
    def inputs(self) -> WindowInputs:
        """See `WindowInputs`."""
        return WindowInputs(self.window)

    @property
    def shared(self) -> dict[str, np.ndarray]:
        """Nothing: rows are standardised already."""
        return {}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Rows and starts."""
        return {"rows": self.rows, "starts": self.starts}

    def take(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """`windows` [B, C, T]."""
        at = self.starts[numbers][:, None] + np.arange(self.window, dtype=np.int32)
        return {"windows": self.rows[at].transpose(0, 2, 1)}

    @property
    def span(self) -> int:
        """A window's length, in rows."""
        return self.window

    @property
    def gap(self) -> int:
        """See `gap_windows`."""
        return gap_windows(self.window, self.step)

    def tail(self, number: int) -> np.ndarray:
        """See `validation_tail`."""
        return validation_tail(number, self.window, self.step)


def gather(rows: jax.Array, starts: jax.Array, window: int) -> jax.Array:
    """Windows [B, C, T] of `rows` [R, C] that begin at `starts` [B]; `window` (T) is static."""
    at = jnp.asarray(starts)[:, None] + jnp.arange(window, dtype=jnp.int32)[None, :]
    return jnp.asarray(rows)[at].transpose(0, 2, 1)


def check_shape(split_kind: str, window: int, step: int) -> None:
    """Raises UserError unless `split_kind` is known and `window` and `step` are at least 1."""
    if split_kind not in SPLIT_KINDS:
        raise unknown("split_kind", split_kind, SPLIT_KINDS)
    for name, value in (("window", window), ("step", step)):
        if not (hasattr(value, "__index__") and value >= 1):  # NumPy's too
            raise UserError(f"{name} {value}: give a whole number of rows, 1 or more")


def strict_starts(num_rows: int, window: int, step: int) -> np.ndarray:
    """Starts 0, step, ... of every whole window in one recording (the last row included)."""
    return np.arange(0, num_rows - window + 1, step)


def published_starts(agree: np.ndarray, window: int, step: int) -> np.ndarray:
    """The published windows (reference (g)) over one concatenated series.

    Args:
        agree: int [n, A], the labels of every row; a window is kept when its first and its last
            row have equal labels. Which recording they belong to is not looked at.

    The published code makes room for round((n - window) / step) windows and stops there.
    """
    starts = step * np.arange(round((len(agree) - window) / step))
    return starts[np.all(agree[starts] == agree[starts + window - 1], axis=1)]


def gap_windows(window: int, step: int) -> int:
    """Windows left out between two parts of a recording: 5, or more where 5 would leave them rows in common."""
    return max(GAP_WINDOWS, -(-window // step))


def validation_tail(num_windows: int, window: int, step: int) -> np.ndarray:
    """int8 [num_windows]: TRAIN, then GAP (`gap_windows`), then the last 10 % as VALIDATION.

    A recording of fewer than 10 windows is all training.
    """
    split = np.full(num_windows, TRAIN, np.int8)
    first = num_windows - num_windows // 10
    if first < num_windows:
        split[max(0, first - gap_windows(window, step)) : first] = GAP
        split[first:] = VALIDATION
    return split


def make_windows(
    recordings: Sequence[Any],
    *,
    dataset: str,
    classes: dict[str, tuple[str, ...]],
    split_kind: str,
    split_of: Callable[[Any], int],
    window: int,
    step: int,
    strict: bool = True,
) -> Windows:
    """Windows over `recordings`, standardised and split.

    Args:
        recordings: in the order of concatenation (which matters when `strict` is false); where that is true, whatever
            has `rows` and `columns`.
        split_of: TRAIN, VALIDATION or TEST for a recording. Without any VALIDATION recording, the
            validation windows are the last 10 % of each training recording.
        strict: each recording on its own; otherwise the published windows, which may begin in
            one recording and end in the next.

    Raises:
        UserError: an unknown `split_kind`, or no training or no test window.
    """
    check_shape(split_kind, window, step)
    recordings = sorted(recordings, key=split_of)  # stable: the order within a split stays
    splits = np.array([split_of(r) for r in recordings])
    lengths = np.array([len(r.rows) for r in recordings])
    ends = np.cumsum(lengths)
    begins = ends - lengths

    if strict:
        found = [b + strict_starts(n, window, step) for b, n in zip(begins, lengths, strict=True)]
    else:
        labels = np.repeat([(r.activity, r.gender) for r in recordings], lengths, axis=0)
        found = []
        for part in (TRAIN, VALIDATION, TEST):
            inside = np.flatnonzero(np.repeat(splits, lengths) == part)
            if len(inside):
                found.append(inside[0] + published_starts(labels[inside], window, step))
    starts = np.concatenate(found)
    recording = np.searchsorted(ends, starts, side="right")

    split = splits[recording].astype(np.int8)
    if VALIDATION not in splits:
        for r in np.flatnonzero(splits == TRAIN):
            mine = recording == r
            split[mine] = validation_tail(int(np.count_nonzero(mine)), window, step)
        # A published window may run on into the next recording's training rows.
        split[(split == VALIDATION) & (starts + window > ends[recording])] = GAP
    for part, name in ((TRAIN, "training"), (TEST, "test")):
        if part not in split:
            raise UserError(
                f"{dataset}: no {name} window of {window} rows; parts of recordings for {name} have at most"
                f" {lengths[splits == part].max(initial=0)}: shorten config.data.window"
            )

    rows = np.concatenate([r.rows for r in recordings])
    training = rows[: lengths[splits == TRAIN].sum()].astype(np.float64)
    mean, std = training.mean(axis=0), training.std(axis=0)
    std = np.where(std > 0, std, 1.0)
    each = [r.columns for r in recordings]
    columns = {name: np.array([own[name] for own in each])[recording] for name in each[0]}
    columns["recording"] = recording.astype(np.int32)
    columns["start"] = (starts - begins[recording]).astype(np.int32)
    return Windows(
        dataset=dataset, split_kind=split_kind, rows=((rows - mean) / std).astype(np.float32),
        starts=starts.astype(np.int32), split=split, columns=columns, classes=classes,
        window=window, step=step, mean=mean.astype(np.float32), std=std.astype(np.float32),
    )  # fmt: skip
