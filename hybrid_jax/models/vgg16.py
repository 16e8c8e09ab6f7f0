"""VGG-16 (Simonyan and Zisserman 2015, arXiv:1409.1556), the paper's network for faces (its section 5.1.1)."""

import jax
from flax import linen as nn

from hybrid_jax.models.dense import DenseStage, Heads
from hybrid_jax.models.image_parts import max_pool
from hybrid_jax.models.winograd import Conv
from hybrid_jax.stages import Network, Stage

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # convolutions, and their channels
DENSE = 4096
_conv = nn.initializers.he_normal()
_dense = nn.initializers.glorot_uniform()
_head = nn.initializers.normal(0.01)


class ConvStage(nn.Module):
    """Pooling after the previous block where another begins, a 3x3 convolution, ReLU."""

    features: int
    pool: bool
    as_one: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        if self.pool:
            x = max_pool(x, 2, 2, "VALID", self.as_one)
        return nn.relu(Conv(self.features, _conv, self.as_one, name="conv")(x, train))


class PooledDense(nn.Module):
    """Pooling after the last block, then a dense layer over all of what is left, and ReLU."""

    features: int
    as_one: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = max_pool(x, 2, 2, "VALID", self.as_one)
        dense = nn.Dense(self.features, kernel_init=_dense, name="dense")
        return nn.relu(dense(x.reshape(x.shape[0], -1)))


def vgg16(tasks: dict[str, int], as_one: bool = False) -> Network:
    """VGG-16 on colour images [B, H, W, 3]: RGB in 0 to 255 less the training images' mean; sides from 48 up.

    Args:
        tasks: output units by task name; `{"gender": 2}` gives logits [B, 2], and at 224 x 224 the paper's network of
            134,268,738 parameters.
        as_one: whether each convolution and pooling is one operation on a CPU too, as a converter needs it.

    Returns:
        The network; its layers are conv1_1 to conv5_3, fc6, fc7 and fc8, as in reference (a).
    """
    convolutions = (
        Stage(f"conv{block}_{i}", ConvStage(channels, pool=block > 1 and i == 1, as_one=as_one))
        for block, (number, channels) in enumerate(BLOCKS, 1)
        for i in range(1, number + 1)
    )
    return Network(
        stages=(
            *convolutions,
            Stage("fc6", PooledDense(DENSE, as_one)),
            Stage("fc7", DenseStage(DENSE, dropout=0.5)),
            Stage("fc8", Heads(tuple(tasks.items()), dropout=0.5, kernel_init=_head)),
        )
    )
