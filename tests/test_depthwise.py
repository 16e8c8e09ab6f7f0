"""DepthwiseConv is flax.linen.Conv in as many groups as channels, in parameters, values and gradients; only faster."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from hybrid_jax.models import depthwise as module
from hybrid_jax.models.depthwise import DepthwiseConv, depthwise


def peer(channels):
    return nn.Conv(
        channels,
        (3, 3),
        feature_group_count=channels,
        use_bias=False,
        precision=jax.lax.Precision.HIGHEST,
    )


@pytest.mark.parametrize("part", [2**17, 100, 1])
@pytest.mark.parametrize("shape", [(6, 5, 7, 4), (7, 4, 4, 1), (1, 1, 2, 3)])
def test_values_and_gradients_are_those_of_flax_in_parts_of_any_size(shape, part, monkeypatch):
    monkeypatch.setattr(module, "PART", part)
    rng = np.random.default_rng(list(shape))
    x, weights = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
    params = peer(shape[-1]).init(jax.random.key(0), x)
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(
        jnp.shape, DepthwiseConv().init(jax.random.key(0), x)
    )

    def compute(network):
        def loss(params, x):
            y = network.apply(params, x)
            return jnp.vdot(jnp.sin(y), weights), y

        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(params, x)

    found, expected = compute(DepthwiseConv()), compute(peer(shape[-1]))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(b).max()))


def test_other_platforms_and_converters_have_xlas_convolution():
    shapes = [jax.ShapeDtypeStruct(shape, np.float32) for shape in ((8, 6, 6, 3), (3, 3, 3))]

    def gradients(x, kernel):
        return jax.grad(lambda x, k: jnp.sum(jnp.sin(depthwise(x, k))), (0, 1))(x, kernel)

    def as_one(x, kernel):
        return DepthwiseConv(as_one=True).apply({"params": {"kernel": kernel[:, :, None]}}, x)

    def text(function, platform):
        return jax.jit(function).trace(*shapes).lower(lowering_platforms=(platform,)).as_text()

    assert "convolution" not in text(depthwise, "cpu") + text(gradients, "cpu")
    assert text(depthwise, "cuda").count("stablehlo.convolution") == 1
    assert text(gradients, "cuda").count("stablehlo.convolution") == 3
    assert "while" not in text(gradients, "cuda")
    assert text(as_one, "cpu").count("stablehlo.convolution") == 1
    assert "while" not in text(as_one, "cpu")


def test_as_one_convolution_it_computes_the_same():
    x = np.random.default_rng(0).normal(size=(6, 9, 7, 5)).astype(np.float32)
    params = DepthwiseConv().init(jax.random.key(0), x)
    found, expected = (DepthwiseConv(as_one=one).apply(params, x) for one in (True, False))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
