"""The axes along which attackers that suffer from many coordinates look at features."""

from typing import Any

import numpy as np

COMPONENTS = 32  # of wider features
WIDE = 2000  # coordinates beyond which their covariance costs more than an approximation that is as good


def principal(features: np.ndarray) -> Any:
    """The first principal components of features [N, d], or all where fewer: a fitted `PCA` of scikit-learn."""
    from sklearn.decomposition import PCA

    solver = "covariance_eigh" if features.shape[1] <= WIDE else "randomized"
    return PCA(min(COMPONENTS, *features.shape), svd_solver=solver, random_state=0).fit(features)
