"""What an attacker is: something with `fit` and `predict_proba`, made from what it knows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
import numpy as np

from hybrid_jax import metrics, rng
from hybrid_jax.embedding import Embedding
from hybrid_jax.errors import UserError
from hybrid_jax.phase import Budget

BUDGET = Budget(15.0, 2e-3, "constant", 128, average=True)  # of a network that attacks


class Attacker(Protocol):
    """One attack on exclusive features. `ATTACKERS` names them; each is made as `Attacker(knowledge)`."""

    def fit(self, features: np.ndarray, labels: np.ndarray) -> None:
        """Learns from what the adversary holds.

        Args:
            features: float32 [N, d], noise-free exclusive features: the adversary has the extractor, and data of its
                own. `knowledge.noisy` makes of them what an upload looks like.
            labels: int [N], the sensitive class of each, 0 to K - 1; every class occurs.
        """
        ...

    def predict_proba(self, uploads: np.ndarray) -> np.ndarray:
        """[n, d] noisy features to [n, K] probabilities, under a uniform prior."""
        ...


class Finder:
    """An attacker whose `fit` finds what answers for it: `self.found`, with `predict_proba`."""

    def __init__(self, knowledge: "Knowledge"):
        self.knowledge = knowledge
        self.found: Any = None

    def predict_proba(self, uploads: np.ndarray) -> np.ndarray:
        """See `Attacker.predict_proba`."""
        return self.found.predict_proba(uploads)


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What an attacker knows before it sees an upload.

    Attributes:
        noise_std: of the noise in every upload, in the feature's units, >= 0.
        num_classes: K, of the sensitive label.
        validation: ([n, d] noise-free features, [n] labels) of the adversary's own, to choose settings by. Nothing that
            it is fitted on overlaps them, and nothing that it is tested on.
        key: of all its randomness.
        embedding: the extractor and classifier, without noise: an adversary may know the network.
        variables: what they take.
        budget: how long a network is trained, see `network.stops`.
        freeze: the stage through which the `transfer` attack keeps the network as it is.
    """

    noise_std: float
    num_classes: int
    validation: tuple[np.ndarray, np.ndarray]
    key: jax.Array
    embedding: Embedding | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    budget: Budget = BUDGET
    freeze: str = "through_split"

    def noisy(self, features: np.ndarray, purpose: str) -> np.ndarray:
        """What uploads of these features [N, d] look like; another purpose draws other noise."""
        if not self.noise_std:
            return np.asarray(features, np.float32)
        seed = int(jax.random.bits(rng.named(self.key, "noise", purpose), (), np.uint32))
        normal = np.random.default_rng(seed).standard_normal(np.shape(features), np.float32)
        return features + np.float32(self.noise_std) * normal

    @property
    def seed(self) -> int:
        """For libraries that take a number, in [0, 2^31)."""
        return int(jax.random.bits(rng.named(self.key, "seed"), (), np.uint32)) >> 1

    def score(self, probabilities: np.ndarray) -> float:
        """Balanced accuracy of predictions [n, K] for the noisy validation features, by which settings are chosen.

        Raises:
            errors.UserError: there are none.
        """
        self._check_validation()
        return metrics.balanced_accuracy(np.argmax(probabilities, axis=1), self.validation[1])

    @property
    def validation_uploads(self) -> np.ndarray:
        """[n, d] validation features as uploads."""
        return self.noisy(self.validation[0], "validation")

    def choose(self, candidates: Iterable[Any]) -> Any:
        """The candidate, with `predict_proba`, that does best on validation; of equal ones the first."""
        self._check_validation()
        uploads = self.validation_uploads
        return max(candidates, key=lambda one: self.score(one.predict_proba(uploads)))

    def _check_validation(self) -> None:
        if not len(self.validation[1]):
            raise UserError(
                "recordings are too short: nothing is left at their ends by which an attacker could choose its settings"
            )


def class_weights(labels: np.ndarray) -> np.ndarray:
    """[N] weights of mean 1 that make classes weigh alike: attackers assume a uniform prior, as privacy does."""
    counts = np.bincount(labels)
    return (len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1)))[labels]
