"""LFW's lists: who is a woman and who a man, the people of the ten official sets, the pairs that verify a matcher."""

from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple

from hybrid_jax.errors import UserError

GENDERS = ("female", "male")
GENDER_LISTS = {gender: f"{gender}_names.txt" for gender in GENDERS}  # an image's file on a line


class Pair(NamedTuple):
    """Two images by their files, and whether they are of one person."""

    first: str
    second: str
    same: bool


def read_genders(folder: Path, images: Container[str]) -> dict[str, int]:
    """The gender of each image, `person/file`: a position in `GENDERS`. One that is in both lists is a woman's.

    Args:
        folder: where both lists lie.
        images: those that there are.

    Raises:
        errors.UserError: a list is missing, or names an image that is not there.
    """
    found: dict[str, int] = {}
    for gender in reversed(GENDERS):
        path = folder / GENDER_LISTS[gender]
        for number, line in _lines(path):
            name = f"{line.rpartition('_')[0]}/{line}"
            if name not in images:
                raise UserError(
                    f"{path}: line {number}: there is no image {line!r} of that person in the set"
                )
            found[name] = GENDERS.index(gender)
    return found


def read_people(path: Path) -> list[dict[str, int]]:
    """How many images each person has, for every set of people.txt (no person is in two).

    Raises:
        errors.UserError: the list is missing, cut short, or has a line that is none.
    """
    lines = _lines(path)
    sets = []
    for _ in range(int(_next(path, lines, "d")[0])):
        size = int(_next(path, lines, "d")[0])
        sets.append({name: int(n) for name, n in (_next(path, lines, "nd") for _ in range(size))})
    _end(path, lines)
    return sets


def read_pairs(path: Path) -> list[list[Pair]]:
    """The pairs of every set of pairs.txt: as many of one person as of two.

    Raises:
        errors.UserError: the list is missing, cut short, or has a line that is none.
    """
    lines = _lines(path)
    number, size = map(int, _next(path, lines, "dd"))
    sets = []
    for _ in range(number):
        one = [_next(path, lines, "ndd") for _ in range(size)]
        two = [_next(path, lines, "ndnd") for _ in range(size)]
        sets.append(
            [Pair(file_of(name, a), file_of(name, b), True) for name, a, b in one]
            + [Pair(file_of(first, a), file_of(second, b), False) for first, a, second, b in two]
        )
    _end(path, lines)
    return sets


def file_of(person: str, number: str | int) -> str:
    """`person/file` of somebody's image by its number, from 1."""
    return f"{person}/{person}_{int(number):04d}.jpg"


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines that are not empty."""
    if not path.is_file():
        raise UserError(f"LFW: {path} is missing: it lies beside the images")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            yield number, line.strip()


def _next(path: Path, lines: Iterator[tuple[int, str]], kinds: str) -> list[str]:
    """The next line's fields, of each its kind: `n` a name, `d` a number."""
    number, line = next(lines, (0, ""))
    if not line:
        raise UserError(f"{path} is cut short: get it again")
    fields = line.split()
    fit = len(fields) == len(kinds)
    if not fit or not all(
        f.isdecimal() for f, kind in zip(fields, kinds, strict=True) if kind == "d"
    ):
        form = " ".join({"n": "name", "d": "number"}[kind] for kind in kinds)
        raise UserError(f"{path}: line {number}: {line!r} is not of the form {form!r}")
    return fields


def _end(path: Path, lines: Iterator[tuple[int, str]]) -> None:
    for number, line in lines:
        raise UserError(f"{path}: line {number}: {line!r} comes after the last set")
