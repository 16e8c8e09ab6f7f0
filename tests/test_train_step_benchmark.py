"""The peers of the training benchmark do the same work as what they are compared with."""

import importlib.util

import jax
import numpy as np
import pytest

from benchmarks.train_step import in_jax, in_plain_flax, in_torch, plain
from hybrid_jax.data import simulated
from hybrid_jax.models.mtcnn import mtcnn
from hybrid_jax.task import Task


def test_plain_flax_is_the_same_network():
    ours = mtcnn({"activity": 4})
    peer = plain(ours)
    x = np.random.default_rng(0).normal(size=(3, 12, 50)).astype(np.float32)
    variables = jax.jit(ours.init)(jax.random.key(0), x)
    assert jax.tree.structure(variables) == jax.tree.structure(peer.init(jax.random.key(0), x))
    expected, found = (jax.jit(network.apply)(variables, x)[0] for network in (ours, peer))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("peer", [in_jax, in_plain_flax, in_torch])
def test_a_peer_takes_its_steps(peer):
    if peer is in_torch and not importlib.util.find_spec("torch"):
        pytest.skip("needs torch: pip install -r requirements-bench.txt")
    windows = simulated.load(num_subjects=2, trials_per_activity=2, seconds=4.0)
    rounds = peer(Task(mtcnn({"activity": 4}), windows, "activity"), batch_size=8, steps=2)
    next(rounds)
    next(rounds)
