"""The peers of the training benchmark do the same work as what they are compared with."""

import importlib.util

import jax
import numpy as np
import pytest

from benchmarks import train_step
from benchmarks.train_step_peers import in_jax, in_plain_flax, in_torch, plain
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


@pytest.mark.slow
@pytest.mark.parametrize("layer", train_step.LAYERS.values())
@pytest.mark.parametrize("peer", [in_jax, in_plain_flax, in_torch])
def test_a_peer_takes_its_steps(peer, layer):
    if peer is in_torch and not importlib.util.find_spec("torch"):
        pytest.skip("needs torch: pip install -r requirements-bench.txt")
    windows = simulated.load(num_subjects=2, trials_per_activity=2, seconds=4.0)
    rounds = peer(
        Task(mtcnn({"activity": 4}), windows, "activity"), batch_size=8, steps=2, layer=layer
    )
    next(rounds)
    next(rounds)


def test_ratios_are_taken_round_by_round(capsys):
    """A round in which the machine was slow for both says the same as any other."""
    times = {
        ("cross-entropy", "hybrid-jax"): [10.0, 30.0, 10.0],
        ("cross-entropy", "PyTorch"): [20.0, 60.0, 20.0],
        ("Siamese", "hybrid-jax"): [11.0, 33.0, 11.0],
    }
    train_step.report(times)
    printed = capsys.readouterr().out
    assert "ours takes 0.50 of it" in printed and "takes 1.10 of cross-entropy" in printed
