"""What the list of TFLite's operations promises: LiteRT runs each of them, as JAX does."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from export import operations, tflite
from export.halves import Half
from export.litert import LiteRT
from hybrid_jax.errors import UserError


def floats(function):
    return lambda x: function(x).astype(jnp.float32)


FUNCTIONS = (
    jnp.abs, jnp.ceil, jnp.cos, jnp.exp, jnp.floor, jnp.sign, jnp.sin, jnp.tanh, jnp.round, jax.nn.softmax,
    lambda x: lax.clamp(0.2, x, 0.8),
    lambda x: jnp.where(x > 0.5, x, -x),
    lambda x: jnp.concatenate([x, x[:, ::-1]], 1),
    lambda x: x[:, 1:3] / (x[:, :2] + 3),
    lambda x: x @ jnp.arange(12.0).reshape(1, 4, 3),
    lambda x: jnp.log(x + 1) + jnp.log1p(x) + jnp.sqrt(x) - lax.rsqrt(x + 1),
    lambda x: jnp.maximum(x, 0.3) * jnp.minimum(x, 0.6),
    floats(lambda x: ((x > 0.2) & (x < 0.8)) | ~(x > 0.1)),
    floats(lambda x: (4 * x).astype(jnp.int32)),
    lambda x: jnp.pad(x, ((0, 0), (1, 2), (0, 0))),
    lambda x: jnp.power(x, 1.5),
    lambda x: x.sum(1) + x.max(1),
    lambda x: lax.rem(5 * x, jnp.float32(3)),
    lambda x: x.swapaxes(1, 2).reshape(1, 2, 8),
    lambda x: x[:, jnp.array([0, 2, 1])],
    lambda x: x + jnp.arange(4.0)[None, None] * x.sum(),
    lambda x: lax.dynamic_slice(x, (0, (2 * x[0, 0, 0]).astype(jnp.int32), 0), (1, 2, 4)),
    lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 2, 2), (1, 2, 2), "VALID"),
    lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3), (1, 2, 2), "SAME"),
    lambda x: lax.conv_general_dilated(
        x[..., None], jnp.arange(18.0).reshape(3, 3, 1, 2), (2, 1), "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    ),
)  # fmt: skip


def half(function):
    return Half(lambda _, x: function(x), (), {"input": (4, 4)}, "feature")


@pytest.mark.slow
def test_litert_runs_every_operation_of_the_list():
    tried = set()
    x = np.random.default_rng(0).uniform(size=(1, 4, 4)).astype(np.float32)
    for function in FUNCTIONS:
        one = half(function)
        tried |= operations.of(one)
        found = LiteRT(tflite.convert(one, "float32"))({"input": x})
        np.testing.assert_allclose(found, one(x), rtol=1e-5, atol=1e-5)
    assert tried == operations.TFLITE


def test_all_that_a_format_lacks_is_listed_before_conversion():
    one = half(lambda x: jnp.sort(lax.erf(x), 1) + jnp.fft.rfft(x, 6).real)
    known = {"TFLite": operations.TFLITE, "CoreML": operations.known_to_coreml()}
    expected = (
        r"TFLite has none for chlo.erf, stablehlo.fft, .*sort; CoreML has none for .*stablehlo.fft"
    )
    with pytest.raises(UserError, match=expected) as raised:
        operations.check(one, known)
    assert not re.search("add|compare", str(raised.value))
    operations.check(half(jnp.abs), known)
