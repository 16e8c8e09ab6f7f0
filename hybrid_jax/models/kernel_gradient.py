"""The gradient of a kernel that slides along time, fast on a CPU.

XLA:CPU runs it as a convolution with a kernel as large as the batch, which takes most of a training step. Here it is
one product a tap, and that for a part of the batch at a time: the shifted copies that a tap needs, and what Eigen
packs of them, then stay near the core. Elsewhere it is XLA's convolution, as without this file.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from hybrid_jax.models.parts import sum_over_parts

PART = 2**18  # numbers of the input in a part, at most
LAYOUT = ("NHC", "HIO", "NHC")
Padding = tuple[int, int]  # zeros before and after, in time


def kernel_gradient(x: jax.Array, cotangent: jax.Array, padding: Padding = (0, 0)) -> jax.Array:
    """[k, C, F], what a kernel gets from the input [N, T, C] and its output's cotangent [N, T', F].

    T' = T + sum(padding) - k + 1.
    """
    return lax.platform_dependent(
        x,
        cotangent,
        cpu=lambda x, cotangent: _in_parts(x, cotangent, padding),
        default=lambda x, cotangent: _as_convolution(x, cotangent, padding),
    )


def _in_parts(x: jax.Array, cotangent: jax.Array, padding: Padding) -> jax.Array:
    return sum_over_parts(partial(_by_taps, padding=padding), (x, cotangent), PART)


def _by_taps(x: jax.Array, cotangent: jax.Array, padding: Padding) -> jax.Array:
    length, flat = cotangent.shape[1], cotangent.reshape(-1, cotangent.shape[2])
    x = jnp.pad(x, ((0, 0), padding, (0, 0)))
    width = x.shape[1] - length + 1
    taps = [x[:, t : t + length].reshape(-1, x.shape[2]).T @ flat for t in range(width)]
    return jnp.stack(taps)


def _as_convolution(x: jax.Array, cotangent: jax.Array, padding: Padding) -> jax.Array:
    width = x.shape[1] + sum(padding) - cotangent.shape[1] + 1
    kernel = jax.ShapeDtypeStruct((width, x.shape[2], cotangent.shape[2]), x.dtype)

    def convolve(kernel: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(x, kernel, (1,), [padding], dimension_numbers=LAYOUT)

    (gradient,) = jax.linear_transpose(convolve, kernel)(cotangent)
    return gradient
