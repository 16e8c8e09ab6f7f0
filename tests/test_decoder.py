"""Reconstruction: what is in the feature is rebuilt, what is not is not, and how near it comes."""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_evaluators import SETTINGS, make

from hybrid_jax import evaluators
from hybrid_jax.attacks import decoder
from hybrid_jax.attacks.matcher import Matcher
from hybrid_jax.evaluators.closeness import of_images, of_signals
from hybrid_jax.models.decoder import window_decoder
from hybrid_jax.phase import Budget
from hybrid_jax.results import select
from hybrid_jax.stages import retargeted

SHAPE = (3, 18)
BUDGET = Budget(60.0, 3e-3, "cosine", 32)


@dataclass(frozen=True)
class Rows:
    def __call__(self, data, indices):
        return data["x"][indices]


def windows(seed, n=300):
    """Waves of two phases: all that there is to know of one."""
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (n, 2)).astype(np.float32)
    time = np.arange(SHAPE[1]) / 3
    x = np.stack(
        [
            np.sin(time + phases[:, :1]),
            np.cos(time + phases[:, :1]),
            np.sin(2 * time + phases[:, 1:]),
        ],
        axis=1,
    )
    z = np.concatenate([np.sin(phases), np.cos(phases)], axis=1)
    return z.astype(np.float32), x.astype(np.float32)


def fitted(z, x, noise_std=0.0):
    data, key = {"x": jnp.asarray(x)}, jax.random.key(0)
    return decoder.fit(window_decoder(SHAPE), Rows(), data, jnp.asarray(z), noise_std, BUDGET, key)


@pytest.fixture(scope="module")
def naive():
    """Of features without noise."""
    return fitted(*windows(0))


def nrmse(x, y):
    return next(of_signals(x, y))["value"]


def test_what_the_feature_tells_is_rebuilt_and_what_it_does_not_is_not(naive):
    (z, x), (asked, truth) = windows(0), windows(1)
    assert naive(asked).shape == truth.shape
    assert nrmse(truth, naive(asked)) < 0.2
    nothing = np.zeros_like(z)
    assert nrmse(truth, fitted(nothing, x)(nothing)) > 0.95


def test_a_decoder_knows_the_noise(naive):
    """Trained on noisy features it is better on them than one that was not, and worse than on clean ones."""
    (z, x), (asked, truth) = windows(0), windows(1)
    noisy = asked + 0.5 * np.random.default_rng(2).normal(size=asked.shape).astype(np.float32)
    knowing = nrmse(truth, fitted(z, x, 0.5)(noisy))
    assert nrmse(truth, naive(asked)) < knowing < nrmse(truth, naive(noisy))


@pytest.mark.parametrize("shape", [(12, 50), (3, 18), (1, 7), (2, 64)])
def test_it_gives_windows_of_any_shape(shape):
    network = window_decoder(shape)
    rebuild = jax.jit(lambda z: network.init_with_output(jax.random.key(0), z)[0][0])
    assert rebuild(jnp.zeros((4, 5))).shape == (4, *shape)


def test_closeness_is_what_it_says():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(50, 2, 10)) * np.array([1.0, 3.0])[:, None]
    y = x + generator.normal(size=x.shape)
    first, *others = of_signals(x, y)
    deviation = x - x.mean(axis=(0, 2), keepdims=True)
    assert first["value"] == pytest.approx(np.sqrt(np.sum((x - y) ** 2) / np.sum(deviation**2)))
    by_channel = [np.corrcoef(x[:, c].ravel(), y[:, c].ravel())[0, 1] for c in range(2)]
    assert [r["value"] for r in others] == pytest.approx([np.mean(by_channel), *by_channel])
    assert [r.get("target") for r in others] == [None, "channel_0", "channel_1"]


def test_limits_of_closeness():
    x = np.random.default_rng(0).normal(size=(20, 2, 5))
    assert [r["value"] for r in of_signals(x, x)] == pytest.approx([0.0, 1.0, 1.0, 1.0])
    mean = np.broadcast_to(x.mean(axis=(0, 2), keepdims=True), x.shape)
    assert [r["value"] for r in of_signals(x, mean)] == pytest.approx([1.0, 0.0, 0.0, 0.0])
    still = np.ones((4, 1, 3))
    assert [r["value"] for r in of_signals(still, still)] == [None, 0.0, 0.0]


@pytest.fixture(scope="module")
def embedded():
    return make()


def test_records_without_noise_and_at_the_operating_noise(embedded):
    task = embedded.task
    network = retargeted(task.network, 4)
    variables = replace(task, network=network).init(jax.random.key(1))
    settings = replace(SETTINGS, tolerance=1.0, matcher=Matcher(network, variables))
    records = list(evaluators.evaluate(("reconstruction",), embedded, settings))
    own = [(r["metric"], r["noise_relative"]) for r in records if r["metric"] == "nrmse"]
    assert own == [("nrmse", 0.0), ("nrmse", 0.5)]
    assert len(select(records, metric="correlation", noise_relative=0.5)) == 13
    again = select(records, metric="reidentification")
    assert [r["route"] for r in again] == ["reconstruction", "original"] * 2
    assert again[1]["value"] == again[3]["value"]  # originals have no noise
    assert {r["chance"] for r in again} == {0.25} and {r["n_fit"] for r in records} == {40}
    alone = list(evaluators.evaluate(("reconstruction",), make("subject"), SETTINGS))
    assert not select(alone, metric="reidentification")


def test_closeness_of_images_is_what_it_says():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(5, 20, 20, 1)).astype(np.float32)
    y = x + 0.1
    clipped = np.clip(y, 0, 1)
    psnr, ssim = of_images(x, y)
    errors = np.square(clipped - x).mean(axis=(1, 2, 3))
    assert psnr["value"] == pytest.approx(np.mean(-10 * np.log10(errors)), abs=1e-4)
    assert psnr["chance"] == pytest.approx(
        np.mean(-10 * np.log10(np.square(x - x.mean(axis=0)).mean(axis=(1, 2, 3)))), abs=1e-3
    )
    assert psnr["value"] > psnr["chance"] and 0.9 < ssim["value"] < 1 and ssim["chance"] < 0.6
    _, same = of_images(x, x)
    assert same["value"] == pytest.approx(1.0, abs=1e-4)
