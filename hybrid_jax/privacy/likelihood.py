"""Eq. 2-4: by how much each class's likelihood of a noisy feature exceeds the true class's.

With z = f + s n, the logarithm of N(z; g, s^2 I) is, up to a constant of the query,

    (d . n - d . d / (2 s)) / s,    d = g - f.

Nothing large cancels in it, at small noise or at large. A class's likelihood is the mean of these exponentials over its
samples. It is kept as the largest exponent and the logarithm of the rest, until the true class's is subtracted: so
float32 is enough, however small the densities are.

The gallery comes in chunks of one class, and queries lie along the last axis: each chunk is then a reduction that XLA
vectorises over queries, with one exponential a pair.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from hybrid_jax.privacy.blocks import Blocks
from hybrid_jax.privacy.gallery import Samples

HIGHEST = jax.lax.Precision.HIGHEST  # TF32 or bfloat16 would change ranks
TIE = 1e-6  # logarithms nearer than this are equal: without it a rank would depend on the order of sums
FEW = 16  # coordinates whose differences are taken in one pass; XLA's CPU is slow beyond
COARSE = 16  # largest norm over noise up to which squared norms may cancel: logarithms are then right to 3e-5
FLAT = 0.5  # exponents that stay below differ so little that sums of exp - 1 keep more digits than sums of exp


def log_ratios(
    normal: jax.Array,
    queries: Samples,
    gallery: Blocks,
    window: jax.Array | None,
    noise_std: jax.Array,
    *,
    coarse: bool = False,
) -> jax.Array:
    """log P(z | s) - log P(z | true s) of z = f + noise_std * normal, for every class s.

    Pure: `vmap` it over `normal` for several draws, which then share what does not depend on the draw.

    Args:
        normal: standard-normal draws, one for each query [Q, D].
        queries: a block of them, Q.
        gallery: what the adversary holds.
        window: of the exclusion rule of `gallery.Samples`; `None` excludes nothing.
        noise_std: positive and finite, in the features' units [G].
        coarse: by `coarse_exponents`.

    Returns:
        [G, Q, K], -inf for a class which exclusion empties; 0 throughout where that is the true one.
    """
    dim = queries.features.shape[1]
    # The longest difference there can be, times the longest draw that occurs.
    norms = jnp.where(gallery.real, jnp.sum(jnp.square(gallery.features), axis=-1), 0.0)
    reach = 2 * jnp.sqrt(norms.max()) * (jnp.sqrt(dim) + 4)
    centre = (reach < FLAT * noise_std).astype(jnp.float32)

    def of_block(block: Blocks) -> tuple[jax.Array, jax.Array]:
        of_level = (coarse_exponents if coarse else exponents)(normal, queries, block.features)
        kept = None if window is None else _kept(queries, block, window)

        def level(at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            std, centre = at
            x = of_level(std)
            x = x if window is None else jnp.where(kept, x, -jnp.inf)
            top = jnp.max(x, axis=1)
            rest = jnp.exp(x - jnp.where(jnp.isfinite(top), top, 0.0)[:, None]) - centre
            return top, jnp.sum(rest, axis=1)

        return jax.lax.map(level, (noise_std, centre))

    top, rest = _over(of_block, gallery)  # [B * P, G, Q]
    left = _left(queries, gallery, window)
    total = _sum(left, gallery)
    largest = _most(top, gallery)
    below = top - jnp.where(jnp.isfinite(largest), largest, 0.0)[gallery.chunk_class]
    centre = centre[None, :, None]
    # What is not there added exp(-inf) - centre to its chunk.
    rest = rest + centre * (gallery.real.shape[-1] - left[:, None])
    rest = rest * jnp.exp(below) + centre * left[:, None] * jnp.expm1(below)
    mean = _sum(rest, gallery)
    mean = mean / jnp.maximum(total, 1.0)[:, None]
    log_mean = jnp.where(centre > 0, jnp.log1p(mean), jnp.log(mean))
    return _against_own(largest, log_mean, total, queries.labels)


def noise_free_log_ratios(queries: Samples, gallery: Blocks, window: jax.Array | None) -> jax.Array:
    """The limit of `log_ratios` without noise: classes go by their nearest sample, then by how many lie there.

    Returns:
        [Q, K]: +inf or -inf where a class's nearest sample is nearer or farther than the true class's, else the
        logarithm of the share that lies there, less that of the true class's.
    """

    def of_block(block: Blocks) -> tuple[jax.Array, jax.Array]:
        x = -squared_distances(queries, block.features)
        x = x if window is None else jnp.where(_kept(queries, block, window), x, -jnp.inf)
        top = jnp.max(x, axis=1)
        return top, jnp.sum(x >= (top * (1 + TIE))[:, None], axis=1, dtype=jnp.float32)

    top, count = _over(of_block, gallery)
    left = _left(queries, gallery, window)
    total = _sum(left, gallery)
    nearest = _most(top, gallery)
    count = jnp.where(top >= (nearest * (1 + TIE))[gallery.chunk_class], count, 0.0)
    count = _sum(count, gallery)
    share = count / jnp.maximum(total, 1.0)
    own = _own(nearest, queries.labels)
    order = jnp.where(nearest > own * (1 - TIE), jnp.inf, -jnp.inf)
    order = jnp.where(jnp.abs(nearest - own) <= TIE * jnp.abs(own), 0.0, order)
    return _against_own(order, jnp.log(share), total, queries.labels)


def samples_left(queries: Samples, gallery: Blocks, window: jax.Array | None) -> jax.Array:
    """How many samples exclusion leaves to each query, per class [Q, K]."""
    return _sum(_left(queries, gallery, window), gallery).T


def exponents(
    normal: jax.Array, queries: Samples, block: jax.Array
) -> Callable[[jax.Array], jax.Array]:
    """log p(z | g) - log p(z | f) of [P, C, D] samples g and each query's own f, a function of noise_std; [P, C, Q].

    What does not depend on the noise is computed once: the squared distances, which draws share too, and a product.
    """
    base = squared_distances(queries, block)
    cross = jnp.matmul(block, normal.T, precision=HIGHEST)
    cross -= jnp.sum(normal * queries.features, axis=1)[None, None]
    return lambda std: (cross - base * (0.5 / std)) / std


def coarse_exponents(
    normal: jax.Array, queries: Samples, block: jax.Array
) -> Callable[[jax.Array], jax.Array]:
    """`exponents` up to a constant of the query, by one product: for a single draw and noise half as costly.

    It cancels squared norms against each other, so only for noise that is not far below the features (`COARSE`).
    """
    norms = jnp.sum(jnp.square(block), axis=-1, keepdims=True)
    extended = jnp.concatenate([block, norms], axis=-1)

    def of_level(std: jax.Array) -> jax.Array:
        z = jnp.pad(queries.features + std * normal, ((0, 0), (0, 1)), constant_values=-0.5)
        return jnp.matmul(extended, z.T / (std * std), precision=HIGHEST)

    return of_level


def coarse_own_exponents(normal: jax.Array, queries: Samples) -> Callable[[jax.Array], jax.Array]:
    """What `coarse_exponents` are for each query's own feature, [Q]; up to rounding."""
    f = queries.features
    return lambda std: jnp.sum((f + std * normal) * f - 0.5 * f * f, axis=1) / (std * std)


