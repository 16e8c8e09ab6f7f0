"""Small features and labels that the tests of the rank privacy share."""

import jax
import numpy as np

from hybrid_jax.privacy import rank_privacy

# Most tests share these shapes, and so one compiled program.
KEY = jax.random.key(7)
N, DIM, K, DRAWS = 50, 3, 4, 2
GRID = [0, 0.003, 0.1, 0.5, 2, 30, np.inf]
LABELS = np.concatenate([np.arange(K), np.random.default_rng(0).integers(0, K, N - K)])
PRIOR = np.array([0.1, 0.6, 0.0, 0.3])
NOT_SELF = ~np.eye(N, dtype=bool)


def features_of(dim):
    rng = np.random.default_rng(dim)
    return rng.normal(size=(N, dim)) + 0.5 * rng.normal(size=(K, dim))[LABELS]


FEATURES = features_of(DIM)


def measure(features=FEATURES, labels=LABELS, noise_std=GRID, **arguments):
    common = {"noise_std": noise_std, "key": KEY, "num_draws": DRAWS, "return_ranks": True}
    return rank_privacy(features, labels, **common | arguments)
