"""The gradient of a sliding kernel: the naive sum, however the batch is cut, and on whatever platform."""

import jax
import numpy as np
import pytest

from hybrid_jax.models import kernel_gradient as module
from hybrid_jax.models.kernel_gradient import kernel_gradient


def naive(x, cotangent, padding):
    x = np.pad(x, ((0, 0), padding, (0, 0))).astype(np.float64)
    length = cotangent.shape[1]
    width = x.shape[1] - length + 1
    return np.stack(
        [np.einsum("ntc,ntf->cf", x[:, t : t + length], cotangent) for t in range(width)]
    )


@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (1, 2), (2, 0)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "part"), [(12, 2**18), (12, 60), (12, 1), (7, 40), (1, 2**18)])
def test_it_is_the_naive_sum_in_parts_of_any_size(size, part, channels, padding, monkeypatch):
    """Seven samples cannot be shared out evenly; a part of less than a sample is one sample."""
    monkeypatch.setattr(module, "PART", part)
    rng = np.random.default_rng([size, channels, *padding])
    x = rng.normal(size=(size, 8, channels)).astype(np.float32)
    cotangent = rng.normal(size=(size, 8 + sum(padding) - 2, 4)).astype(np.float32)
    expected = naive(x, cotangent, padding)
    for compute in (module._in_parts, module._as_convolution, kernel_gradient):
        found = jax.jit(compute, static_argnums=2)(x, cotangent, padding)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def test_a_cpu_takes_parts_and_nothing_else_does():
    """What is lowered for a GPU is XLA's convolution, with no loop over parts."""
    shapes = [jax.ShapeDtypeStruct(shape, np.float32) for shape in ((24, 8, 3), (24, 6, 4))]
    text = {
        platform: jax.jit(kernel_gradient)
        .trace(*shapes)
        .lower(lowering_platforms=(platform,))
        .as_text()
        for platform in ("cpu", "cuda", "tpu")
    }
    assert "while" in text["cpu"] and "convolution" not in text["cpu"]
    for platform in ("cuda", "tpu"):
        assert "convolution" in text[platform] and "while" not in text[platform]
