"""Dropout with half the random numbers: a twentieth of the MTCNN's training step on a CPU went into them."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

LEVELS = 2**16


def keep_mask(key: jax.Array, shape: tuple[int, ...], rate: float) -> jax.Array:
    """[*shape] bool, False with probability `rate` rounded to a multiple of 2^-16.

    Each 32 random bits decide two values, which stand half of the second axis apart: values side by side would share
    words in a loop that XLA cannot vectorise, and along the first axis samples on two devices would.
    """
    each = 2 if shape[1] % 2 == 0 else 1
    samples, second, *rest = shape
    words = jax.random.bits(key, (samples, 1, second // each, *rest), jnp.uint32)
    shift = lax.broadcasted_iota(jnp.uint32, (1, each, *[1] * len(shape[1:])), 1) * jnp.uint32(16)
    halves = (words >> shift) & jnp.uint32(LEVELS - 1)
    keep = halves >= jnp.uint32(round(rate * LEVELS))
    # Recomputed wherever it is used, in loops of other shapes, it would cost more than it saves: hence the barrier.
    return lax.optimization_barrier(keep.reshape(shape))


class Dropout(nn.Module):
    """Inverted dropout, as `nn.Dropout` but for its masks: values are zero at `rate`, in [0, 1), or scaled up."""

    rate: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        dropped = round(self.rate * LEVELS)
        if not train or not dropped:
            return x
        keep = keep_mask(self.make_rng("dropout"), x.shape, self.rate)
        scale = LEVELS / (LEVELS - dropped)  # of the rate as rounded: the expectation is exact
        return jnp.where(keep, x * scale, jnp.zeros_like(x))
