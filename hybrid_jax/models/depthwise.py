"""Depthwise 3x3 convolution that is fast on a CPU.

XLA:CPU has no fast path for convolutions in groups: forward and backward take ten times as long as here and more, where
they are nine shifted products. Rows of the image and its channels lie in one axis, so that XLA vectorises over both.
Elsewhere it is XLA's convolution; parameters are those of `nn.Conv`.
"""

import functools
import operator

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from hybrid_jax.models.parts import map_over_parts, sum_over_parts

PART = 2**17  # numbers of the input in a part, at most
SIDE = 3


def _convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(
        x,
        kernel[:, :, None],
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


@jax.custom_vjp
def depthwise(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Each channel convolved with its own kernel, zeros around: [B, H, W, C] with [3, 3, C] gives [B, H, W, C]."""
    return lax.platform_dependent(x, kernel, cpu=_shifted, default=_convolve)


def _forward(x: jax.Array, kernel: jax.Array):
    return depthwise(x, kernel), (x, kernel)


def _backward(residuals, cotangent: jax.Array):
    x, kernel = residuals
    reverse = kernel[::-1, ::-1]
    input_gradient = lax.platform_dependent(cotangent, reverse, cpu=_shifted, default=_convolve)
    kernel_gradient = lax.platform_dependent(x, cotangent, cpu=_summed, default=_transposed)
    return input_gradient, kernel_gradient


depthwise.defvjp(_forward, _backward)


def _shifted(x: jax.Array, kernel: jax.Array) -> jax.Array:
    rows = jnp.tile(kernel, (1, 1, x.shape[2]))  # [3, 3, W * C]

    def of_part(x: jax.Array) -> jax.Array:
        moved = _shifts(x)
        terms = (m * rows[i, j][None, None] for (i, j), m in moved.items())
        return functools.reduce(operator.add, terms).reshape(x.shape)

    return map_over_parts(of_part, x, PART)


def _summed(x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """The kernel's gradient [3, 3, C]."""
    _, _, width, channels = x.shape

    def of_part(x: jax.Array, cotangent: jax.Array) -> jax.Array:
        flat = cotangent.reshape(*cotangent.shape[:2], -1)
        # A product with ones sums faster than a reduction does; the barrier keeps it one.
        products = [
            lax.optimization_barrier((m * flat).reshape(-1, flat.shape[-1]))
            for m in _shifts(x).values()
        ]
        ones = jnp.ones((products[0].shape[0],), x.dtype)
        return jnp.stack([ones @ product for product in products])

    sums = sum_over_parts(of_part, (x, cotangent), PART)
    return sums.reshape(SIDE, SIDE, width, channels).sum(axis=2)


def _shifts(x: jax.Array) -> dict[tuple[int, int], jax.Array]:
    """What each tap of the kernel meets, [B, H, W * C] by its place in the kernel."""
    batch, height, width, channels = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    flat = lax.optimization_barrier(padded.reshape(batch, height + 2, (width + 2) * channels))
    return {
        (i, j): flat[:, i : i + height, j * channels : (j + width) * channels]
        for i in range(SIDE)
        for j in range(SIDE)
    }


def _transposed(x: jax.Array, cotangent: jax.Array) -> jax.Array:
    kernel = jax.ShapeDtypeStruct((SIDE, SIDE, x.shape[-1]), x.dtype)
    (gradient,) = jax.linear_transpose(lambda kernel: _convolve(x, kernel), kernel)(cotangent)
    return gradient


class DepthwiseConv(nn.Module):
    """As `nn.Conv(C, (3, 3), feature_group_count=C, use_bias=False)` on [B, H, W, C]; parameters are the same.

    Attributes:
        as_one: whether it is one convolution on a CPU too: what a converter makes a depthwise layer of.
    """

    as_one: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (SIDE, SIDE, 1, x.shape[-1])
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        return (_convolve if self.as_one else depthwise)(x, kernel[:, :, 0])
