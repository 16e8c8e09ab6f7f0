"""What an adversary of the rank privacy holds, and whom it is asked about."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid_jax.data.samples import TEST, TRAIN, VALIDATION
from hybrid_jax.embedded import Embedded
from hybrid_jax.errors import UserError
from hybrid_jax.evaluators.sampling import halves, stratified
from hybrid_jax.evaluators.settings import Settings

INSTANCE = "instance"
Rows = list[tuple[int, np.ndarray]]  # (split, positions in that split), one after another


@dataclass(frozen=True, eq=False)
class Adversary:
    """Who is ranked (`queries`, positions in `split`) against what (`rows`; `None`: the queries themselves).

    The target `INSTANCE` is which of the queries a sample is.
    """

    target: str
    gallery: str
    split: int
    queries: np.ndarray
    rows: Rows | None
    attacker_data: str | None = None

    def arguments(self, embedded: Embedded) -> dict[str, Any]:
        """What `leakage` takes of queries and gallery; its bootstrap draws people."""
        columns = embedded.task.samples.columns
        if self.target == INSTANCE:
            return self._as_instances(embedded)
        labels = embedded.task.labels(self.target)
        asked = embedded.index[self.split][self.queries]
        classes = embedded.classes(
            self.target, {self.split, *(split for split, _ in self.rows or ())}
        )
        taken: dict[str, Any] = {
            "gallery": self.gallery,
            "features": np.asarray(embedded.z[self.split])[self.queries],
            "index": asked,
            "resample": columns["identity"][asked],
        }
        if self.rows is not None:
            held = np.concatenate([embedded.index[split][at] for split, at in self.rows])
            z = [np.asarray(embedded.z[split])[at] for split, at in self.rows]
            taken["gallery_features"] = np.concatenate(z)
            taken["gallery_labels"] = np.searchsorted(classes, labels[held])
            taken["window"] = embedded.task.samples.span
            for name in ("groups", "recording", "start"):
                column = columns[_group(self.target) if name == "groups" else name]
                taken[name], taken[f"gallery_{name}"] = column[asked], column[held]
        asked_labels = np.searchsorted(classes, labels[asked])
        return taken | {"labels": asked_labels, "num_classes": len(classes)}

    def _as_instances(self, embedded: Embedded) -> dict[str, Any]:
        asked = embedded.index[self.split][self.queries]
        return {
            "mode": "instance",
            "gallery": self.gallery,
            "features": np.asarray(embedded.z[self.split])[self.queries],
            "labels": np.arange(len(asked)),
            "index": asked,
            "resample": embedded.task.samples.columns["identity"][asked],
        }

    def seen(
        self, embedded: Embedded, noise_std: np.ndarray, num_draws: int
    ) -> dict[str, np.ndarray]:
        """What `leakage` takes for its floors: the true primary label, and the cloud's prediction.

        Of the gallery one draw is enough: it only counts how often each class is predicted what.
        """
        primary = embedded.task.primary
        taken = {
            "primary": embedded.labels(primary, self.split)[self.queries],
            "prediction": embedded.predictions(self.split, noise_std, num_draws)[..., self.queries],
        }
        if self.rows is None:
            return taken
        of_gallery = [
            embedded.predictions(split, noise_std, 1 if split == TRAIN else num_draws)[0][..., at]
            for split, at in self.rows
        ]
        return taken | {
            "gallery_primary": np.concatenate(
                [embedded.labels(primary, split)[at] for split, at in self.rows]
            ),
            "gallery_prediction": np.concatenate(of_gallery, axis=-1),
        }


def adversaries(embedded: Embedded, settings: Settings) -> Iterator[Adversary]:
    """Every sensitive target, in every gallery on the test split, and in `leave_group_out` on validation.

    Unplanned ones are measured in `leave_group_out` alone: what a stranger's feature tells of them. Where nobody is in
    two splits, the identity is known to no other one: then it is measured in `self` and `leave_one_out`; of images
    also, by the halves of each person's, in `held_out`, and on validation in `leave_one_out`. Of targets that are not
    known of all samples (`Samples.known`), the others are left out.

    Raises:
        errors.UserError: test recordings too short to be halved.
    """
    samples = embedded.task.samples
    recording, start = (
        samples.columns[name][embedded.index[TEST]] for name in ("recording", "start")
    )
    first, second = halves(recording, start, samples.gap)
    second = second[samples.whole[embedded.index[TEST]][second]]  # as in `scenario.Holdings`

    def sample(split: int, among: np.ndarray, most: int) -> np.ndarray:
        index = embedded.index[split][among]
        strata = [embedded.task.labels(name)[index] for name in ("identity", embedded.task.primary)]
        return among[stratified(strata, most, settings.seed)]

    def pool(*parts: tuple[int, np.ndarray]) -> Rows:
        """At most `max_gallery` rows of (split, positions in it), each by its share."""
        sizes = np.array([len(among) for _, among in parts])
        if not sizes.any():
            raise UserError(
                "test recordings of a single window have no half to hold: use longer ones"
            )
        share = min(1.0, (settings.max_gallery or sizes.sum()) / sizes.sum())
        # Rounded as a running sum, so that the parts add up to the whole.
        taken = np.diff(np.round(np.cumsum([0, *sizes]) * share).astype(int))
        return [
            (split, sample(split, among, int(n)))
            for (split, among), n in zip(parts, taken, strict=True)
            if n
        ]

    def own(target: str, gallery: str, split: int) -> Adversary:
        queries = sample(split, embedded.known(target, split), settings.max_queries)
        if gallery == "self":
            return Adversary(target, gallery, split, queries, None)
        both = gallery == "leave_group_out" and _group(target) == "recording"
        parts = (TRAIN, split) if both else (split,)
        rows = pool(*((part, embedded.known(target, part)) for part in parts))
        return Adversary(target, gallery, split, queries, rows)

    def held_out(target: str, data: str) -> Adversary:
        on_test = embedded.known(target, TEST)
        held = {
            "network_train": (TRAIN, embedded.known(target, TRAIN)),
            "unseen": (TEST, np.intersect1d(first, on_test)),
        }
        rows = pool(*(held.values() if data == "both" else (held[data],)))
        queries = sample(TEST, np.intersect1d(second, on_test), settings.max_queries)
        return Adversary(target, "held_out", TEST, queries, rows, data)

    for target in settings.sensitive:
        nowhere_else = target == "identity" and samples.people_apart
        # Halves of a recording have much in common, and are no gallery for an identity; a person's images are.
        alone = nowhere_else and samples.span > 1
        for gallery in settings.galleries if "test" in settings.splits else ():
            if gallery == "held_out" and not alone:
                holdings = ("unseen",) if nowhere_else else settings.attacker_data
                yield from (held_out(target, d) for d in settings.attacker_data if d in holdings)
            elif gallery in ("self", "leave_one_out") or not nowhere_else:
                yield own(target, gallery, TEST)
        if "validation" in settings.splits and not alone:
            yield own(target, "leave_one_out" if nowhere_else else "leave_group_out", VALIDATION)
    for target in settings.unplanned:
        if "test" in settings.splits and _is_shared(embedded, target):
            yield own(target, "leave_group_out", TEST)
    if settings.instance and "test" in settings.splits:
        everyone = np.arange(len(embedded.index[TEST]))
        yield Adversary(INSTANCE, "self", TEST, sample(TEST, everyone, settings.max_queries), None)


def _is_shared(embedded: Embedded, target: str) -> bool:
    """Whether some class of a target holds two test people: one of them is guessed from the other."""
    people = np.unique(
        np.stack([embedded.labels(target, TEST), embedded.labels("identity", TEST)]), axis=1
    )
    return bool(np.bincount(people[0]).max() > 1)


def _group(target: str) -> str:
    # A subject has one test recording per activity, so its identity can only be guessed from other recordings;
    # what else there is to know of a subject is guessed from other subjects.
    return "recording" if target == "identity" else "identity"
