"""The nearest neighbours of an upload."""

import warnings
from typing import Any

import numpy as np

from hybrid_jax.attacks.axes import principal
from hybrid_jax.attacks.knowledge import Finder

NEIGHBOURS = (1, 5, 25)  # chosen between on validation


class NearestNeighbours(Finder):
    """Votes of the k nearest noisy features (scikit-learn), each worth the more the rarer its class is."""

    def fit(self, features: np.ndarray, labels: np.ndarray) -> None:
        """See `Attacker.fit`."""
        uploads = self.knowledge.noisy(features, "fit")
        axes = principal(uploads)
        held = axes.transform(uploads)
        candidates = (_Votes(axes, held, labels, k) for k in NEIGHBOURS if k <= len(labels))
        # One sample of each class leaves nothing to choose by, and nothing to choose: the nearest it is.
        matching = not len(self.knowledge.validation[1])
        self.found = next(candidates) if matching else self.knowledge.choose(candidates)


class _Votes:
    def __init__(self, axes: Any, held: np.ndarray, labels: np.ndarray, k: int):
        from sklearn.neighbors import KNeighborsClassifier

        self._k, self._counts, self._axes = k, np.bincount(labels), axes
        with warnings.catch_warnings():
            # One sample of each class is no regression, as it supposes: it is matching.
            warnings.filterwarnings("ignore", message="The number of unique classes")
            self._search = KNeighborsClassifier(k).fit(held, labels)

    def predict_proba(self, uploads: np.ndarray) -> np.ndarray:
        votes = self._k * self._search.predict_proba(self._axes.transform(uploads))
        # A class without a vote is unlikely, not impossible: half a vote is shared by all (Laplace).
        weighed = (votes + 0.5 / len(self._counts)) / self._counts
        return weighed / weighed.sum(axis=1, keepdims=True)
