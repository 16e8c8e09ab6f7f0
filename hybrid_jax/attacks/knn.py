"""The nearest neighbours of an upload."""

import numpy as np

from hybrid_jax.attacks.knowledge import Knowledge

NEIGHBOURS = (1, 5, 25)  # chosen between on validation
COMPONENTS = 32  # principal components of wider features that are searched


class NearestNeighbours:
    """Votes of the k nearest noisy features (scikit-learn), each worth the more the rarer its class is."""

    def __init__(self, knowledge: Knowledge):
        self._knowledge = knowledge
        self._chosen = None

    def fit(self, features: np.ndarray, labels: np.ndarray) -> None:
        """See `Attacker.fit`."""
        uploads = self._knowledge.noisy(features, "fit")
        candidates = (_Votes(uploads, labels, k) for k in NEIGHBOURS if k <= len(labels))
        self._chosen = self._knowledge.choose(candidates)

    def predict_proba(self, uploads: np.ndarray) -> np.ndarray:
        """See `Attacker.predict_proba`."""
        return self._chosen.predict_proba(uploads)


class _Votes:
    def __init__(self, uploads: np.ndarray, labels: np.ndarray, k: int):
        from sklearn.decomposition import PCA
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.pipeline import make_pipeline

        self._k, self._counts = k, np.bincount(labels)
        first = PCA(min(COMPONENTS, *uploads.shape), svd_solver="covariance_eigh")
        self._search = make_pipeline(first, KNeighborsClassifier(k)).fit(uploads, labels)

    def predict_proba(self, uploads: np.ndarray) -> np.ndarray:
        votes = self._k * self._search.predict_proba(uploads)
        # A class without a vote is unlikely, not impossible: half a vote is shared by all (Laplace).
        weighed = (votes + 0.5 / len(self._counts)) / self._counts
        return weighed / weighed.sum(axis=1, keepdims=True)
