"""Exponents of the Gaussian density of a noisy feature around gallery features, less those around its own."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.privacy.gallery import Samples

HIGHEST = jax.lax.Precision.HIGHEST  # TF32 or bfloat16 would change ranks
FEW = 16  # coordinates whose differences are taken in one pass; XLA's CPU is slow beyond


def exponents(
    normal: jax.Array, queries: Samples, block: jax.Array | np.ndarray
) -> Callable[[jax.Array], jax.Array]:
    """log p(z | g) - log p(z | f) of [P, C, D] samples g and each query's own f, a function of noise_std; [P, C, Q].

    What does not depend on the noise is computed once: the squared distances, which draws share too, and a product.
    For a query's own feature, and for equal ones, they are 0 to the last bit.
    """
    base = squared_distances(queries, block)
    cross = jnp.matmul(block, normal.T, precision=HIGHEST)
    cross -= jnp.sum(normal * queries.features, axis=1)[None, None]
    cross = jnp.where(base > 0, cross, 0.0)
    return lambda std: (cross - base * (0.5 / std)) / std


def exact_exponents(
    normal: jax.Array, queries: Samples, block: jax.Array
) -> Callable[[jax.Array], jax.Array]:
    """`exponents` that are 0 to the last bit for a query's own feature and for equal ones: by differences alone."""

    def of_coordinate(difference: jax.Array, normal: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jnp.square(difference), difference * normal

    base, cross = _over_coordinates(of_coordinate, queries, block, normal)
    return lambda std: (cross - base * (0.5 / std)) / std


def squared_distances(queries: Samples, block: jax.Array | np.ndarray) -> jax.Array:
    """|g - f|^2 of [P, C, D] samples g, [P, C, Q]; not by a product: equal features have distance zero."""
    return _over_coordinates(jnp.square, queries, block)


def _over_coordinates(
    term: Callable, queries: Samples, block: jax.Array | np.ndarray, *columns: jax.Array
):
    """The sum over D of `term(g - f, *columns)`, [P, C, Q]; columns are [Q, D], and come as [1, 1, Q]."""
    dim, size = block.shape[-1], min(FEW, block.shape[-1])

    def chunks(array: jax.Array) -> jax.Array:
        array = jnp.moveaxis(array, -1, 0)
        array = jnp.pad(array, ((0, -dim % size), *[(0, 0)] * (array.ndim - 1)))
        return array.reshape(-1, size, *array.shape[1:])

    def of_chunk(chunk: tuple[jax.Array, ...]):
        g, f, *others = chunk
        terms = [
            term(g[d][..., None] - f[d][None, None], *(other[d][None, None] for other in others))
            for d in range(size)
        ]
        return jax.tree.map(lambda *parts: sum(parts), *terms)

    parts = jax.tree.map(chunks, (block, queries.features, *columns))
    first, rest = jax.tree.map(lambda a: a[0], parts), jax.tree.map(lambda a: a[1:], parts)
    if dim <= size:  # a loop, even of no turn, would keep XLA from fusing
        return of_chunk(first)
    return jax.lax.scan(
        lambda total, chunk: (jax.tree.map(jnp.add, total, of_chunk(chunk)), None),
        of_chunk(first),
        rest,
    )[0]