def exact_exponents(
    normal: jax.Array, queries: Samples, block: jax.Array
) -> Callable[[jax.Array], jax.Array]:
    """`exponents` that are 0 to the last bit for a query's own feature and for equal ones: by differences alone."""

    def of_coordinate(difference: jax.Array, normal: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jnp.square(difference), difference * normal

    base, cross = _over_coordinates(of_coordinate, queries, block, normal)
    return lambda std: (cross - base * (0.5 / std)) / std


def squared_distances(queries: Samples, block: jax.Array) -> jax.Array:
    """|g - f|^2 of [P, C, D] samples g, [P, C, Q]; not by a product: equal features have distance zero."""
    return _over_coordinates(jnp.square, queries, block)


def _over_coordinates(term: Callable, queries: Samples, block: jax.Array, *columns: jax.Array):
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

    parts = tuple(map(chunks, (block, queries.features, *columns)))
    first, rest = jax.tree.map(lambda a: a[0], parts), jax.tree.map(lambda a: a[1:], parts)
    if dim <= size:  # a loop, even of no turn, would keep XLA from fusing
        return of_chunk(first)
    return jax.lax.scan(
        lambda total, chunk: (jax.tree.map(jnp.add, total, of_chunk(chunk)), None),
        of_chunk(first),
        rest,
    )[0]


def _kept(queries: Samples, block: Blocks, window: jax.Array) -> jax.Array:
    """Which samples a query may use [P, C, Q]."""
    near = jnp.abs(block.start[..., None] - queries.start[None, None]) < window
    return block.real[..., None] & ~(near & (block.unit[..., None] == queries.unit[None, None]))


def _left(queries: Samples, gallery: Blocks, window: jax.Array | None) -> jax.Array:
    """How many samples of each chunk are left to each query [B * P, Q]."""
    if window is None:
        real = gallery.real.reshape(-1, gallery.real.shape[-1])
        counts = jnp.sum(real, axis=1, dtype=jnp.float32)
        return jnp.broadcast_to(counts[:, None], (len(counts), len(queries.labels)))
    return _over(
        lambda block: jnp.sum(_kept(queries, block, window), axis=1, dtype=jnp.float32), gallery
    )


def _over(of_block: Callable, gallery: Blocks):
    """`of_block` of each block, [..., P, Q], one after another; in chunks' order, [B * P, ..., Q]."""
    in_blocks = gallery._replace(chunk_class=None, class_chunks=None)
    out = jax.lax.map(of_block, in_blocks)
    return jax.tree.map(
        lambda a: jnp.moveaxis(a, -2, 1).reshape(-1, *a.shape[1:-2], a.shape[-1]), out
    )


def _most(of_chunk: jax.Array, gallery: Blocks) -> jax.Array:
    """The largest of each class's chunks, [B * P, ..., Q] to [K, ..., Q]."""
    at = gallery.class_chunks
    return jnp.max(of_chunk.at[at].get(mode="fill", fill_value=-jnp.inf), axis=1)


def _sum(of_chunk: jax.Array, gallery: Blocks) -> jax.Array:
    """The sum of each class's chunks, [B * P, ..., Q] to [K, ..., Q]."""
    return jnp.sum(of_chunk.at[gallery.class_chunks].get(mode="fill", fill_value=0.0), axis=1)


def _own(of_class: jax.Array, labels: jax.Array) -> jax.Array:
    """The true class's of [K, ..., Q] values, [1, ..., Q]."""
    at = labels.reshape(1, *[1] * (of_class.ndim - 2), -1)
    return jnp.take_along_axis(of_class, at, axis=0)


def _against_own(large: jax.Array, small: jax.Array, left: jax.Array, labels: jax.Array):
    """Two parts of the log-likelihoods [K, ..., Q], less the true class's; [..., Q, K]."""
    left = left.reshape(len(left), *[1] * (large.ndim - 2), -1)
    ratio = (large - _own(large, labels)) + (small - _own(small, labels))
    ratio = jnp.where(left > 0, ratio, -jnp.inf)
    return jnp.moveaxis(jnp.where(_own(left, labels) > 0, ratio, 0.0), 0, -1)
