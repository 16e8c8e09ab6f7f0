"""Networks as converters know them: one operation a layer, of the same parameters and outputs."""

import jax
import numpy as np
import pytest

from hybrid_jax import models

SHAPES = {"mtcnn": (12, 50), "mini_xception": (64, 64, 1), "vgg16": (48, 48, 3)}
# Of each network: convolutions, poolings.
LAYERS = {"mtcnn": (4, 2), "mini_xception": (2 + 4 * 5 + 1, 4), "vgg16": (13, 5)}


@pytest.fixture(scope="module", params=SHAPES)
def case(request):
    name = request.param
    fast, plain = (models.make({"name": name}, {"task": 3}, as_one=one) for one in (False, True))
    x = np.random.default_rng(0).normal(size=(2, *SHAPES[name])).astype(np.float32)
    return name, fast, plain, jax.jit(fast.init)(jax.random.key(0), x), x


def test_parameters_are_the_same(case):
    _, _, plain, variables, x = case
    shapes = jax.eval_shape(plain.init, jax.random.key(0), x)
    assert jax.tree.structure(shapes) == jax.tree.structure(variables)
    assert jax.tree.all(jax.tree.map(lambda a, b: a.shape == b.shape, shapes, variables))


def test_every_layer_is_the_same_to_rounding(case):
    _, fast, plain, variables, x = case
    (_, expected), (_, found) = (jax.jit(net.apply)(variables, x) for net in (fast, plain))
    for layer in fast.layers:
        scale = np.abs(expected[layer]).max()
        np.testing.assert_allclose(found[layer], expected[layer], rtol=1e-5, atol=1e-5 * scale)


def test_each_convolution_and_pooling_is_one_operation(case):
    name, _, plain, variables, x = case
    text = jax.jit(plain.apply).lower(variables, x).as_text()
    convolutions, poolings = LAYERS[name]
    assert text.count("stablehlo.convolution") == convolutions
    assert text.count('"stablehlo.reduce_window"') == poolings
    assert "while" not in text and "slice" not in text
