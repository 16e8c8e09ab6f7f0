"""The peers of the training benchmark do the same work as what they are compared with."""

import importlib.util

import jax
import numpy as np
import pytest

from benchmarks import forward_peers, train_step
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


@pytest.mark.slow
@pytest.mark.parametrize("side", [48, 96])
def test_the_forward_passes_are_one_network(side):
    if not importlib.util.find_spec("torch"):
        pytest.skip("needs torch: pip install -r requirements-bench.txt")
    import torch

    # Biases too: those of a new network are zero.
    variables = jax.tree.map(lambda a: a + 0.01 * (a.ndim == 1), forward_peers.variables_of(side))
    images = forward_peers.images_of(3, side)
    with torch.inference_mode():
        peer = forward_peers.torch_network(variables)
        found = peer(torch.tensor(images).permute(0, 3, 1, 2)).numpy()
    expected = np.asarray(jax.jit(forward_peers.NETWORK.apply)(variables, images)[0])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    for rounds in (forward_peers.in_jax, forward_peers.in_torch):
        turns = rounds(variables, images, passes=2)
        next(turns)
        next(turns)


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


def test_forward_passes_are_timed_a_batch_at_a_time(capsys, monkeypatch):
    def of_images(variables, images, passes):
        assert len(images) * passes == train_step.FORWARD_IMAGES
        while True:
            yield

    monkeypatch.setattr(train_step, "FORWARD", dict.fromkeys(train_step.FORWARD, of_images))
    monkeypatch.setattr(forward_peers, "variables_of", dict)
    train_step.forward(["hybrid-jax", "PyTorch"], number=1)
    printed = capsys.readouterr().out
    assert printed.count("hybrid-jax") == printed.count("ours takes") == 2
    assert "batch 1 " in printed and "batch 8 " in printed
    train_step.forward(["hybrid-jax"], number=1)
    assert "PyTorch" not in capsys.readouterr().out
