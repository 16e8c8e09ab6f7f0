"""TimeDense is flax.linen.Dense, in parameters, values and gradients; only faster."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from hybrid_jax.models.time_dense import TimeDense


def test_it_is_that_of_flax():
    x = np.random.default_rng(0).normal(size=(3, 4, 9, 5)).astype(np.float32)
    weights = np.random.default_rng(1).normal(size=(3, 4, 9, 6)).astype(np.float32)
    ours, theirs = TimeDense(6), nn.Dense(6, precision=jax.lax.Precision.HIGHEST)
    shapes = [
        jax.tree.map(lambda a: a.shape, jax.eval_shape(module.init, jax.random.key(0), x))
        for module in (ours, theirs)
    ]
    assert shapes[0] == shapes[1]
    params = ours.init(jax.random.key(0), x)

    def compute(module):
        def loss(params, x):
            y = module.apply(params, x)
            return jnp.vdot(jnp.sin(y), weights), y

        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(params, x)

    found, expected = jax.tree.leaves(compute(ours)), jax.tree.leaves(compute(theirs))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())
