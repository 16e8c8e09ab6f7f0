"""Reads the official MotionSense files, zipped or extracted, and says what is wrong in them.

NumPy only: TensorFlow is needed to download the files, never to read them.
"""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from hybrid_jax.data.windows import Recording
from hybrid_jax.errors import UserError

FOLDER = "A_DeviceMotion_data"
ARCHIVE = f"{FOLDER}.zip"
SUBJECTS_FILE = "data_subjects_info.csv"
ACTIVITIES = ("dws", "ups", "wlk", "jog")
GENDERS = ("female", "male")  # the subjects file's 0 and 1
TRIALS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    # In the order in which the published code concatenates them (reference (g)).
    {"dws": (1, 2, 11), "wlk": (7, 8, 15), "jog": (9, 16), "ups": (3, 4, 12)}
)
OFFICIAL = "ebbb9b735785b505"  # Source.digest() of the official files
LAST_TRAINING_TRIAL = 10  # of the trial split; later trials are its test
CODES = tuple(range(1, 25))
CHANNELS = (
    "attitude.roll", "attitude.pitch", "attitude.yaw",
    "gravity.x", "gravity.y", "gravity.z",
    "rotationRate.x", "rotationRate.y", "rotationRate.z",
    "userAcceleration.x", "userAcceleration.y", "userAcceleration.z",
)  # fmt: skip
WANTED = f"name the folder that holds {ARCHIVE} (or {FOLDER}/) and {SUBJECTS_FILE}"
TRAITS = ("code", "weight", "height", "age", "gender")


class Source:
    """The official files where the user has them.

    Args:
        path: the zip; or the folder that holds it, or its extracted folder, beside the subjects
            file; or the extracted folder A_DeviceMotion_data itself.
        subjects: the subjects file; by default it lies beside the zip or the folder, or in it.

    Raises:
        UserError: nothing there, not MotionSense, a file missing, or not a whole zip.
    """

    def __init__(self, path: str | Path, subjects: str | Path | None = None):
        path = Path(path).expanduser()
        if not path.exists():
            raise UserError(f"MotionSense: {path} does not exist; {WANTED}")
        root = next(
            (p for p in (path, path / FOLDER, path / ARCHIVE) if p.is_file() or _is_extracted(p)),
            None,
        )
        if root is None:
            raise UserError(f"MotionSense: {path} has neither {ARCHIVE} nor {FOLDER}/; {WANTED}")
        places = [Path(subjects)] if subjects else [d / SUBJECTS_FILE for d in (root.parent, root)]
        if not any(place.is_file() for place in places):
            raise UserError(f"MotionSense: {places[0]} is missing; {WANTED}")
        self.root = root
        self.subjects = next(place for place in places if place.is_file())
        self._zip, members = None, {}
        if root.is_file():
            try:
                self._zip = zipfile.ZipFile(root)
            except (zipfile.BadZipFile, OSError) as error:
                raise UserError(
                    f"{root}: not a whole zip file ({error}); get {ARCHIVE} again"
                ) from None
            members = {"/".join(n.split("/")[-2:]): n for n in self._zip.namelist()}
        self._members = members
        files = [file_of(*key) for key in all_keys()]
        missing = [f for f in files if not (f in members if self._zip else (root / f).is_file())]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise UserError(
                f"MotionSense: {self.label(missing[0])} is missing{more}; the whole set has "
                f"{len(files)} recordings of {', '.join(ACTIVITIES)} by subjects 1 to {CODES[-1]}"
            )

    def label(self, name: str) -> str:
        """How errors name a recording's file."""
        return f"{self.root}{':' if self.root.is_file() else '/'}{name}"

    def read(self, name: str) -> bytes:
        """Contents of a recording's file."""
        try:
            if self._zip is None:
                return (self.root / name).read_bytes()
            return self._zip.read(self._members[name])
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise UserError(f"{self.label(name)}: cannot be read ({error}); get it again") from None

    def digest(self) -> str:
        """Names the contents: equal for the zip and its extracted folder, wherever they lie."""
        hasher = hashlib.sha256(self.subjects.read_bytes().strip())
        for key in all_keys():
            file = file_of(*key)
            zipped = self._zip and self._zip.getinfo(self._members[file])
            crc = zipped.CRC if zipped else zlib.crc32(self.read(file))
            hasher.update(f"{file} {crc:08x}\n".encode())
        return hasher.hexdigest()[:16]


def all_keys() -> Iterator[tuple[int, str, int]]:
    """(subject code, activity, trial) of every recording, in the published order."""
    return ((c, activity, t) for c in CODES for activity, ts in TRIALS.items() for t in ts)


def file_of(code: int, activity: str, trial: int) -> str:
    """File of a recording inside the official folder."""
    return f"{activity}_{trial}/sub_{code}.csv"


