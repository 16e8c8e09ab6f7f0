"""Gradient-boosted trees."""

from itertools import islice

import numpy as np

from hybrid_jax.attacks.axes import principal
from hybrid_jax.attacks.knowledge import Knowledge

ROUNDS = 100  # of boosting at most; validation chooses how many of them count


class Boosting:
    """Gradient boosting of histogram trees on noisy features (scikit-learn)."""

    def __init__(self, knowledge: Knowledge):
        self._knowledge = knowledge

    def fit(self, features: np.ndarray, labels: np.ndarray) -> None:
        """See `Attacker.fit`."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        uploads = self._knowledge.noisy(features, "fit")
        self._axes = principal(uploads)
        self._trees = HistGradientBoostingClassifier(
            max_iter=ROUNDS,
            max_leaf_nodes=15,
            max_bins=63,  # as good as more, in two thirds of the time
            max_features=0.25,
            class_weight="balanced",
            early_stopping=False,  # its own validation would be random windows, which overlap
            random_state=self._knowledge.seed,
        )
        self._trees.fit(self._axes.transform(uploads), labels)
        stages = self._stages(self._knowledge.validation_uploads)
        self._rounds = 1 + int(np.argmax([self._knowledge.score(found) for found in stages]))

    def predict_proba(self, uploads: np.ndarray) -> np.ndarray:
        """See `Attacker.predict_proba`."""
        return next(islice(self._stages(uploads), self._rounds - 1, None))

    def _stages(self, uploads: np.ndarray):
        return self._trees.staged_predict_proba(self._axes.transform(uploads))
