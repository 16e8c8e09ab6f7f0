"""What an attacker holds, and whom it is tried on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hybrid_jax.data.samples import TEST, TRAIN, VALIDATION
from hybrid_jax.embedded import DividedTask
from hybrid_jax.errors import UserError
from hybrid_jax.evaluators.sampling import halves, stratified, tails
from hybrid_jax.evaluators.settings import Settings

Rows = tuple[tuple[int, np.ndarray], ...]  # (split, positions in that split), one after another
CHOOSING = 4  # of the windows that an attacker is fitted on at most, a quarter choose its settings


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows to fit on, rows to choose by, and queries (positions in the scenario's split) to be tried on."""

    fit: Rows
    choose: Rows
    queries: np.ndarray


@dataclass(frozen=True, eq=False)
class Scenario:
    """One adversary: what it is after, and what it holds.

    Attributes:
        target: the sensitive variable.
        gallery: `held_out`, or `leave_group_out`: then never data of the people who are asked about.
        attacker_data: `network_train`, `unseen` or `both`.
        split: of the queries.
        attackers: names in `attacks.ATTACKERS`.
        max_windows: that are fitted on at most; 0 for all.
        folds: one, or with `leave_group_out` one for each part of the people.
    """

    target: str
    gallery: str
    attacker_data: str
    split: int
    attackers: tuple[str, ...]
    max_windows: int
    folds: tuple[Fold, ...]

    @property
    def queries(self) -> np.ndarray:
        """Positions, fold by fold."""
        return np.concatenate([fold.queries for fold in self.folds])


def scenarios(embedded: DividedTask, settings: Settings, name: str = "") -> Iterator[Scenario]:
    """Every adversary of the settings; `name` is the layer/method that it attacks, as in `AttackSettings.unlimited`.

    On the test split queries are the second halves of recordings. On validation, to choose an operating point by, the
    adversary holds the network's training windows. Of people who are held out whole nothing but the first halves of
    their recordings tells the identity.

    Raises:
        errors.UserError: recordings too short to be halved, or fewer people of a class than folds.
    """
    attack, splits = settings.attack, settings.splits
    apart = embedded.task.samples.people_apart
    for target in settings.sensitive:
        held = Holdings(embedded, settings.seed, target)
        unknown_people = apart and target == "identity"
        attackers = tuple(attack.only.get(target, attack.attackers))
        for data in attack.attacker_data if "test" in splits else ():
            if unknown_people and data != "unseen":
                continue
            limits = {attack.max_windows}
            if data == attack.attacker_data[0] and name in attack.unlimited:
                limits |= {0}
            for most in sorted(limits, reverse=True):
                fold = Fold(*held.rows(data, most), held.queries)
                yield Scenario(target, "held_out", data, TEST, attackers, most, (fold,))
            if attack.disjoint and data in attack.disjoint_data and target != "identity":
                folds = held.folds(target, data, attack.max_windows, attack.folds)
                about = (target, "leave_group_out", data, TEST)
                yield Scenario(*about, attack.disjoint, attack.max_windows, folds)
        if "validation" in splits and attack.on_validation and not unknown_people:
            everyone = embedded.known(target, VALIDATION)
            fold = Fold(*held.rows("network_train", attack.max_windows), everyone)
            about = (target, "held_out", "network_train", VALIDATION)
            yield Scenario(*about, attack.on_validation, attack.max_windows, (fold,))


def check_folds(count: int, target: str, classes: np.ndarray) -> None:
    """Raises `UserError` unless people, a class each [P], can be cut into `count` parts that all have of each class."""
    fewest = np.bincount(classes)[np.unique(classes)].min()
    if not 2 <= count <= fewest:
        raise UserError(
            f"config.attack.folds {count}: the test people of one class of {target} are {fewest}; give 2 to that many, "
            "or no attackers in config.attack.disjoint"
        )


