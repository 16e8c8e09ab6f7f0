"""Noise: the right distribution, and each sample's own draw."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from hybrid_jax import noise

NOISE_STD = 0.7
FEATURES = np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32)


def draw(key=0):
    normal = noise.standard_normal(jax.random.key(key), jnp.arange(len(FEATURES)), 8)
    return np.asarray(noise.add(jnp.asarray(FEATURES), NOISE_STD, normal))


def accepted(values, noise_std):
    """Whether the values may be N(0, noise_std^2): chi-square on their squares, at 1e-4."""
    chance = stats.chi2(values.size).cdf(float(np.square(values / noise_std).sum()))
    return 1e-4 < chance < 1 - 1e-4


@pytest.mark.parametrize("factor, right", [(1, True), (2 / 3, False), (3 / 2, False)])
def test_the_standard_deviation_is_noise_std(factor, right):
    assert accepted(draw().astype(np.float64) - FEATURES, NOISE_STD * factor) == right


def test_noise_is_normal_and_independent():
    n = (draw() - FEATURES) / NOISE_STD
    assert stats.kstest(n.ravel(), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(n.T) - np.eye(8)).max() < 4 / np.sqrt(len(n))
    assert abs(np.corrcoef(n[:-1].ravel(), n[1:].ravel())[0, 1]) < 4 / np.sqrt(n.size)


def test_a_samples_noise_depends_on_the_key_and_its_number_only():
    key = jax.random.key(3)
    whole = noise.standard_normal(key, jnp.arange(50), 5)
    some = noise.standard_normal(key, jnp.array([40, 3, 3]), 5)
    np.testing.assert_array_equal(some, whole[jnp.array([40, 3, 3])])
    assert not (noise.standard_normal(jax.random.key(4), jnp.arange(50), 5) == whole).any()
    assert some.dtype == jnp.float32


def test_vmapped_over_keys_is_a_loop_over_them():
    keys, index = jax.random.split(jax.random.key(0), 4), jnp.arange(10)
    vmapped = jax.vmap(lambda key: noise.standard_normal(key, index, 3))(keys)
    np.testing.assert_array_equal(vmapped, [noise.standard_normal(k, index, 3) for k in keys])


def test_no_noise_changes_nothing():
    normal = noise.standard_normal(jax.random.key(0), jnp.arange(len(FEATURES)), 8)
    np.testing.assert_array_equal(noise.add(jnp.asarray(FEATURES), 0.0, normal), FEATURES)
