"""Work on a batch a part at a time, so that what is computed in between stays near the core.

A part is every P-th sample: where samples lie on several devices, each device has some of every part.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax


def sum_over_parts(
    of_part: Callable[..., jax.Array], arrays: tuple[jax.Array, ...], at_most: int
) -> jax.Array:
    """The sum of `of_part(*part)` over the parts of `arrays` [N, ...].

    Args:
        of_part: takes [n, ...] of each array; its result has one shape, whatever the part.
        arrays: of one N.
        at_most: numbers of the first array in a part; it holds one sample at least.
    """
    arrays, number = _cut(arrays, at_most)
    shape = jax.eval_shape(of_part, *_part(arrays, 0))
    zeros = jnp.zeros(shape.shape, shape.dtype)
    return lax.fori_loop(0, number, lambda i, total: total + of_part(*_part(arrays, i)), zeros)


def map_over_parts(
    of_part: Callable[[jax.Array], jax.Array], array: jax.Array, at_most: int
) -> jax.Array:
    """`of_part(array)`, of a function that maps each sample for itself; arguments as in `sum_over_parts`."""
    (cut,), number = _cut((array,), at_most)
    shape = jax.eval_shape(of_part, *_part((cut,), 0))
    out = jnp.zeros((cut.shape[0], number, *shape.shape[1:]), shape.dtype)

    def put(i: jax.Array, out: jax.Array) -> jax.Array:
        return lax.dynamic_update_index_in_dim(out, of_part(*_part((cut,), i)), i, 1)

    return lax.fori_loop(0, number, put, out).reshape(array.shape[0], *shape.shape[1:])


def _cut(arrays: tuple[jax.Array, ...], at_most: int) -> tuple[tuple[jax.Array, ...], int]:
    """[n, N / n, ...] of each, and N / n: a divisor of N, for a remainder would cost a copy of all the rest."""
    size = arrays[0].shape[0]
    fit = max(1, min(size, at_most * size // arrays[0].size))
    each = next(n for n in range(fit, 0, -1) if size % n == 0)
    return tuple(a.reshape(each, size // each, *a.shape[1:]) for a in arrays), size // each


def _part(arrays: tuple[jax.Array, ...], number: jax.Array | int) -> list[jax.Array]:
    return [lax.dynamic_index_in_dim(a, number, 1, keepdims=False) for a in arrays]
