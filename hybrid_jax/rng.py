"""Named random keys: one root per run, one branch per purpose."""

import zlib

import jax


def named(key: jax.Array, *names: str) -> jax.Array:
    """The branch of `key` for a purpose, a pure function of the names (and of no other purpose's existence)."""
    for name in names:
        key = jax.random.fold_in(key, zlib.crc32(name.encode()))
    return key
