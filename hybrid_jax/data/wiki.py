"""IMDB-WIKI (Rothe et al. 2018): faces of people from Wikipedia or IMDb with their gender, for data the user brings."""

import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from hybrid_jax.data.image_files import Decoding, ImageFiles, decode
from hybrid_jax.data.images import MANY, Images
from hybrid_jax.data.lfw_lists import GENDERS
from hybrid_jax.data.people import make_images
from hybrid_jax.data.prepared import prepared, source
from hybrid_jax.data.samples import TEST, TRAIN, VALIDATION
from hybrid_jax.errors import UserError

SETS = ("wiki", "imdb")
NUMBERS = ("gender", "face_score", "second_face_score")
FIELDS = ("full_path", "name", *NUMBERS)  # of the table's that are read
NUM_TRAIN = 45_000  # images of the paper's training set (its section 5.1.1)
WANTED = "name the extracted folder, as wiki_crop/, that holds wiki.mat and the folders of images"


@dataclass(frozen=True)
class Filter:
    """Which images are taken, of those that have a gender.

    The paper does not say. The authors' code used 59,685 of the 62,328 of Wikipedia, which might be all of those.

    Attributes:
        least_score: of the face detector; 18,016 images of Wikipedia have minus infinity, no face. None: any.
        most_second_score: of a second face in the image; NaN, of images without one, always passes. None: any.
    """

    least_score: float | None = None
    most_second_score: float | None = None

    @property
    def name(self) -> str:
        """Tells it from others."""
        return f"{self.least_score}-{self.most_second_score}"

    def __call__(self, table: dict[str, np.ndarray]) -> np.ndarray:
        """Which rows of `read_table` pass, bool [N]."""
        kept = np.isin(table["gender"], (0.0, 1.0))
        if self.least_score is not None:
            kept &= table["face_score"] >= self.least_score
        if self.most_second_score is not None:
            kept &= ~(table["second_face_score"] > self.most_second_score)
        return kept


def load(
    directory: str | Path | None = None,
    *,
    side: int = 256,
    channels: int = 3,
    crop: int = 0,
    seed: int = 0,
    num_train: int = NUM_TRAIN,
    least_score: float | None = None,
    most_second_score: float | None = None,
    least_images: int = MANY,
    cache: str | Path | None = None,
) -> Images:
    """Its images with a gender, from the cache if it has them; nobody is in two splits.

    Args:
        directory: the extracted `wiki_crop` or `imdb_crop`; by default $HYBRID_JAX_DATA/wiki_crop.
        side: of an image, in pixels.
        channels: 1 for grey, 3 for RGB.
        crop: side of the central square of larger images that is kept; 0 for all.
        seed: decides who is in which split.
        num_train: training images; of the rest a third is for validation.
        least_score: of `Filter`.
        most_second_score: likewise.
        least_images: that a person has whose identity is attacked.
        cache: folder of prepared sets; by default `prepared.default_cache()`.

    Raises:
        errors.UserError: no such folder, a table or images that are missing or damaged, or too few of them.
    """
    folder = source("IMDB-WIKI", "wiki_crop", directory, WANTED)
    table, files = find(folder), ImageFiles(folder)
    keep, decoding = Filter(least_score, most_second_score), Decoding(side, channels, crop)
    settings = f"{side}-{channels}-{crop}-{seed}-{num_train}-{least_images}-{keep.name}"
    # Their contents would take minutes to read: the sizes tell whether an image was got again.
    name = f"{table.stem}-{settings}-{zlib.crc32(table.read_bytes()):08x}-{files.listing()}"
    make = partial(_make, files, table, decoding, seed, num_train, keep, least_images)
    return prepared(Images, name, make, cache)


def _make(
    files: ImageFiles,
    path: Path,
    decoding: Decoding,
    seed: int,
    num_train: int,
    keep: Filter,
    least_images: int,
) -> Images:
    table = read_table(path)
    rows = np.flatnonzero(keep(table))
    names = ["/".join(path.split("/")[-2:]) for path in table["full_path"][rows]]
    if missing := sorted({*names} - {*files.names}):
        raise UserError(
            f"{files.root}: {missing[0]} is missing ({len(missing)} of {len(names)} in its table): {WANTED}"
        )
    row_of = dict(zip(names, rows, strict=True))
    images, readable = decode(files, names, decoding)
    rows = np.array([row_of[name] for name in readable])
    return make_images(
        images,
        people=table["person"][rows],
        labels={"gender": table["gender"][rows].astype(np.int32)},
        classes={"gender": GENDERS},
        dataset=table["dataset"].item(),
        split_of=lambda counts, first: split_people(counts, num_train, seed),
        least=least_images,
    )


def find(folder: Path) -> Path:
    """The table in `folder`.

    Raises:
        errors.UserError: none is there.
    """
    found = [folder / f"{name}.mat" for name in SETS if (folder / f"{name}.mat").is_file()]
    if not found:
        raise UserError(
            f"IMDB-WIKI: {folder} holds no {' or '.join(f'{name}.mat' for name in SETS)}; {WANTED}"
        )
    return found[0]


def read_table(path: Path) -> dict[str, np.ndarray]:
    """The rows of wiki.mat or imdb.mat.

    Returns:
        dataset, its name; and [N] each: full_path; person, by name, and by path where an image has none; gender
        (0 female, 1 male, NaN unknown), face_score, second_face_score.

    Raises:
        errors.UserError: it is no such table.
    """
    from scipy.io import loadmat

    try:
        contents = loadmat(path, squeeze_me=True, struct_as_record=False)
    except Exception as error:  # scipy's reader meets a damaged file wherever it happens to be
        raise UserError(f"{path} cannot be read as a MATLAB file ({error}): get it again") from None
    dataset = path.stem
    table = contents.get(dataset)
    if missing := [field for field in FIELDS if not hasattr(table, field)]:
        raise UserError(f"{path} is no table of IMDB-WIKI: {dataset}.{missing[0]} is missing")
    columns = {field: np.atleast_1d(getattr(table, field)) for field in FIELDS}
    paths = np.array([str(path) for path in columns["full_path"]])
    # An empty cell comes as an empty array.
    named = [str(name).strip() if np.size(name) else "" for name in columns["name"]]
    people = np.array([n or p for n, p in zip(named, paths, strict=True)])
    return {
        "dataset": np.array(dataset),
        "full_path": paths,
        "person": people,
        **{field: columns[field].astype(np.float64) for field in NUMBERS},
    }


def split_people(counts: np.ndarray, num_train: int, seed: int) -> np.ndarray:
    """int8 [P]: people in an order by `seed`, training until it has `num_train` images, then every third validation.

    Raises:
        errors.UserError: fewer images than that, or none left.
    """
    if counts.sum() <= num_train:
        raise UserError(
            f"IMDB-WIKI: {counts.sum()} images leave none beside {num_train} for training: lower num_train"
        )
    split, left = np.full(len(counts), TEST, np.int8), num_train
    order, others = np.random.default_rng([seed, 6]).permutation(len(counts)), []
    for person in order:
        if counts[person] <= left:
            split[person], left = TRAIN, left - counts[person]
        else:
            others.append(person)
    split[others[::3]] = VALIDATION
    return split
