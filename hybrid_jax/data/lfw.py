"""Labeled Faces in the Wild (Huang et al. 2007): 13,233 images of 5,749 people from the news."""

import sys
from pathlib import Path

import numpy as np

from hybrid_jax.data.image_files import Decoding, ImageFiles, decode
from hybrid_jax.data.images import MANY, Images
from hybrid_jax.data.lfw_lists import GENDER_LISTS, GENDERS, read_genders
from hybrid_jax.data.people import make_images, split_people
from hybrid_jax.data.prepared import prepared, source
from hybrid_jax.errors import UserError

CROP = 210  # central pixels of the official 250 that hold the face
FOLDER = "lfw-deepfunneled"
WANTED = (
    f"name the folder that holds {FOLDER}/ or a zip of it, {' and '.join(GENDER_LISTS.values())}"
)


def load(
    directory: str | Path | None = None,
    *,
    side: int = 64,
    channels: int = 1,
    crop: int = CROP,
    seed: int = 0,
    least_images: int = MANY,
    cache: str | Path | None = None,
) -> Images:
    """LFW's labelled images, from the cache if it has them; nobody is in two splits.

    Images of no gender list are left out, four of the official set; one in both, as five are, is a woman's.

    Args:
        directory: holds the official folder or a zip of it, of images of any size, and the two gender lists. By default
            $HYBRID_JAX_DATA/lfw.
        side: of an image, in pixels.
        channels: 1 for grey, 3 for RGB.
        crop: side of the central square of larger images that is kept; 0 for all.
        seed: decides who is in which split.
        least_images: that a person has whose identity is attacked.
        cache: folder of prepared sets; by default `prepared.default_cache()`.

    Raises:
        errors.UserError: no such folder, a file that is missing or damaged, a label of no image, fewer than 2 for
            `least_images`, or a cache that cannot be written.
    """
    folder = source("LFW", "lfw", directory, WANTED)
    files = ImageFiles(find(folder))

    def make() -> Images:
        genders = read_genders(folder, files.names)
        labelled = [name for name in files.names if name in genders]
        if not labelled:
            raise UserError(f"LFW: no image is in a gender list of {folder}; {WANTED}")
        if nameless := len(files.names) - len(labelled):
            told = f"{nameless} of {len(files.names)} images are in no gender list and are left out"
            print(f"LFW: {told}", file=sys.stderr)
        images, names = decode(files, labelled, Decoding(side, channels, crop))
        labels = np.array([genders[name] for name in names])
        return make_images(
            images,
            people=[name.split("/")[0] for name in names],
            labels={"gender": labels},
            classes={"gender": GENDERS},
            dataset="lfw",
            split_of=lambda counts, first: split_people(labels[first], counts, seed, least_images),
            least=least_images,
        )

    lists = [folder / file for file in GENDER_LISTS.values()]
    name = f"lfw-{side}-{channels}-{crop}-{seed}-{least_images}-{files.digest(*lists)}"
    return prepared(Images, name, make, cache)


def find(folder: Path) -> Path:
    """The folder of images, or the zip of it, in `folder`.

    Raises:
        errors.UserError: neither is there.
    """
    if not folder.is_dir():
        raise UserError(f"LFW: {folder} is no folder; {WANTED}")
    zips = sorted(folder.glob("lfw*.zip"))
    found = [place for place in (folder / FOLDER, folder / "lfw", *zips) if place.exists()]
    if not found:
        raise UserError(f"LFW: {folder} has no images; {WANTED}")
    return found[0]
