"""TimeConv is flax.linen.Conv with kernels (1, k), in values, gradients and inference graph; only faster."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.test_util import check_grads

from hybrid_jax.models.mtcnn import mtcnn
from hybrid_jax.models.time_conv import TimeConv, convolve

CASES = [(padding, width) for padding in ("VALID", "SAME") for width in (1, 2, 3, 4, 5)]


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("padding", "width"), CASES)
def test_values_and_gradients_are_those_of_flax(padding, width):
    ours = TimeConv(6, width, padding)
    theirs = nn.Conv(6, (1, width), padding=padding, precision=jax.lax.Precision.HIGHEST)
    x = normal(3, 4, 9, 5)
    params = {"kernel": normal(1, width, 5, 6), "bias": normal(6)}
    weights = normal(3, 4, 9 if padding == "SAME" else 10 - width, 6, seed=1)

    def compute(module):
        def loss(params, x):
            y = module.apply({"params": params}, x)
            return jnp.vdot(jnp.sin(y), weights), y  # sin: the cotangent depends on the values

        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(params, x)

    (_, y), gradients = compute(ours)
    (_, expected), expected_gradients = compute(theirs)
    assert y.shape == expected.shape == weights.shape
    for a, b in zip(
        jax.tree.leaves((y, gradients)),
        jax.tree.leaves((expected, expected_gradients)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
def test_parameters_are_those_of_flax(padding):
    """The same tree and shapes, so that fans, initial scales and checkpoints are the same."""
    x = jnp.zeros((2, 3, 8, 5))
    trees = [
        jax.tree.map(
            lambda a: (a.shape, a.dtype), jax.eval_shape(module.init, jax.random.key(0), x)
        )
        for module in (TimeConv(6, 4, padding), nn.Conv(6, (1, 4), padding=padding))
    ]
    assert trees[0] == trees[1]


@pytest.mark.parametrize("shape", [(2, 7, 3), (1, 3, 1), (4, 5, 2)])
def test_gradients_are_the_numerical_ones(shape):
    """The second shape has a single output in time."""
    x, kernel = normal(*shape), normal(3, shape[-1], 4)
    check_grads(convolve, (x, kernel), order=1, modes=["rev"], atol=1e-2, rtol=1e-2)


def test_convolve_is_the_naive_loop():
    x, kernel = normal(2, 6, 3), normal(4, 3, 5)
    naive = np.zeros((2, 3, 5))
    for n, t, k, c in np.ndindex(2, 3, 4, 3):
        naive[n, t] += x[n, t + k, c] * kernel[k, c]
    np.testing.assert_allclose(convolve(x, kernel), naive, rtol=1e-5, atol=1e-5)


def test_gradients_under_vmap_and_of_one_argument():
    """What an autodiff user may do to it: per-example gradients, and gradients of the input alone."""
    x, kernel = normal(4, 7, 3), normal(3, 3, 2)

    def loss(kernel, x):
        return jnp.sum(jnp.square(convolve(x[None], kernel)))

    each = jax.vmap(jax.grad(loss), (None, 0))(kernel, x)
    whole = jax.grad(lambda k: jnp.sum(jnp.square(convolve(x, k))))(kernel)
    np.testing.assert_allclose(each.sum(axis=0), whole, rtol=1e-4)
    np.testing.assert_allclose(
        jax.grad(loss, 1)(kernel, x[0]),
        jax.grad(lambda x: jnp.sum(jnp.square(convolve(x, kernel))))(x)[0],
        rtol=1e-5,
    )


def test_the_inference_graph_is_four_convolutions_and_no_trick():
    network = mtcnn({"activity": 4})
    x = jax.ShapeDtypeStruct((3, 12, 50), jnp.float32)
    variables = jax.eval_shape(network.init, jax.random.key(0), x)
    text = jax.jit(lambda v, x: network.apply(v, x)[0]).lower(variables, x).as_text()
    operations = re.findall(r"stablehlo\.(\w+)", text)
    assert operations.count("convolution") == 4
    assert operations.count("dot_general") == 2 + 2 + 1  # dense_1, dense_2; fc_1, fc_2; output
    assert set(operations) <= {
        *("convolution", "dot_general", "reshape", "broadcast_in_dim", "constant", "add"),
        *("maximum", "slice", "return"),
    }
