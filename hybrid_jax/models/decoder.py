"""Decoders from a feature vector back to the input: what an adversary rebuilds a picture of it with."""

from collections.abc import Sequence

import jax
from flax import linen as nn

from hybrid_jax.models.mtcnn import DenseStage
from hybrid_jax.stages import Network, Stage

WIDTH = 64
STRIDES = 2, 2


class Grown(nn.Module):
    """A transposed convolution along time that lengthens [B, T, C] by `stride`, and ReLU."""

    features: int
    stride: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        size, stride = (2 * self.stride,), (self.stride,)
        return nn.relu(nn.ConvTranspose(self.features, size, stride, name="conv")(x))


class Moments(nn.Module):
    """A vector [B, D] as `time` moments of D / time channels: [B, time, D / time]."""

    time: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        return x.reshape(x.shape[0], self.time, -1)


class Signal(nn.Module):
    """The middle `time` of the moments [B, T, C], as standardised sensor channels [B, channels, time]."""

    channels: int
    time: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = nn.Conv(self.channels, (5,), name="conv")(x)
        first = (x.shape[1] - self.time) // 2
        return x[:, first : first + self.time].transpose(0, 2, 1)


def window_decoder(shape: Sequence[int]) -> Network:
    """A 1-D decoder: vectors [B, d] to windows [B, channels, time].

    Two dense layers make a quarter as many moments, which two transposed convolutions lengthen. Ours: the paper decodes
    images only (its section 4.3).

    Args:
        shape: channels and time of a window.
    """
    channels, time = shape
    grown = STRIDES[0] * STRIDES[1]
    moments = -(-time // grown)
    return Network(
        stages=(
            Stage("hidden", DenseStage(256)),
            Stage("moments", DenseStage(moments * WIDTH)),
            Stage("cut", Moments(moments)),
            *(Stage(f"grown_{i}", Grown(WIDTH, s)) for i, s in enumerate(STRIDES, 1)),
            Stage("signal", Signal(channels, time)),
        )
    )
