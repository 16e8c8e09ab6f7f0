"""An adversary that holds one sample of each person: matching."""

import jax
import numpy as np

from hybrid_jax.attacks import ATTACKERS, Knowledge, attempt

DIM = 4


def test_who_holds_one_sample_of_each_class_matches_it():
    """And warns of nothing: there is nothing to choose a number of neighbours by."""
    features = np.random.default_rng(0).normal(size=(6, DIM)).astype(np.float32)
    nothing = np.zeros((0, DIM), np.float32), np.zeros(0, np.int32)
    known = Knowledge(0.0, 6, nothing, jax.random.key(2))
    found = attempt.attempt(ATTACKERS["knn"], known, features, np.arange(6), features[::-1] + 0.01)
    np.testing.assert_array_equal(found.argmax(axis=1), np.arange(6)[::-1])
