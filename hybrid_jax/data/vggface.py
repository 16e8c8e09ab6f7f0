"""VGG-Face (Parkhi et al. 2015), or any set with a folder of images a person: identities of people never met before."""

from pathlib import Path

import numpy as np

from hybrid_jax.data.image_files import Decoding, ImageFiles, decode
from hybrid_jax.errors import UserError

NUM_PEOPLE = 100  # of 2,622, whose identity the paper attacks (its section 5.2.1)
LEAST_IMAGES = 2  # of a person: one to learn from, one to be asked about


def load(
    directory: str | Path,
    *,
    side: int = 224,
    channels: int = 3,
    crop: int = 0,
    seed: int = 0,
    num_people: int = NUM_PEOPLE,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Images of some people.

    Args:
        directory: holds a folder a person, or is a zip of that.
        side: of an image, in pixels.
        channels: 1 for grey, 3 for RGB.
        crop: side of the central square of larger images that is kept; 0 for all.
        seed: decides which people.
        num_people: K, how many.

    Returns:
        uint8 [N, side, side, channels]; whose, int32 [N] from 0 to K - 1, a person's images one after another; and
        the K names.

    Raises:
        errors.UserError: no such folder, damaged images, too few people, or a person with one image.
    """
    files = ImageFiles(directory)
    of_person: dict[str, list[str]] = {}
    for name in files.names:
        of_person.setdefault(name.split("/")[0], []).append(name)
    if not 2 <= num_people <= len(of_person):
        raise UserError(
            f"{files.root} has {len(of_person)} people: num_people {num_people} should be 2 to that many"
        )
    people = sorted(np.random.default_rng([seed, 7]).permutation(sorted(of_person))[:num_people])
    images, names = decode(
        files, [name for p in people for name in of_person[p]], Decoding(side, channels, crop)
    )
    identity = np.array([people.index(name.split("/")[0]) for name in names], np.int32)
    for person, count in zip(people, np.bincount(identity, minlength=num_people), strict=True):
        if count < LEAST_IMAGES:
            raise UserError(
                f"{files.root}: {person} has {count} image: a person needs {LEAST_IMAGES} at least"
            )
    return images, identity, tuple(map(str, people))