class Holdings:
    """The samples that attackers may hold, and those that they are asked about.

    Args:
        embedded: the data, whose features are not looked at.
        seed: decides which samples are taken where not all are.
        target: what they are after, if anything: samples of which it is not known are left out.
    """

    def __init__(self, embedded: DividedTask, seed: int, target: str = ""):
        self._embedded, self._seed = embedded, seed
        samples = embedded.task.samples
        # One that runs on into the next recording shares rows with what is held of that: nobody is asked about it.
        usable = {
            split: samples.whole[index] & samples.known(target)[index]
            for split, index in ((split, embedded.index[split]) for split in (TRAIN, TEST))
        }
        at = self._columns(TEST)
        first, second = halves(*at, samples.gap)
        self.queries = second[usable[TEST][second]]
        if not (len(first) and len(self.queries)):
            raise UserError(
                "test recordings are too short to be halved: an attacker has nothing to learn from, or to be tried on"
            )
        people = embedded.labels("identity", TEST)
        of_first = self._parts(at[0][first], at[1][first], people[first], target)
        of_train = self._parts(*self._columns(TRAIN), embedded.labels("identity", TRAIN), target)
        self._pools = {
            "network_train": (TRAIN, *(part[usable[TRAIN][part]] for part in of_train)),
            "unseen": (TEST, *(first[part][usable[TEST][first[part]]] for part in of_first)),
        }

    def rows(self, data: str, most: int, without: np.ndarray | None = None) -> tuple[Rows, Rows]:
        """What is fitted on, `most` windows or fewer (0: all), and what settings are chosen by; nothing overlaps.

        Of `both`, each kind of data has half of the places, or what the other leaves: in proportion to their sizes the
        few unseen windows, which tell most, would be lost in the many others.

        Args:
            data: `network_train`, `unseen` or `both`.
            most: at most so many windows.
            without: identities to leave out.
        """
        pools = self._pools.values() if data == "both" else (self._pools[data],)
        found = []
        for part, limit in ((1, most), (2, -(-most // CHOOSING))):
            rows = [(pool[0], self._kept(pool[0], pool[part], without)) for pool in pools]
            if part == 1 and not sum(len(at) for _, at in rows):
                raise UserError(
                    "recordings are too short: an attacker learns from all but the end of them, by which it chooses"
                )
            found.append(self._sample(rows, limit))
        fit, choose = found
        return fit, choose

    def folds(self, target: str, data: str, most: int, count: int) -> tuple[Fold, ...]:
        """The people in `count` parts with equal shares of each class: each is asked about by who holds the others.

        Raises:
            errors.UserError: a class with fewer people than parts.
        """
        from sklearn.model_selection import StratifiedKFold

        identity = self._embedded.labels("identity", TEST)[self.queries]
        people, first = np.unique(identity, return_index=True)
        classes = self._embedded.labels(target, TEST)[self.queries][first]
        check_folds(count, target, classes)
        parts = StratifiedKFold(count, shuffle=True, random_state=self._seed)
        found = []
        for _, part in parts.split(people, classes):
            asked = self.queries[np.isin(identity, people[part])]
            found.append(Fold(*self.rows(data, most, without=people[part]), asked))
        return tuple(found)

    def _parts(
        self, recording: np.ndarray, start: np.ndarray, people: np.ndarray, target: str
    ) -> tuple[np.ndarray, np.ndarray]:
        fit, choose = tails(recording, start, self._embedded.task.samples.tail)
        if len(choose):
            return fit, choose
        # Recordings too short to have an end: some of them as a whole.
        last = np.unique(recording)[CHOOSING - 1 :: CHOOSING]
        kept = np.isin(recording, last)
        if target == "identity" and np.setdiff1d(people[kept], people[~kept]).size:
            return fit, choose  # of somebody nothing would be left to learn from
        return np.flatnonzero(~kept), np.flatnonzero(kept)

    def _columns(self, split: int) -> tuple[np.ndarray, np.ndarray]:
        columns, index = self._embedded.task.samples.columns, self._embedded.index[split]
        return columns["recording"][index], columns["start"][index]

    def _kept(self, split: int, at: np.ndarray, without: np.ndarray | None) -> np.ndarray:
        if without is None:
            return at
        return at[~np.isin(self._embedded.labels("identity", split)[at], without)]

    def _sample(self, rows: list[tuple[int, np.ndarray]], most: int) -> Rows:
        places, found = most or sum(len(at) for _, at in rows), {}
        # The smaller ones first: what they leave free goes to the others.
        for left, (split, at) in zip(
            range(len(rows), 0, -1), sorted(rows, key=lambda row: len(row[1])), strict=True
        ):
            taken = min(len(at), places // left)
            names = ("identity", self._embedded.task.primary)
            strata = [self._embedded.labels(name, split)[at] for name in names]
            if taken:
                found[split] = at[stratified(strata, taken, self._seed)]
            places -= taken
        return tuple(found.items())
