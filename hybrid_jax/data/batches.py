"""Which samples make up batch number `step`: shuffled epochs with random access.

Nothing is shuffled in memory and nothing is sorted: position p of an epoch holds sample f(p), where
f is a bijection on [0, size) keyed by (seed, epoch). So a batch depends only on (seed, step), any
batch is found without those before it, and a resumed run meets the same ones.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.errors import UserError

ROUNDS = 8  # Luby and Rackoff need 4; small domains need more


def batch_indices(
    seed: int | jax.Array, step: int | jax.Array, *, size: int, batch_size: int
) -> jax.Array:
    """Sample numbers of batch `step`, int32 [batch_size], all different, in [0, size).

    An epoch is `size // batch_size` steps and meets no sample twice; the remainder that it leaves
    out is another one in each epoch.

    Args:
        seed: int (taken modulo 2**32) or a uint32 scalar; may be traced.
        step: the batch's number from 0, int or int32 scalar; may be traced.
        size: samples in the data set, static, below 2**31.
        batch_size: samples in a batch, static.

    Raises:
        UserError: a batch that is empty or larger than the data set.

    >>> epoch = [batch_indices(seed=0, step=step, size=6, batch_size=2) for step in range(3)]
    >>> sorted(np.concatenate(epoch).tolist())
    [0, 1, 2, 3, 4, 5]
    """
    if not 1 <= batch_size <= size:
        raise UserError(f"batch_size {batch_size}: must be between 1 and the {size} samples")
    if isinstance(seed, int | np.integer):
        seed = jnp.asarray(int(seed) % 2**32, jnp.uint32)
    return _batch(jnp.asarray(seed, jnp.uint32), jnp.asarray(step, jnp.int32), size, batch_size)


@partial(jax.jit, static_argnums=(2, 3))
def _batch(seed: jax.Array, step: jax.Array, size: int, batch_size: int) -> jax.Array:
    epoch, batch = jnp.divmod(step, jnp.int32(size // batch_size))
    position = batch * jnp.int32(batch_size) + jnp.arange(batch_size, dtype=jnp.int32)
    key = _mix(_mix(seed) ^ epoch.astype(jnp.uint32))
    return _permute(key, position.astype(jnp.uint32), size).astype(jnp.int32)


def _permute(key: jax.Array, x: jax.Array, size: int) -> jax.Array:
    """A bijection of [0, size) picked by `key` (uint32 scalar), applied to `x` (uint32).

    A Feistel network on pairs (x // width, x % width) with addition modulo each half's size: on
    height * width >= size numbers it is a bijection whatever its round function. Numbers that it
    sends beyond `size` are sent on until they are back ("cycle walking", Black and Rogaway 2002):
    that is one in sqrt(size), where halves of equal bit length would be up to three in four.
    """
    width = math.isqrt(size - 1) + 1
    height = -(-size // width)
    keys = [_mix(key + jnp.uint32(0x9E3779B9 * (r + 1) % 2**32)) for r in range(ROUNDS)]

    def encrypt(x):
        high, low = jnp.divmod(x, jnp.uint32(width))
        for r in range(0, ROUNDS, 2):
            high = (high + _mix(low ^ keys[r]) % jnp.uint32(height)) % jnp.uint32(height)
            low = (low + _mix(high ^ keys[r + 1]) % jnp.uint32(width)) % jnp.uint32(width)
        return high * jnp.uint32(width) + low

    beyond = jnp.uint32(size)
    return jax.lax.while_loop(
        lambda x: jnp.any(x >= beyond),
        lambda x: jnp.where(x >= beyond, encrypt(x), x),
        encrypt(x),
    )


def _mix(x: jax.Array) -> jax.Array:
    """MurmurHash3's 32-bit finaliser: every bit of `x` reaches every bit of the result."""
    x = (x ^ (x >> jnp.uint32(16))) * jnp.uint32(0x85EBCA6B)
    x = (x ^ (x >> jnp.uint32(13))) * jnp.uint32(0xC2B2AE35)
    return x ^ (x >> jnp.uint32(16))
