"""3x3 convolution with half the multiplications on a CPU, for inference.

XLA:CPU's convolution is within some percent of what a core can multiply and add, so that only fewer of both make it
faster. Winograd's minimal filtering F(4, 3) gives four outputs of a filter of three for six products instead of twelve
(Lavin and Gray 2016, arXiv:1509.09308, with the points 0, 1, -1, 2, -2 and infinity). Here it runs along the height
only: sums of whole rows, and six convolutions along the width. Both directions at once would need a quarter of the
products, but four times the kernel's size in sums. Elsewhere, for tangents and gradients, and for few pixels it is
XLA's convolution; parameters are those of `nn.Conv`.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from hybrid_jax.models.image_parts import xla_convolution

SIDE = 3
OUTPUTS = 4  # rows that a step gives, from OUTPUTS + SIDE - 1 rows of the input
MIN_CHANNELS = 128  # of the input: a sum of rows serves too few products below it
MIN_PIXELS = 800  # of all images: below it the sums of the kernel cost more than they save

# Lavin and Gray's transposed B, G and transposed A.
INPUT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
OUTPUT = (
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)


@jax.custom_jvp
def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A 3x3 convolution, zeros around: [B, H, W, C] with [3, 3, C, F] gives [B, H, W, F]."""
    batch, height, width, channels = x.shape
    if channels < MIN_CHANNELS or batch * height * width < MIN_PIXELS:
        return xla_convolution(x, kernel)
    return lax.platform_dependent(x, kernel, cpu=_filtered, default=xla_convolution)


@convolve.defjvp
def _tangent(primals, tangents):
    (x, kernel), (dx, dkernel) = primals, tangents
    return convolve(x, kernel), xla_convolution(dx, kernel) + xla_convolution(x, dkernel)


def _filtered(x: jax.Array, kernel: jax.Array) -> jax.Array:
    batch, height, width, _ = x.shape
    steps = -(-height // OUTPUTS)
    x = jnp.pad(x, ((0, 0), (1, OUTPUTS * steps + 1 - height), (0, 0), (0, 0)))
    last = OUTPUTS * (steps - 1) + 1
    rows = [x[:, i : i + last : OUTPUTS] for i in range(OUTPUTS + SIDE - 1)]
    products = [
        xla_convolution(_sum(of_input, rows), _sum(of_kernel, kernel)[None], ((0, 0), (1, 1)))
        for of_input, of_kernel in zip(INPUT, KERNEL, strict=True)
    ]
    out = jnp.stack([_sum(of_output, products) for of_output in OUTPUT], axis=2)
    return out.reshape(batch, OUTPUTS * steps, width, -1)[:, :height]


def _sum(factors: Sequence[float], arrays: Sequence[jax.Array] | jax.Array) -> jax.Array:
    return sum(f * a for f, a in zip(factors, arrays, strict=True) if f)


class Conv(nn.Module):
    """As `nn.Conv(features, (3, 3))` on [B, H, W, C]; parameters are the same.

    Attributes:
        features: channels of the output.
        kernel_init: what the kernel begins as.
        as_one: whether it is one convolution on a CPU in inference too, as it is in training: what a converter knows.
    """

    features: int
    kernel_init: Callable = nn.linear.default_kernel_init
    as_one: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kernel = self.param("kernel", self.kernel_init, (SIDE, SIDE, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        y = (xla_convolution if self.as_one or train else convolve)(x, kernel)
        return y + bias.reshape(1, 1, 1, -1)
