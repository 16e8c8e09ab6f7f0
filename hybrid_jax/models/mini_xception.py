"""mini_XCEPTION, a small residual network for grey faces (Arriaga et al. 2017, arXiv:1710.07557).

Layers and widths are those of the gender network that its authors published.
"""

import jax
from flax import linen as nn

from hybrid_jax.models.dense import by_task
from hybrid_jax.models.depthwise import DepthwiseConv
from hybrid_jax.models.image_parts import BatchNorm, Conv3x3, Pointwise, max_pool
from hybrid_jax.stages import Network, Stage

SIDE = 64  # of the images that the published weights were trained on
STEM = 8  # channels
WIDTHS = (16, 32, 64, 128)  # channels of the blocks


class Stem(nn.Module):
    """Two 3x3 convolutions without padding: [B, H, W, 1] to [B, H - 4, W - 4, 8]."""

    running: bool

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        for i in (1, 2):
            x = Conv3x3(STEM, "VALID", use_bias=False, name=f"conv_{i}")(x, train)
            x = nn.relu(BatchNorm(self.running, name=f"norm_{i}")(x, train))
        return x


class Block(nn.Module):
    """Two separable convolutions and a pooling, and beside them a 1x1 convolution; half the sides come out."""

    features: int
    running: bool
    as_one: bool

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        beside = Pointwise(self.features, 2, self.as_one, name="beside")(x)
        beside = BatchNorm(self.running, name="norm_beside")(beside, train)
        for i in (1, 2):
            x = DepthwiseConv(self.as_one, name=f"depthwise_{i}")(x)
            x = Pointwise(self.features, 1, self.as_one, name=f"pointwise_{i}")(x)
            x = BatchNorm(self.running, name=f"norm_{i}")(x, train)
            if i == 1:
                x = nn.relu(x)
        return max_pool(x, 3, 2, "SAME", self.as_one) + beside


class PooledHeads(nn.Module):
    """A 3x3 convolution to the logits of each task, averaged over the image: one array, or by task where several."""

    tasks: tuple[tuple[str, int], ...]

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array | dict[str, jax.Array]:
        return by_task(
            self.tasks, lambda task, size: Conv3x3(size, name=task)(x, train).mean(axis=(1, 2))
        )


def mini_xception(tasks: dict[str, int], *, running: bool = True, as_one: bool = False) -> Network:
    """mini_XCEPTION on grey images [B, H, W, 1] in [-1, 1], sides from 20 up; published for 64.

    Args:
        tasks: output units by task name; `{"gender": 2}` gives logits [B, 2] and the published 52,658 parameters.
        running: whether batch normalisation keeps to its running statistics while training; see `BatchNorm`. False for
            a start from scratch.
        as_one: whether each convolution and pooling is one operation on a CPU too, as a converter needs it.
    """
    blocks = (Stage(f"block_{i}", Block(n, running, as_one)) for i, n in enumerate(WIDTHS, 1))
    return Network(
        (Stage("stem", Stem(running)), *blocks, Stage("output", PooledHeads(tuple(tasks.items()))))
    )
