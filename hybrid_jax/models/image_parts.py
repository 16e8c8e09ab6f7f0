"""Parts that networks of images share."""

from functools import reduce

import jax
import jax.numpy as jnp
from flax import linen as nn


def max_pool(x: jax.Array, window: int, stride: int, padding: str) -> jax.Array:
    """Max over square windows of [B, H, W, C], as `flax.linen.max_pool`.

    Its gradient there is a slow scatter on a CPU; here the maximum is taken of shifted copies, one a place in the
    window. Where values tie they share the gradient.

    Args:
        x: images.
        window: side of a window.
        stride: from one window to the next.
        padding: `VALID`, or `SAME`: ceil(H / stride) windows, minus infinity around.
    """
    height, width = x.shape[1:3]
    if padding == "SAME":
        down, across = (_reach(side, window, stride) for side in (height, width))
        x = jnp.pad(x, ((0, 0), down, across, (0, 0)), constant_values=-jnp.inf)
    rows, columns = (1 + (side - window) // stride for side in x.shape[1:3])
    shifted = (
        x[:, i : i + stride * (rows - 1) + 1 : stride, j : j + stride * (columns - 1) + 1 : stride]
        for i in range(window)
        for j in range(window)
    )
    return reduce(jnp.maximum, shifted)


def _reach(side: int, window: int, stride: int) -> tuple[int, int]:
    """What is added before and after a side (as TensorFlow pads: the odd one after)."""
    missing = max((-(-side // stride) - 1) * stride + window - side, 0)
    return missing // 2, missing - missing // 2


class BatchNorm(nn.Module):
    """Batch normalisation of the last axis, with epsilon .001 and momentum .99 as in Keras.

    Attributes:
        running: whether training too goes by the running statistics, and leaves them as they are: what a pre-trained
            network has learned of its data is then kept when it is fine-tuned on few.
    """

    running: bool

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        norm = nn.BatchNorm(momentum=0.99, epsilon=1e-3, name="norm")
        return norm(x, use_running_average=self.running or not train)
