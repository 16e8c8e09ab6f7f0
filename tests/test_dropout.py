"""Dropout: the rate, the expectation, masks without pattern."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_jax.models.dropout import Dropout, keep_mask

SHAPES = [(64, 12, 23, 50), (64, 11, 23, 50), (500, 400), (500, 401)]


def apply(rate, x, train=True, seed=0):
    return Dropout(rate).apply({}, x, train, rngs={"dropout": jax.random.key(seed)})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rate", [0.1, 0.2, 0.4, 0.9])
def test_the_share_of_what_is_dropped_is_the_rate(rate, shape):
    keep = np.asarray(keep_mask(jax.random.key(1), shape, rate))
    assert keep.shape == shape and keep.dtype == bool
    error = np.sqrt(rate * (1 - rate) / keep.size)
    assert abs(keep.mean() - (1 - rate)) < 5 * error
    # The same in either of the two values of a word, and in each sample.
    halves = keep[:, : shape[1] // 2], keep[:, shape[1] // 2 :]
    for half in halves:
        assert abs(half.mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / half.size)


@pytest.mark.parametrize("shape", SHAPES)
def test_values_are_dropped_independently(shape):
    """Correlation over one place to the next along each axis, over the two values of a word, and over samples."""
    keep = np.asarray(keep_mask(jax.random.key(2), shape, 0.4), np.float64) - 0.6
    variance = 0.24
    half = shape[1] // 2
    pairs = [(keep[:, :half], keep[:, half : 2 * half])]
    for axis in range(len(shape)):
        ahead, behind = np.delete(keep, 0, axis), np.delete(keep, -1, axis)
        pairs.append((ahead, behind))
    for a, b in pairs:
        assert abs(np.mean(a * b)) < 5 * variance / np.sqrt(a.size)


def test_what_is_kept_is_scaled_up_so_that_the_mean_stays():
    x = jnp.full((200, 10, 50), 3.0)
    for rate in (0.2, 0.4):
        y = np.asarray(apply(rate, x))
        scale = 1 / (1 - round(rate * 2**16) / 2**16)
        assert set(np.unique(y)) == {np.float32(0), np.float32(3 * scale)}
        assert y.mean() == pytest.approx(3.0, rel=5 * np.sqrt(rate / (1 - rate) / x.size))


def test_off_it_is_the_identity_and_needs_no_key():
    x = jnp.ones((2, 3))
    assert Dropout(0.5).apply({}, x, False) is x
    assert Dropout(0.0).apply({}, x, True) is x


def test_the_key_decides():
    x = jnp.ones((8, 400))
    np.testing.assert_array_equal(apply(0.4, x), apply(0.4, x))
    assert (np.asarray(apply(0.4, x)) != np.asarray(apply(0.4, x, seed=1))).any()


def test_its_gradient_is_its_mask_scaled():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(8, 400)), jnp.float32)
    gradient = jax.grad(lambda x: jnp.sum(apply(0.4, x)))(x)
    np.testing.assert_allclose(gradient * x, apply(0.4, x), rtol=1e-6)
