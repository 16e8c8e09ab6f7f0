"""Which split each sample of the user's own data is in, where no column says: by time, or by person."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from hybrid_jax.data import columns
from hybrid_jax.data.samples import GAP, TEST, TRAIN, VALIDATION
from hybrid_jax.errors import UserError, unknown

KINDS = ("trial", "subject")
NAMES = ("train", "validation", "test", "gap")  # in the order of TRAIN, VALIDATION, TEST, GAP
TEST_SHARE, VALIDATION_SHARE = 0.3, 0.1  # of a recording's end; of the people


def kind(where: str, given: str, has_column: bool) -> str:
    """How samples are split: `given` by a column where there is one, else `trial`, or as the config says.

    Raises:
        errors.UserError: an unknown kind.
    """
    if given and given not in KINDS:
        raise unknown(f"split_kind of {where}", given, KINDS)
    return given or ("given" if has_column else "trial")


def encoded(where: str, values: Sequence[str] | np.ndarray) -> np.ndarray:
    """int8 [N] of a column split: `NAMES`, or their numbers from 0."""
    return columns.encoded(where, "split", values, NAMES)[0].astype(np.int8)


def test_begins(number: int) -> int:
    """Of so many samples of one recording in order, the first that is for test."""
    return number - round(TEST_SHARE * number)


def in_order(number: int, gap: int) -> np.ndarray:
    """int8 [number]: of samples of one recording in order, TRAIN, then GAP, then the last 30 % as TEST."""
    split = np.full(number, TRAIN, np.int8)
    first = test_begins(number)
    split[max(0, first - gap) : first] = GAP
    split[first:] = TEST
    return split


def of_each(recording: np.ndarray, part: Callable[[int], np.ndarray]) -> np.ndarray:
    """int8 [N]: the parts of each recording's samples, which stand one after another."""
    if not len(recording):
        return np.zeros(0, np.int8)
    ends = np.flatnonzero(np.diff(recording)) + 1
    return np.concatenate([part(len(own)) for own in np.split(recording, ends)])


def of_people(where: str, people: int, seed: int, strata: np.ndarray | None = None) -> np.ndarray:
    """int8 [people]: three tenths of the people for TEST, one for VALIDATION, by seed; of each stratum one or more.

    Args:
        where: the file, for messages.
        people: how many.
        seed: of the choice.
        strata: int [people], a class of each: every split has its share of each, as far as there are people for it.

    Raises:
        errors.UserError: fewer people than splits.
    """
    if people < 3:
        raise UserError(
            f"{where}: {people} people are too few for training, validation and test:"
            " config.data.split_kind=subject needs 3 or more"
        )
    strata = np.zeros(people, int) if strata is None else strata
    split, generator = np.full(people, TRAIN, np.int8), np.random.default_rng([seed, 7])
    for stratum in np.unique(strata):
        mine = generator.permutation(np.flatnonzero(strata == stratum))
        test = max(1, round(TEST_SHARE * len(mine))) if len(mine) > 1 else 0
        chosen = max(1, round(VALIDATION_SHARE * len(mine))) if len(mine) > 2 else 0
        split[mine[:test]] = TEST
        split[mine[test : test + chosen]] = VALIDATION
    for part, name in ((TEST, "test"), (VALIDATION, "validation")):
        if part not in split:
            raise UserError(
                f"{where}: no class of config.data.balance has people enough for {name}: leave balance out"
            )
    return split


def by_person(where: str, own: Mapping[str, np.ndarray], balance: str, seed: int) -> np.ndarray:
    """int8 [N]: `of_people` for every sample's person.

    Args:
        where: the file, for messages.
        own: columns [N]: identity, and the label `balance`.
        balance: of which each split has its share; "": none.
        seed: of the choice.

    Raises:
        errors.UserError: no such label, or a person of two of its classes.
    """
    people, first, person = np.unique(own["identity"], return_index=True, return_inverse=True)
    strata = None
    if balance:
        if balance not in own:
            raise unknown("label (config.data.balance)", balance, own)
        strata = own[balance][first]
        if (strata[person] != own[balance]).any():
            raise UserError(
                f"config.data.balance {balance}: one person is of two classes of it in {where}"
            )
    return of_people(where, len(people), seed, strata)[person]


def check_parts(where: str, split: np.ndarray) -> None:
    """Raises `UserError` unless there are samples to learn from, to choose by and to be tried on."""
    for part in (TRAIN, VALIDATION, TEST):
        if part not in split:
            raise UserError(
                f"{where}: no {NAMES[part]} sample among {len(split)}: recordings are too short or too few for one, or"
                " the column 'split' has none"
            )


def people_apart(split: np.ndarray, identity: np.ndarray) -> bool:
    """Whether nobody is in two splits."""
    used = split != GAP
    pairs = np.unique(np.stack([identity[used], split[used]]), axis=1)
    return len(np.unique(pairs[0])) == pairs.shape[1]


def check_apart(
    where: str,
    split: np.ndarray,
    recording: np.ndarray,
    start: np.ndarray,
    window: int,
    place: np.ndarray,
) -> None:
    """Raises `UserError` where samples of two splits have rows in common.

    Args:
        where: the file, for messages.
        split: int8 [N].
        recording: [N], which recording a sample is of.
        start: [N], its first row there.
        window: rows of a sample.
        place: int [N], where in the file a sample stands, from 0.
    """
    used = np.flatnonzero(split != GAP)
    used = used[np.lexsort((start[used], recording[used]))]
    a, b = used[:-1], used[1:]  # where any two overlap, so do two that follow each other
    near = (recording[a] == recording[b]) & (start[b] - start[a] < window)
    wrong = near & (split[a] != split[b])
    if wrong.any():
        first = int(np.argmax(wrong))
        one, other = sorted(place[[a[first], b[first]]] + 1)
        raise UserError(
            f"{where}: column 'split': samples {one} and {other} are in two splits and share rows (they"
            f" begin {start[b[first]] - start[a[first]]} apart, a window has {window}): leave some out between"
        )
