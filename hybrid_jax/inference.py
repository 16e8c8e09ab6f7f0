"""Apply a function to many samples, a block at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from hybrid_jax.data.windows import gather
from hybrid_jax.embedding import Embedding

BLOCK = 256  # samples at once: more would fall out of the cache


@partial(jax.jit, static_argnames=("function", "block_size"))
def map_blocks(
    function: Callable[[Any, Any], jax.Array],
    arguments: Any,
    samples: Any,
    *,
    block_size: int = BLOCK,
) -> jax.Array:
    """`function(arguments, block)` over blocks of samples, joined.

    Args:
        function: static; maps a pytree of [block_size, ...] to an array [block_size, ...].
        arguments: handed on as they are.
        samples: pytree of arrays [N, ...].
        block_size: rows of a block; the last one is filled up with copies of row 0, and cut.

    Returns:
        [N, ...].
    """
    size = jax.tree.leaves(samples)[0].shape[0]
    blocks = -(-size // block_size)
    rows = jnp.arange(blocks * block_size, dtype=jnp.int32)
    rows = jnp.where(rows < size, rows, 0).reshape(blocks, block_size)
    results = jax.lax.map(
        lambda r: function(arguments, jax.tree.map(lambda a: a[r], samples)), rows
    )
    return results.reshape(blocks * block_size, *results.shape[2:])[:size]


@dataclass(frozen=True)
class _Features:
    embedding: Embedding
    window: int

    def __call__(self, arguments: tuple[Any, jax.Array], starts: jax.Array) -> jax.Array:
        variables, rows = arguments
        return self.embedding.feature(variables, gather(rows, starts, self.window))


@dataclass(frozen=True)
class _Predictions:
    embedding: Embedding

    def __call__(self, variables: Any, z: jax.Array) -> jax.Array:
        return jnp.argmax(self.embedding.classifier(variables, z), axis=-1)


def features(
    embedding: Embedding, variables: Any, rows: jax.Array, starts: jax.Array, window: int
) -> jax.Array:
    """The intermediate features [N, D] of the windows of `rows` that begin at `starts` [N], in eval mode."""
    return map_blocks(_Features(embedding.noise_free, window), (variables, rows), starts)


def predictions(embedding: Embedding, variables: Any, z: jax.Array) -> jax.Array:
    """The cloud's predictions [N], class numbers, for exclusive features [N, d]."""
    return map_blocks(_Predictions(embedding.noise_free), variables, z)
