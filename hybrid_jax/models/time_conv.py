"""Convolution along time that trains fast on a CPU.

The MTCNN's kernels are (1, k): each of the 12 sensor rows is convolved along time alone. So the rows are folded into
the batch and the convolution is one-dimensional. The forward pass and the gradient of the input are XLA's
convolutions; for the gradient of the kernel see `kernel_gradient`. Parameters and inference graph are those of
`flax.linen.Conv(features, (1, k))` (a test holds values and gradients against it).
"""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from hybrid_jax.models.image_parts import xla_convolution
from hybrid_jax.models.kernel_gradient import LAYOUT, Padding, kernel_gradient


def _convolve(x: jax.Array, kernel: jax.Array, padding: Padding) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (1,), [padding], dimension_numbers=LAYOUT)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolve(x: jax.Array, kernel: jax.Array, padding: Padding = (0, 0)) -> jax.Array:
    """Convolution along time: [N, T, C] with [k, C, F] gives [N, T + sum(padding) - k + 1, F].

    Args:
        x: [N, T, C].
        kernel: [k, C, F].
        padding: zeros before and after in time, each at most k - 1.
    """
    return _convolve(x, kernel, padding)


def _forward(x: jax.Array, kernel: jax.Array, padding: Padding):
    # Without a barrier XLA computes x twice, once for the shape that the backward pass takes it in.
    x = lax.optimization_barrier(x)
    return _convolve(x, kernel, padding), (x, kernel)


def _backward(padding: Padding, residuals, cotangent: jax.Array):
    x, kernel = residuals
    reach = kernel.shape[0] - 1
    # The barrier keeps XLA from folding the transposition into the convolution, which would send it off Eigen's
    # fast path: a training step is four times as slow without it.
    reverse = lax.optimization_barrier(jnp.flip(kernel, 0).transpose(0, 2, 1))
    input_gradient = _convolve(cotangent, reverse, tuple(reach - zeros for zeros in padding))
    return input_gradient, kernel_gradient(x, cotangent, padding)


convolve.defvjp(_forward, _backward)


class TimeConv(nn.Module):
    """Convolution of each row along time, as `nn.Conv(features, (1, width), padding=...)`.

    Maps [B, rows, T, C] to [B, rows, T', features]; T' = T - width + 1 for VALID, T for SAME.
    """

    features: int
    width: int
    padding: Literal["VALID", "SAME"] = "VALID"
    as_one: bool = False  # of two dimensions, as converters know it

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        batch, rows, time, channels = x.shape
        # Initialised in the shape of nn.Conv, so that fans, and parameter trees, are the same.
        kernel = self.param(
            "kernel", nn.initializers.glorot_uniform(), (1, self.width, channels, self.features)
        )
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        if self.as_one:
            return xla_convolution(x, kernel, self.padding) + bias[None, None, None, :]
        reach = self.width - 1 if self.padding == "SAME" else 0
        padding = (reach // 2, reach - reach // 2)
        x = convolve(x.reshape(batch * rows, time, channels), kernel[0], padding)
        return x.reshape(batch, rows, *x.shape[1:]) + bias[None, None, None, :]
