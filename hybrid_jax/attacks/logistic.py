"""A logistic probe: what is linearly there."""

import numpy as np

from hybrid_jax.attacks.knowledge import Finder

INVERSE_PENALTIES = (0.01, 1.0)  # chosen between on validation


class Logistic(Finder):
    """Multinomial logistic regression on standardised noisy features (scikit-learn, L-BFGS)."""

    def fit(self, features: np.ndarray, labels: np.ndarray) -> None:
        """See `Attacker.fit`."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        uploads = self.knowledge.noisy(features, "fit")

        def fitted(c: float):
            # So loose that what little is left to gain costs nobody's minutes.
            probe = LogisticRegression(C=c, class_weight="balanced", max_iter=100, tol=1e-2)
            return make_pipeline(StandardScaler(), probe).fit(uploads, labels)

        self.found = self.knowledge.choose(map(fitted, INVERSE_PENALTIES))
