"""A logistic probe: what is linearly there."""

import numpy as np

from hybrid_jax.attacks.knowledge import Knowledge

INVERSE_PENALTIES = (0.01, 1.0)  # chosen between on validation


class Logistic:
    """Multinomial logistic regression on standardised noisy features (scikit-learn, L-BFGS)."""

    def __init__(self, knowledge: Knowledge):
        self._knowledge = knowledge
        self._chosen = None

    def fit(self, features: np.ndarray, labels: np.ndarray) -> None:
        """See `Attacker.fit`."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        uploads = self._knowledge.noisy(features, "fit")

        def fitted(c: float):
            # So loose that what little is left to gain costs nobody's minutes.
            probe = LogisticRegression(C=c, class_weight="balanced", max_iter=100, tol=1e-2)
            return make_pipeline(StandardScaler(), probe).fit(uploads, labels)

        self._chosen = self._knowledge.choose(map(fitted, INVERSE_PENALTIES))

    def predict_proba(self, uploads: np.ndarray) -> np.ndarray:
        """See `Attacker.predict_proba`."""
        return self._chosen.predict_proba(uploads)
