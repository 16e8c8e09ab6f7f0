"""A folder of CSV files of the user's own, one recording in each."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from hybrid_jax.data.attributes import NUMBERS
from hybrid_jax.data.own_recordings import Recorded, from_recordings
from hybrid_jax.data.windows import Windows
from hybrid_jax.errors import UserError, unknown

INDEX, FILE = "index.csv", "file"  # the index, and its column of recordings


def load(
    directory: str | Path | None,
    labels: Sequence[str],
    sensors: Sequence[str],
    *,
    classes: Mapping[str, Sequence[str]] | None = None,
    index: str = INDEX,
    identity: str = "identity",
    split_kind: str = "",
    balance: str = "",
    window: int = 50,
    step: int = 10,
    seed: int = 0,
) -> Windows:
    """Windows of every recording of a folder: `from_recordings` of what its files hold.

    Args:
        directory: the folder.
        labels: columns that are labels, of the index or of the recordings.
        sensors: columns of a recording that are its channels, a row for each moment.
        classes: see `from_recordings`, as all that follows but `index`.
        index: name of a file there with a row for each recording: its `file`, and columns that hold for all of it.
            Where there is none, every CSV of the folder is a recording.
        identity: see there.
        split_kind: see there.
        balance: see there.
        window: see there.
        step: see there.
        seed: see there.

    Raises:
        errors.UserError: no such folder, file or column, a row of another length, what is no number, and what
            `from_recordings` raises.
    """
    folder = Path(directory or "").expanduser()
    if not directory or not folder.is_dir():
        raise UserError(
            f"config.data.dir {directory or ''!r}: no such folder; name one of CSV files"
        )
    wanted = (*labels, identity, "split", *NUMBERS)
    found = [_recording(path, about, sensors, wanted) for path, about in _listed(folder, index)]
    return from_recordings(
        str(directory),
        found,
        labels,
        classes=classes,
        identity=identity,
        split_kind=split_kind,
        balance=balance,
        window=window,
        step=step,
        seed=seed,
    )


def _listed(folder: Path, index: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Every recording, and what the index says of it."""
    path = folder / index
    if not path.is_file():
        if index != INDEX:
            raise UserError(f"config.data.index {index}: there is no {path}")
        files = sorted(folder.glob("*.csv"))
        if not files:
            raise UserError(f"{folder} has no CSV file, and no {index} that names some")
        yield from ((file, {}) for file in files)
        return
    table, lines = _columns(path)
    if FILE not in table:
        raise unknown(f"column of {path}", FILE, table)
    for at, name in enumerate(table[FILE]):
        if name in table[FILE][:at]:
            raise UserError(f"{path}: column {FILE!r} names {name} twice")
        if not (folder / name).is_file():
            raise UserError(
                f"{path}: column {FILE!r}, line {lines[at]}: there is no {folder / name}"
            )
        yield folder / name, {column: values[at] for column, values in table.items()}


def _recording(
    path: Path, about: dict[str, str], sensors: Sequence[str], wanted: Sequence[str]
) -> Recorded:
    table, lines = _columns(path)
    channels = []
    for name in sensors:
        if name not in table:
            raise unknown(f"column of {path}", name, table)
        channels.append(_numbers(path, name, table[name], lines))
    if not channels:
        raise UserError("config.data.sensors is empty: name the columns that are channels")
    own = {name: np.array(table[name]) for name in wanted if name in table and name not in about}
    values = {name: about[name] for name in wanted if name in about} | own
    return Recorded(str(path), np.stack(channels, axis=1), values, tuple(sensors))


def _numbers(path: Path, name: str, texts: list[str], lines: list[int]) -> np.ndarray:
    try:
        if np.isfinite(found := np.array(texts, np.float32)).all():
            return found
    except ValueError:
        pass
    wrong = next(at for at, text in enumerate(texts) if not _is_finite(text))
    raise UserError(
        f"{path}: column {name!r} has {texts[wrong]!r} in line {lines[wrong]}: give a number"
    )


def _is_finite(text: str) -> bool:
    try:
        return bool(np.isfinite(np.float32(text)))
    except ValueError:
        return False


def _columns(path: Path) -> tuple[dict[str, list[str]], list[int]]:
    """The columns of a CSV file by the names in its first row, and the line that each row ends in."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            (head, _), *rows = ((row, reader.line_num) for row in reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no CSV file ({error})") from None
    except ValueError:  # nothing to unpack
        raise UserError(f"{path} is empty: its first row names the columns") from None
    rows = [(row, line) for row, line in rows if row]
    names = [name.strip() for name in head]
    if len(set(names)) < len(names):
        raise UserError(f"{path}: two columns of one name: {', '.join(names)}")
    for row, line in rows:
        if len(row) != len(names):
            raise UserError(
                f"{path}: line {line} has {len(row)} fields, there are {len(names)} columns"
            )
    table = {name: [row[at].strip() for row, _ in rows] for at, name in enumerate(names)}
    return table, [line for _, line in rows]
