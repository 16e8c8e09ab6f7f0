"""What an adversary of the rank privacy holds, and whom it is asked about."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid_jax.data.windows import TEST, TRAIN, VALIDATION, gap_windows
from hybrid_jax.embedded import Embedded
from hybrid_jax.errors import UserError
from hybrid_jax.evaluators.sampling import halves, stratified
from hybrid_jax.evaluators.settings import Settings

Rows = list[tuple[int, np.ndarray]]  # (split, positions in that split), one after another


@dataclass(frozen=True, eq=False)
class Adversary:
    """Who is ranked (`queries`, positions in `split`) against what (`rows`; `None`: the queries themselves)."""

    target: str
    gallery: str
    split: int
    queries: np.ndarray
    rows: Rows | None
    attacker_data: str | None = None

    def arguments(self, embedded: Embedded) -> dict[str, Any]:
        """What `leakage` takes of queries and gallery; its bootstrap draws people."""
        columns = embedded.task.windows.columns
        labels = embedded.task.labels(self.target)
        asked = embedded.index[self.split][self.queries]
        # With whole subjects held out only theirs are classes: labels are numbered anew, by what these splits hold.
        splits = {self.split, *(split for split, _ in self.rows or ())}
        classes = np.unique(
            np.concatenate([embedded.labels(self.target, split) for split in splits])
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
            taken["window"] = embedded.task.windows.window
            for name in ("groups", "recording", "start"):
                column = columns[_group(self.target) if name == "groups" else name]
                taken[name], taken[f"gallery_{name}"] = column[asked], column[held]
        asked_labels = np.searchsorted(classes, labels[asked])
        return taken | {"labels": asked_labels, "num_classes": len(classes)}

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

    Unplanned ones are measured in `leave_group_out` alone: what a stranger's feature tells of them. With whole subjects
    held out, their identity is in no other set: then it is measured in `self` and `leave_one_out`.

    Raises:
        errors.UserError: test recordings too short to be halved.
    """
    windows = embedded.task.windows
    recording, start = (
        windows.columns[name][embedded.index[TEST]] for name in ("recording", "start")
    )
    first, second = halves(recording, start, gap_windows(windows.window, windows.step))
    second = second[windows.whole[embedded.index[TEST]][second]]  # as in `scenario.Holdings`
    whole = {split: np.arange(len(index)) for split, index in embedded.index.items()}

    def sample(split: int, among: np.ndarray, most: int) -> np.ndarray:
        index = embedded.index[split][among]
        strata = [windows.columns[name][index] for name in ("identity", "activity")]
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
        queries = sample(split, whole[split], settings.max_queries)
        if gallery == "self":
            return Adversary(target, gallery, split, queries, None)
        both = gallery == "leave_group_out" and _group(target) == "recording"
        rows = pool(*((part, whole[part]) for part in ((TRAIN, split) if both else (split,))))
        return Adversary(target, gallery, split, queries, rows)

    def held_out(target: str, data: str) -> Adversary:
        held = {"network_train": (TRAIN, whole[TRAIN]), "unseen": (TEST, first)}
        rows = pool(*(held.values() if data == "both" else (held[data],)))
        queries = sample(TEST, second, settings.max_queries)
        return Adversary(target, "held_out", TEST, queries, rows, data)

    for target in settings.sensitive:
        nowhere_else = target == "identity" and windows.split_kind == "subject"
        for gallery in settings.galleries if "test" in settings.splits else ():
            if nowhere_else and gallery not in ("self", "leave_one_out"):
                continue
            if gallery == "held_out":
                yield from (held_out(target, data) for data in settings.attacker_data)
            else:
                yield own(target, gallery, TEST)
        if "validation" in settings.splits and not nowhere_else:
            yield own(target, "leave_group_out", VALIDATION)
    for target in settings.unplanned:
        if "test" in settings.splits and _is_shared(embedded, target):
            yield own(target, "leave_group_out", TEST)


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
