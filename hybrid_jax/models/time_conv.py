"""Convolution and pooling along time that train fast on CPU.

The MTCNN's kernels are (1, k): each of the 12 sensor rows is convolved along time alone. So the rows are folded into
the batch and the convolution is one-dimensional. The forward pass and the gradient of the input are XLA's
convolutions; the gradient of the kernel is one GEMM per tap, because XLA:CPU runs the kernel gradient of a convolution
as another convolution with a batch-sized kernel, which takes most of a training step. Parameters and inference
graph are those of `flax.linen.Conv(features, (1, k))` (a test holds values and gradients against it).
"""

from typing import Literal

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

_LAYOUT = ("NHC", "HIO", "NHC")


def _convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (1,), "VALID", dimension_numbers=_LAYOUT)


@jax.custom_vjp
def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Valid convolution along time: [N, T, C] with [k, C, F] gives [N, T - k + 1, F]."""
    return _convolve(x, kernel)


def _forward(x: jax.Array, kernel: jax.Array):
    return _convolve(x, kernel), (x, kernel)


def _backward(residuals, cotangent: jax.Array):
    x, kernel = residuals
    width, length = kernel.shape[0], cotangent.shape[1]
    # The barrier keeps XLA from folding the transposition into the convolution, which would send it off Eigen's
    # fast path: a training step is four times as slow without it.
    reverse = lax.optimization_barrier(jnp.flip(kernel, 0).transpose(0, 2, 1))
    input_gradient = _convolve(
        jnp.pad(cotangent, ((0, 0), (width - 1, width - 1), (0, 0))), reverse
    )
    flat = cotangent.reshape(-1, cotangent.shape[-1])
    taps = [x[:, t : t + length].reshape(-1, x.shape[-1]).T @ flat for t in range(width)]
    return input_gradient, jnp.stack(taps)


convolve.defvjp(_forward, _backward)


class TimeConv(nn.Module):
    """Convolution of each row along time, as `nn.Conv(features, (1, width), padding=...)`.

    Maps [B, rows, T, C] to [B, rows, T', features]; T' = T - width + 1 for VALID, T for SAME.
    """

    features: int
    width: int
    padding: Literal["VALID", "SAME"] = "VALID"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        batch, rows, time, channels = x.shape
        # Initialised in the shape of nn.Conv, so that fans, and parameter trees, are the same.
        kernel = self.param(
            "kernel", nn.initializers.glorot_uniform(), (1, self.width, channels, self.features)
        )
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x = x.reshape(batch * rows, time, channels)
        if self.padding == "SAME":
            before = (self.width - 1) // 2
            x = jnp.pad(x, ((0, 0), (before, self.width - 1 - before), (0, 0)))
        x = convolve(x, kernel[0])
        return x.reshape(batch, rows, *x.shape[1:]) + bias[None, None, None, :]


def max_pool_time(x: jax.Array, window: int) -> jax.Array:
    """Max over non-overlapping windows of time: [B, rows, T, C] gives [B, rows, T // window, C].

    By reshape: its gradient is a comparison, where that of `reduce_window` is a slow scatter on CPU. Where two values
    tie for the maximum they share the gradient.
    """
    batch, rows, time, channels = x.shape
    kept = time // window * window
    return x[:, :, :kept].reshape(batch, rows, kept // window, window, channels).max(axis=3)
