"""Which split each person of a set of images is in."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from hybrid_jax.data.images import MANY, Images
from hybrid_jax.data.samples import TEST, TRAIN, VALIDATION
from hybrid_jax.errors import UserError

# Of the people. Ours: no source says how LFW is split for gender.
SHARES = ((TRAIN, 0.6), (VALIDATION, 0.1), (TEST, 0.3))


def make_images(
    images: np.ndarray,
    people: Sequence[str] | np.ndarray,
    labels: Mapping[str, Sequence[int] | np.ndarray],
    classes: Mapping[str, tuple[str, ...]],
    *,
    dataset: str,
    split_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
    least: int = MANY,
) -> Images:
    """A data set whose people are in one split each.

    Args:
        images: uint8 [N, H, W, C], of one person after another.
        people: [N] whose.
        labels: [N] each, by name.
        classes: what their labels are called.
        dataset: its name.
        split_of: gives each person's split [P] from how many images there are of each [P], and which is the first [P].
        least: images that a person has at least whose identity is attacked, from 2.

    Raises:
        errors.UserError: too few people for three splits.
    """
    names, identity = np.unique(people, return_inverse=True)
    identity = identity.astype(np.int32)
    counts = np.bincount(identity)
    of_people = split_of(counts, np.unique(identity, return_index=True)[1])
    for part in (TRAIN, VALIDATION, TEST):
        if part not in of_people:
            raise UserError(
                f"{dataset}: {len(names)} people are too few for training, validation and test"
            )
    if least < 2:
        raise UserError(
            f"{dataset}: least_images {least}: an identity with one image cannot be attacked, as an attacker learns"
            " from one and is asked about another; give 2 or more"
        )
    columns = {name: np.asarray(values, np.int32) for name, values in labels.items()}
    return Images(
        dataset=dataset,
        split_kind="identity",
        images=images,
        split=of_people[identity],
        columns=columns
        | {"identity": identity, "recording": identity, "start": numbered(identity)},
        classes={**classes, "identity": tuple(map(str, names))},
        least=least,
    )


def numbered(identity: np.ndarray) -> np.ndarray:
    """int32 [N], which of its person's images each is, from 0."""
    order = np.argsort(identity, kind="stable")
    start = np.empty(len(identity), np.int32)
    start[order] = np.concatenate([np.arange(n) for n in np.bincount(identity)])
    return start


def split_people(
    labels: np.ndarray, counts: np.ndarray, seed: int, least: int = MANY
) -> np.ndarray:
    """int8 [P]: `SHARES` of the people of every label, and of those with many images, who they are by `seed`.

    Args:
        labels: [P] a label of each person.
        counts: [P] how many images there are of each.
        seed: of the choice.
        least: so many are many.
    """
    # They are spread because they are whose identity is attacked.
    strata = 2 * labels + (counts >= least)
    split = np.empty(len(strata), np.int8)
    generator = np.random.default_rng([seed, 5])
    parts, shares = zip(*SHARES, strict=True)
    for stratum in np.unique(strata):
        mine = generator.permutation(np.flatnonzero(strata == stratum))
        ends = np.rint(np.cumsum(shares) * len(mine)).astype(int)[:-1]
        for part, people in zip(parts, np.split(mine, ends), strict=True):
            split[people] = part
    return split
