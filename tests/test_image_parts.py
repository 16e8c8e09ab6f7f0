"""Pooling is Flax's, in values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from hybrid_jax.models.image_parts import max_pool


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize(("window", "stride"), [(2, 2), (3, 2), (3, 1), (2, 3)])
@pytest.mark.parametrize("sides", [(8, 8), (7, 9), (15, 6), (3, 3)])
def test_values_and_gradients_are_those_of_flax(sides, window, stride, padding):
    generator = np.random.default_rng([*sides, window, stride])
    # All below zero: a border of zeros would be seen.
    x = jnp.asarray(generator.uniform(-2, -1, (2, *sides, 3)), jnp.float32)

    def ours(x):
        return max_pool(x, window, stride, padding)

    def theirs(x):
        return nn.max_pool(x, (window, window), (stride, stride), padding)

    found, expected = (jax.vjp(pool, x) for pool in (ours, theirs))
    np.testing.assert_array_equal(found[0], expected[0])
    weights = jnp.asarray(generator.normal(size=found[0].shape), jnp.float32)
    np.testing.assert_allclose(found[1](weights)[0], expected[1](weights)[0], rtol=1e-5, atol=1e-6)


def test_values_that_tie_share_the_gradient():
    x = jnp.zeros((1, 2, 2, 1))
    gradient = jax.grad(lambda x: jnp.sum(max_pool(x, 2, 2, "VALID")))(x)
    assert gradient.sum() == 1 and (gradient > 0).all()
