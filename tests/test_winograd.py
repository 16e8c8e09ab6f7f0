"""winograd.Conv is flax.linen.Conv, in parameters, values and gradients; only faster."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from hybrid_jax.models import winograd as module
from hybrid_jax.models.winograd import INPUT, KERNEL, OUTPUT, Conv, convolve

FEATURES = 5


def peer():
    return nn.Conv(FEATURES, (3, 3), precision=jax.lax.Precision.HIGHEST)


def everywhere(monkeypatch):
    """Few channels and pixels too are filtered."""
    monkeypatch.setattr(module, "MIN_CHANNELS", 1)
    monkeypatch.setattr(module, "MIN_PIXELS", 1)


def text(function, shapes, platform="cpu"):
    shapes = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
    return jax.jit(function).trace(*shapes).lower(lowering_platforms=(platform,)).as_text()


def test_the_matrices_filter_a_row_in_six_products():
    """Exactly, for each place in the row and in the filter, of which all rows and filters are sums."""
    inputs, kernels, outputs = (
        [[Fraction(f).limit_denominator(24) for f in row] for row in matrix]
        for matrix in (INPUT, KERNEL, OUTPUT)
    )
    for place in range(6):
        for tap in range(3):
            products = [b[place] * g[tap] for b, g in zip(inputs, kernels, strict=True)]
            for i, row in enumerate(outputs):
                found = sum(a * p for a, p in zip(row, products, strict=True))
                assert found == (place == i + tap)


@pytest.mark.parametrize("shape", [(3, 1, 1, 1), (2, 4, 2, 3), (2, 5, 6, 2), (1, 14, 3, 4)])
def test_values_and_gradients_are_those_of_flax(shape, monkeypatch):
    everywhere(monkeypatch)
    rng = np.random.default_rng(list(shape))
    x = rng.normal(size=shape).astype(np.float32)
    weights = rng.normal(size=(*shape[:3], FEATURES)).astype(np.float32)
    params = peer().init(jax.random.key(0), x)
    ours = Conv(FEATURES).init(jax.random.key(0), x, train=False)
    assert jax.tree.all(jax.tree.map(np.array_equal, ours, params))
    params = jax.tree.map(lambda p: p + 0.5, params)  # a bias too

    def compute(apply):
        def loss(params, x):
            y = apply(params, x)
            return jnp.vdot(jnp.sin(y), weights), y

        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(params, x)

    def inference(params, x):
        return Conv(FEATURES).apply(params, x, train=False)

    found, expected = compute(inference), compute(peer().apply)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(b).max()))


def test_a_tangent_is_that_of_flax(monkeypatch):
    everywhere(monkeypatch)
    rng = np.random.default_rng(0)
    x, dx = rng.normal(size=(2, 2, 6, 5, 3)).astype(np.float32)
    kernel, dkernel = rng.normal(size=(2, 3, 3, 3, FEATURES)).astype(np.float32)

    def plain(x, kernel):
        return peer().apply({"params": {"kernel": kernel, "bias": jnp.zeros(FEATURES)}}, x)

    found, expected = (jax.jvp(f, (x, kernel), (dx, dkernel)) for f in (convolve, plain))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "number"),
    [((1, 32, 32, 128), 6), ((8, 14, 14, 128), 6), ((1, 14, 14, 128), 1), ((8, 32, 32, 64), 1)],
)
def test_few_pixels_and_channels_are_convolved_as_elsewhere(shape, number):
    shapes = (shape, (3, 3, shape[3], FEATURES))
    assert text(convolve, shapes).count("stablehlo.convolution") == number
    assert text(convolve, shapes, "cuda").count("stablehlo.convolution") == 1


@pytest.mark.parametrize(("as_one", "train"), [(True, False), (False, True), (True, True)])
def test_converters_and_training_have_xlas_convolution(as_one, train):
    def apply(x, kernel, bias):
        params = {"kernel": kernel, "bias": bias}
        return Conv(FEATURES, as_one=as_one).apply({"params": params}, x, train)

    shapes = ((1, 32, 32, 128), (3, 3, 128, FEATURES), (FEATURES,))
    assert text(apply, shapes).count("stablehlo.convolution") == 1