def read(source: Source, fewest_rows: int = 1) -> Iterator[Recording]:
    """Every recording, in the published order, with a progress bar on a terminal.

    Raises:
        UserError: a file that is not what it should be, with the line and the column.
    """
    subjects = read_subjects(source.subjects.read_bytes(), str(source.subjects))
    console = Console(stderr=True)
    for key in track(
        list(all_keys()), "MotionSense", console=console, transient=True,
        disable=not console.is_terminal,
    ):  # fmt: skip
        code, activity, trial = key
        label = source.label(file_of(*key))
        rows = read_rows(source.read(file_of(*key)), label)
        if len(rows) < fewest_rows:
            raise UserError(
                f"{label}: {len(rows)} rows; a recording has at least {fewest_rows}, one window"
            )
        yield Recording(rows, ACTIVITIES.index(activity), identity=CODES.index(code), trial=trial,
                        **subjects[code])  # fmt: skip


def read_rows(contents: bytes, label: str) -> np.ndarray:
    """Rows of one recording's file: float32 [n, 12], CHANNELS in order, whatever the file's order.

    Raises:
        UserError: a column is missing; a line is cut short; a value is missing or not finite.
    """
    header, _, body = contents.partition(b"\n")
    names = [n.strip().strip('"') for n in header.decode("utf-8-sig", "replace").split(",")]
    for channel in CHANNELS:
        if channel not in names:
            raise UserError(
                f"{label}: line 1 has no column {channel!r}; it must name {', '.join(CHANNELS)}"
            )
    if not body.strip():
        raise UserError(f"{label}: has no rows, only its header")
    columns = [names.index(channel) for channel in CHANNELS]
    whole = body.count(b",") == body.count(b"\n") * (len(names) - 1)
    try:
        rows = np.loadtxt(io.BytesIO(body), delimiter=",", comments=None, usecols=columns, ndmin=2)
    except ValueError:
        whole = False
    if not whole or not np.isfinite(rows).all():
        raise _fault(body.decode("utf-8", "replace"), names, label)
    return rows.astype(np.float32)


def read_subjects(contents: bytes, label: str) -> dict[int, dict[str, Any]]:
    """Gender, height (cm), weight (kg) and age (years) of every subject, by code.

    The official file begins with a byte-order mark.

    Raises:
        UserError: a column is missing, a value is no number, a subject is missing or there twice.
    """
    lines = contents.decode("utf-8-sig", "replace").splitlines()
    names = [n.strip() for n in lines[0].split(",")] if lines else []
    for trait in TRAITS:
        if trait not in names:
            raise UserError(
                f"{label}: line 1 has no column {trait!r}; it must name {', '.join(TRAITS)}"
            )
    subjects: dict[int, dict[str, float]] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        fields = dict(zip(names, (f.strip() for f in line.split(",")), strict=False))
        for trait in TRAITS:
            if not re.fullmatch(r"\d+(\.\d+)?", fields.get(trait, "")):
                raise UserError(
                    f"{label}: line {number}, column {trait!r}: "
                    f"{fields.get(trait, '')!r} is not a positive number"
                )
        if fields["gender"] not in ("0", "1"):
            raise UserError(
                f"{label}: line {number}, column 'gender': {fields['gender']!r}; it "
                f"must be 1 (male) or 0 (female)"
            )
        code = int(float(fields["code"]))
        if code in subjects:
            raise UserError(f"{label}: line {number}: subject {code} is there twice")
        subjects[code] = {
            "gender": int(fields["gender"]),
            **{trait: float(fields[trait]) for trait in ("height", "weight", "age")},
        }
    for code in CODES:
        if code not in subjects:
            raise UserError(f"{label}: subject {code} is missing; it must have 1 to {CODES[-1]}")
    return subjects


def _fault(body: str, names: list[str], label: str) -> UserError:
    """The first fault in rows that are not whole finite numbers."""
    lines = body.split("\n")
    for number, line in enumerate(lines[:-1] if lines[-1] == "" else lines, start=2):
        fields = line.rstrip("\r").split(",")
        if len(fields) != len(names):
            return UserError(
                f"{label}: line {number} has {len(fields)} fields where the header "
                f"has {len(names)}; the file is cut short or damaged: get it again"
            )
        for column, field in zip(names, fields, strict=True):
            if column in CHANNELS and not _is_finite(field):
                return UserError(
                    f"{label}: line {number}, column {column!r}: {field!r} is not a finite number"
                )
    return UserError(
        f"{label}: line {len(lines) + 1} has no line end; the file is cut short: get it again"
    )


def _is_finite(field: str) -> bool:
    try:
        return bool(np.isfinite(float(field)))
    except ValueError:
        return False


def _is_extracted(path: Path) -> bool:
    return path.is_dir() and any((path / f"{a}_{t}").is_dir() for a in TRIALS for t in TRIALS[a])
