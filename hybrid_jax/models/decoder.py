"""Decoders from a feature vector back to the input: what an adversary rebuilds a picture of it with."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from hybrid_jax.models.dense import DenseStage
from hybrid_jax.models.time_conv import TimeConv
from hybrid_jax.stages import Network, Stage

WIDTH = 64
TIMES = 2, 2


class Grown(nn.Module):
    """Each moment of [B, 1, T, C] `times` times over, a convolution along time, and ReLU."""

    features: int
    times: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = jnp.repeat(x, self.times, axis=2)
        return nn.relu(TimeConv(self.features, 2 * self.times + 1, "SAME", name="conv")(x))


class Moments(nn.Module):
    """A vector [B, D] as `time` moments of D / time channels: [B, 1, time, D / time]."""

    time: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        return x.reshape(x.shape[0], 1, self.time, -1)


class Signal(nn.Module):
    """The middle `time` of the moments [B, 1, T, C], as standardised sensor channels [B, channels, time]."""

    channels: int
    time: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = TimeConv(self.channels, 5, "SAME", name="conv")(x)[:, 0]
        first = (x.shape[1] - self.time) // 2
        return x[:, first : first + self.time].transpose(0, 2, 1)


def same(x: jax.Array) -> jax.Array:
    """No activation."""
    return x


def vector_decoder(shape: Sequence[int]) -> Network:
    """Vectors [B, d] to vectors [B, size] through two hidden layers.

    Args:
        shape: size of an input.
    """
    (size,) = shape
    return Network(
        stages=(
            Stage("hidden_1", DenseStage(256)),
            Stage("hidden_2", DenseStage(256)),
            Stage("vector", DenseStage(size, activation=same)),
        )
    )


def window_decoder(shape: Sequence[int]) -> Network:
    """A 1-D decoder: vectors [B, d] to windows [B, channels, time].

    Two dense layers make a quarter as many moments, which are repeated and convolved twice: of transposed convolutions
    XLA's gradients are slow on a CPU. Ours: the paper decodes images only (its section 4.3).

    Args:
        shape: channels and time of a window.
    """
    channels, time = shape
    grown = TIMES[0] * TIMES[1]
    moments = -(-time // grown)
    return Network(
        stages=(
            Stage("hidden", DenseStage(256)),
            Stage("moments", DenseStage(moments * WIDTH)),
            Stage("cut", Moments(moments)),
            *(Stage(f"grown_{i}", Grown(WIDTH, n)) for i, n in enumerate(TIMES, 1)),
            Stage("signal", Signal(channels, time)),
        )
    )
