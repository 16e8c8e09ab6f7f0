"""VGG-Face (Parkhi et al. 2015), or any set with a folder of images a person: identities of people never met before."""

from pathlib import Path

import numpy as np

from hybrid_jax.data.image_files import Decoding, ImageFiles, decode
from hybrid_jax.data.images import Images, tail
from hybrid_jax.data.people import numbered
from hybrid_jax.data.prepared import source
from hybrid_jax.data.samples import TEST
from hybrid_jax.errors import UserError

NUM_PEOPLE = 100  # of 2,622, whose identity the paper attacks (its section 5.2.1)
WANTED = "name a folder that holds a folder of images for each person"
LEAST_IMAGES = 2  # of a person: one to learn from, one to be asked about


def load(
    directory: str | Path | None = None,
    *,
    side: int = 256,
    channels: int = 3,
    crop: int = 0,
    seed: int = 0,
    num_people: int = NUM_PEOPLE,
) -> Images:
    """Images of some people, everybody in each split: the paper's identity attack (its section 5.2.1).

    The paper divides images into training and test and does not say how: here the last half of each person's are for
    test, and of the others the last quarter is for validation.

    Args:
        directory: holds a folder a person, or is a zip of that; by default $HYBRID_JAX_DATA/vggface.
        side: of an image, in pixels.
        channels: 1 for grey, 3 for RGB.
        crop: side of the central square of larger images that is kept; 0 for all.
        seed: decides which people.
        num_people: K, how many.

    Raises:
        errors.UserError: no such folder, damaged images, too few people, or a person with one image.
    """
    files = ImageFiles(source("VGG-Face", "vggface", directory, WANTED))
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
    split = np.empty(len(identity), np.int8)
    for person in range(num_people):
        mine = np.flatnonzero(identity == person)
        own = np.full(len(mine), TEST, np.int8)
        own[: len(mine) // 2] = tail(len(mine) // 2)
        split[mine] = own
    columns = {"identity": identity, "recording": identity, "start": numbered(identity)}
    return Images(
        dataset="vggface",
        split_kind="image",
        images=images,
        split=split,
        columns=columns,
        classes={"identity": tuple(map(str, people))},
        least=LEAST_IMAGES,
    )
