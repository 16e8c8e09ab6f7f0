"""The axes along which attackers that suffer from many coordinates look at features."""

from typing import Any

import numpy as np

COMPONENTS = 32  # of wider features


def principal(features: np.ndarray) -> Any:
    """The first principal components of features [N, d], or all where fewer: a fitted `PCA` of scikit-learn."""
    from sklearn.decomposition import PCA

    return PCA(min(COMPONENTS, *features.shape), svd_solver="covariance_eigh").fit(features)
