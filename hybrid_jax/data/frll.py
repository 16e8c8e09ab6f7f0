"""Face Research Lab London Set (DeBruine & Jones 2017, CC BY 4.0): 102 people from the front, neutral and smiling."""

import csv
import zipfile
import zlib
from pathlib import Path

import numpy as np

from hybrid_jax.data.image_files import Decoding, ImageFiles, decode
from hybrid_jax.data.images import Images
from hybrid_jax.data.lfw_lists import GENDERS
from hybrid_jax.data.people import make_images, split_people
from hybrid_jax.data.prepared import source
from hybrid_jax.errors import UserError, unknown

EXPRESSIONS = ("neutral", "smiling")  # the folders, in the order of a person's images
PEOPLE = "london_info.csv"
FIELDS = ("face_id", "face_gender")  # of the table's that are read
CROP = 176  # central pixels of 256 in which eyes and mouth lie where they do in LFW's 210 of 250
WANTED = f"name the folder that holds neutral/, smiling/ and {PEOPLE}, or a zip of it (frll*.zip)"


def load(
    directory: str | Path | None = None,
    *,
    side: int = 64,
    channels: int = 1,
    crop: int = CROP,
    seed: int = 0,
) -> Images:
    """Two images of everybody, the neutral one first, labelled with expression and gender; nobody is in two splits.

    It is too small to be worth a cache. Of a person one of whose images cannot be read, both are left out.

    Args:
        directory: holds `neutral/<face_id>.jpg`, `smiling/<face_id>.jpg` and the table of people; or is a zip of that;
            or holds the zip. The table may lie beside the zip. By default $HYBRID_JAX_DATA/frll.
        side: of an image, in pixels.
        channels: 1 for grey, 3 for RGB.
        crop: side of the central square of larger images that is kept; 0 for all. The default is that of images of 256
            pixels a side.
        seed: decides who is in which split.

    Raises:
        errors.UserError: no such folder, a table or images that are missing or damaged, or an image of nobody in it.
    """
    files = ImageFiles(find(source("FRLL", "frll", directory, WANTED)))
    genders = read_genders(files.root)
    pairs = pair(files, genders)
    wanted = [name for names in pairs.values() for name in names]
    images, names = decode(files, wanted, Decoding(side, channels, crop))
    row_of = {name: row for row, name in enumerate(names)}
    whole = {person: pair for person, pair in pairs.items() if all(name in row_of for name in pair)}
    gender = np.repeat([genders[person] for person in whole], len(EXPRESSIONS))
    return make_images(
        images[[row_of[name] for pair in whole.values() for name in pair]],
        people=np.repeat(list(whole), len(EXPRESSIONS)),
        labels={
            "expression": np.tile(np.arange(len(EXPRESSIONS)), len(whole)),
            "gender": gender,
        },
        classes={"expression": EXPRESSIONS, "gender": GENDERS},
        dataset="frll",
        split_of=lambda counts, first: split_people(gender[first], counts, seed),
        least=len(EXPRESSIONS),
    )


def find(place: Path) -> Path:
    """The folder of images or the zip of it: `place`, or what lies in it.

    Raises:
        errors.UserError: neither is there.
    """
    if not place.exists():
        raise UserError(f"FRLL: {place} does not exist; {WANTED}")
    if place.is_file() or any((place / name).is_dir() for name in EXPRESSIONS):
        return place
    zips = sorted(place.glob("frll*.zip"))
    if not zips:
        raise UserError(f"FRLL: {place} holds no neutral/ or smiling/ and no zip; {WANTED}")
    return zips[0]


def read_genders(root: Path) -> dict[str, int]:
    """The gender of each person by face_id, sorted: a position in `GENDERS`.

    Args:
        root: the folder, or the zip.

    Raises:
        errors.UserError: the table is missing or damaged, has a person twice or a gender that is none.
    """
    label, contents = _find_table(root)
    rows = csv.DictReader(contents.decode("utf-8-sig", errors="replace").splitlines())
    if missing := [field for field in FIELDS if field not in (rows.fieldnames or ())]:
        raise UserError(
            f"{label}: the first line names no column {missing[0]}: it needs {' and '.join(FIELDS)}"
        )
    found: dict[str, int] = {}
    for row in rows:
        person, gender = ((row[field] or "").strip() for field in FIELDS)
        if gender not in GENDERS:
            raise unknown(f"face_gender in line {rows.line_num} of {label}:", gender, GENDERS)
        if person in found:
            raise UserError(f"{label}: line {rows.line_num}: face_id {person!r} is there twice")
        found[person] = GENDERS.index(gender)
    return dict(sorted(found.items()))


def pair(files: ImageFiles, genders: dict[str, int]) -> dict[str, list[str]]:
    """The names of everybody's images, in the order of `EXPRESSIONS`.

    Raises:
        errors.UserError: a person without one of them, or an image of nobody.
    """
    found: dict[tuple[str, str], str] = {}
    for name in files.names:
        expression, file = name.split("/")
        person = Path(file).stem
        if expression not in EXPRESSIONS:
            continue
        if person not in genders:
            raise UserError(
                f"{files.label(name)}: {PEOPLE} has no face_id {person!r}: add it there"
            )
        found[person, expression] = name
    if not found:
        raise UserError(f"FRLL: {files.root} has no images in neutral/ or smiling/; {WANTED}")
    for person in genders:
        for expression in EXPRESSIONS:
            if (person, expression) not in found:
                raise UserError(
                    f"{files.root}: {expression}/{person}.jpg is missing, and {PEOPLE} has face_id {person!r}: "
                    "everybody needs a neutral and a smiling image"
                )
    return {person: [found[person, expression] for expression in EXPRESSIONS] for person in genders}


def _find_table(root: Path) -> tuple[str, bytes]:
    """What errors call the table, and its contents."""
    if root.is_file():
        with zipfile.ZipFile(root) as archive:
            for member in archive.namelist():
                if Path(member).name == PEOPLE:
                    try:
                        return f"{root}:{member}", archive.read(member)
                    except (zipfile.BadZipFile, zlib.error) as error:
                        raise UserError(
                            f"{root}:{member} cannot be read ({error}): get the set again"
                        ) from None
    path = (root.parent if root.is_file() else root) / PEOPLE
    if not path.is_file():
        raise UserError(f"FRLL: {path} is missing: it says who is a woman and who a man; {WANTED}")
    return str(path), path.read_bytes()
