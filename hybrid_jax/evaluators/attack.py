"""What attackers with data of their own make of the feature: every attacker, target and holding; the best; sessions."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hybrid_jax import rng
from hybrid_jax.attacks import Knowledge, named
from hybrid_jax.attacks.attempt import combined
from hybrid_jax.attacks.scores import Score, scores
from hybrid_jax.data.samples import TEST, VALIDATION
from hybrid_jax.embedded import Embedded
from hybrid_jax.evaluators.accuracy import SPLIT_NAMES
from hybrid_jax.evaluators.scenario import Rows, Scenario, scenarios
from hybrid_jax.evaluators.sequences import operating_level
from hybrid_jax.evaluators.settings import Settings
from hybrid_jax.privacy import leakage
from hybrid_jax.privacy.runs import in_order, runs_of
from hybrid_jax.progress import bar

ROUTES = {"transfer": "reconstruction"}  # all others go by the exclusive feature itself
Found = dict[str, Any]


def evaluate(embedded: Embedded, settings: Settings) -> Iterator[Found]:
    """Every attack at the first noise, none, and at the operating noise; those that choose a point at every noise.

    What is found without noise is kept: `noisy_reduced` is then `reduced`, and asked no second time.
    """
    at = dict.fromkeys((settings.noise_relative[0], operating_level(embedded, settings)))
    grid = settings.noise_relative if embedded.noisy else (0.0,)
    layer, method = embedded.embedding.layer, embedded.embedding.method
    everyone = [
        (scenario, level)
        for scenario in scenarios(embedded, settings, f"{layer}/{method}")
        for level in (grid if scenario.split == VALIDATION else at)
    ]
    with bar(f"attack, {layer} {method}", len(everyone)) as advance:
        for done, (scenario, level) in enumerate(everyone, 1):
            about = (scenario.target, scenario.gallery, scenario.attacker_data)
            key = ("attack", *about, scenario.split, scenario.max_windows, level)
            kept = embedded.noise_free_records if level == 0 else {}
            if key not in kept:
                kept[key] = list(Attack(embedded, settings, scenario, level).records())
            yield from kept[key]
            advance(done)


class Attack:
    """A scenario at one noise.

    Args:
        embedded: what is attacked.
        settings: of the run.
        scenario: who attacks, with what.
        level: the noise relative to the feature's rms.
    """

    def __init__(self, embedded: Embedded, settings: Settings, scenario: Scenario, level: float):
        self._embedded, self._settings, self._scenario = embedded, settings, scenario
        self._level, self._std = level, level * embedded.rms
        queries, split = scenario.queries, scenario.split
        columns, index = embedded.task.samples.columns, embedded.index[split][queries]
        self._people = columns["identity"][index]
        self._columns = {name: columns[name][index] for name in ("recording", "start")}
        parts = {split, *(part for fold in scenario.folds for part, _ in fold.fit)}
        self._classes = embedded.classes(scenario.target, parts)
        self._labels = self._numbered(embedded.labels(scenario.target, split)[queries])

    def records(self) -> Iterator[Found]:
        """Every attacker's scores, the best one's, alone and on sessions, the floors, and the bound."""
        found = {name: self._probabilities(name) for name in self._scenario.attackers}
        of = {name: scores(p, self._labels, self._people) for name, p in found.items()}
        for name, its in of.items():
            yield from self._scored(its, attacker=name, route=ROUTES.get(name, "exclusive"))
        # By the test itself: a claim of privacy is as good as the best attack that was tried.
        best = max(of, key=lambda name: of[name]["balanced_accuracy"].value)
        winner = {"attacker": "best", "winner": best}
        yield from self._scored(of[best], **winner)
        if self._scenario.split == VALIDATION:
            return
        yield from self._sessions(found[best], winner)
        yield from self._floors()
        if self._level > 0 and self._scenario.gallery == "held_out":
            yield from self._bound()

    def _probabilities(self, attacker: str) -> np.ndarray:
        embedded, scenario, attack = self._embedded, self._scenario, self._settings.attack
        found = []
        for number, fold in enumerate(scenario.folds):
            knowledge = Knowledge(
                noise_std=self._std,
                num_classes=len(self._classes),
                validation=self._held(fold.choose),
                key=rng.named(embedded.key, "attack", scenario.target, attacker, str(number)),
                embedding=embedded.embedding.noise_free,
                variables=embedded.variables,
                budget=attack.budget,
                freeze=attack.freeze,
            )
            uploads = np.asarray(embedded.uploads(scenario.split, fold.queries, self._std))
            found.append(named.attack(attacker, knowledge, *self._held(fold.fit), uploads))
        return np.concatenate(found)

    def _held(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        embedded, target = self._embedded, self._scenario.target
        if not rows:
            return np.zeros((0, embedded.z[TEST].shape[1]), np.float32), np.zeros(0, np.int32)
        features = [np.asarray(embedded.z[split])[at] for split, at in rows]
        labels = [embedded.labels(target, split)[at] for split, at in rows]
        return np.concatenate(features), self._numbered(np.concatenate(labels))

    def _numbered(self, labels: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._classes, labels)

    def _scored(self, of: Mapping[str, Score], suffix: str = "", **about: Any) -> Iterator[Found]:
        scenario = self._scenario
        for metric, score in of.items():
            yield {
                "metric": metric + suffix,
                **score._asdict(),
                "unit": "fraction",
                "target": scenario.target,
                "split": SPLIT_NAMES[scenario.split],
                "gallery": scenario.gallery,
                "attacker_data": scenario.attacker_data,
                "max_windows": scenario.max_windows,
                "n_fit": round(np.mean([_size(fold.fit) for fold in scenario.folds])),
                "noise_std": float(self._std),
                "noise_relative": self._level,
                "draws": 1,
                "n": len(self._labels),
                "classes": len(self._classes),
                **about,
            }

    def _sessions(self, probabilities: np.ndarray, winner: Found) -> Iterator[Found]:
        """The best attacker on n windows of one person, as far as people have that many."""
        windows = in_order(
            self._people,
            np.lexsort((self._columns["start"], self._columns["recording"])).argsort(),
            self._columns | {"window": self._embedded.task.samples.span},
        )
        longest = max(map(len, windows))
        for uploads in self._settings.attack.uploads:
            if uploads <= longest:
                runs = runs_of(windows, uploads)
                at = runs[:, 0]
                of = scores(combined(probabilities, runs), self._labels[at], self._people[at])
                kept = {name: of[name] for name in ("accuracy", "balanced_accuracy")}
                own: Found = {"mode": "session", "queries": uploads, "n": len(runs)}
                yield from self._scored(kept, **winner, **own)

    def _floors(self) -> Iterator[Found]:
        """What the true primary label alone tells, and the classifier's prediction on the same upload alone."""
        embedded, split = self._embedded, self._scenario.split
        primary = embedded.task.primary
        seen = {
            "_label_floor": lambda part, at: embedded.labels(primary, part)[at],
            "_prediction_floor": lambda part, at: embedded.predicted(part, at, self._std),
        }
        size = embedded.task.num_classes(primary)
        for suffix, see in seen.items():
            found = []
            for fold in self._scenario.folds:
                _, labels = self._held(fold.fit)
                held = np.concatenate([see(part, at) for part, at in fold.fit])
                table = np.zeros((len(self._classes), size))
                np.add.at(table, (labels, held), 1)
                # Of a class's samples, the share that is seen as each: the likelihood, under a uniform prior.
                likelihood = (table / table.sum(axis=1, keepdims=True)).T[see(split, fold.queries)]
                total = likelihood.sum(axis=1, keepdims=True)
                even = np.full_like(likelihood, 1 / len(self._classes))
                found.append(np.divide(likelihood, total, out=even, where=total > 0))
            of = scores(np.concatenate(found), self._labels, self._people)
            yield from self._scored(of, suffix)

    def _bound(self) -> Iterator[Found]:
        """What nobody can exceed: the Bayes adversary who knows each query's own feature (gallery `self`)."""
        embedded, settings = self._embedded, self._settings
        queries = self._scenario.queries
        found = leakage(
            np.asarray(embedded.z[self._scenario.split])[queries],
            self._labels,
            gallery="self",
            index=embedded.index[self._scenario.split][queries],
            resample=self._people,
            noise_std=[self._std],
            key=embedded.key,
            num_draws=settings.num_draws,
            num_classes=len(self._classes),
        )["bayes_vulnerability"]
        score = Score(
            found.value[0], found.chance, found.stderr[0], found.ci_low[0], found.ci_high[0]
        )
        yield from self._scored({"bayes_bound": score})


def _size(rows: Rows) -> int:
    return sum(len(at) for _, at in rows)
