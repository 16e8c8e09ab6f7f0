"""max_pool_time is flax.linen.max_pool along time, in values and gradients; only faster."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from hybrid_jax.models.time_pool import max_pool_time

CASES = [(46, 2, 23), (19, 3, 6), (5, 5, 1), (7, 1, 7), (9, 4, 2)]


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("time", "window", "kept"), CASES)
def test_it_is_that_of_flax_and_drops_what_does_not_fill_a_window(time, window, kept):
    x = jnp.asarray(normal(2, 3, time, 4))
    y = max_pool_time(x, window)
    assert y.shape == (2, 3, kept, 4)
    np.testing.assert_array_equal(y, nn.max_pool(x, (1, window), (1, window)))

    def gradient(pool):
        weights = normal(2, 3, kept, 4, seed=1)
        return jax.grad(lambda x: jnp.vdot(pool(x), weights))(x)

    np.testing.assert_array_equal(
        gradient(lambda x: max_pool_time(x, window)),
        gradient(lambda x: nn.max_pool(x, (1, window), (1, window))),
    )


@pytest.mark.parametrize("window", [2, 3, 4])
def test_the_first_of_equal_values_has_the_gradient(window):
    """As in Flax and in PyTorch; after ReLU many windows hold nothing but zeros."""
    x = jnp.asarray(
        np.random.default_rng(window).integers(0, 3, (4, 5, 4 * window, 6)), jnp.float32
    )
    weights = normal(4, 5, 4, 6)

    def gradient(pool):
        return jax.grad(lambda x: jnp.vdot(pool(x), weights))(x)

    found = gradient(lambda x: max_pool_time(x, window))
    np.testing.assert_array_equal(
        found, gradient(lambda x: nn.max_pool(x, (1, window), (1, window)))
    )
    assert (np.asarray(found).reshape(4, 5, 4, window, 6) != 0).sum(axis=3).max() == 1
