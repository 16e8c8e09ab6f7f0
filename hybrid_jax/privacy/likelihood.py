"""Eq. 2-4: by how much each class's likelihood of a noisy feature exceeds the true class's.

With z = f + s n, the logarithm of N(z; g, s^2 I) is, up to a constant of the query,

    (d . n - d . d / (2 s)) / s,    d = g - f.

Nothing large cancels in it, at small noise or at large. A class's likelihood is the mean of these exponentials over its
samples. It is kept as the largest exponent and the logarithm of the rest, until the true class's is subtracted: so
float32 is enough, however small the densities are.

The gallery comes in chunks of one class, and queries lie along the last axis: each chunk is then a reduction that XLA
vectorises over queries, with one exponential a pair.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.privacy import ring
from hybrid_jax.privacy.blocks import (
    Blocks,
    kept,
    left_by_chunk,
    max_by_class,
    over_blocks,
    sum_by_class,
)
from hybrid_jax.privacy.exponents import exponents, squared_distances
from hybrid_jax.privacy.gallery import Samples

TIE = 1e-6  # logarithms nearer than this are equal: without it a rank would depend on the order of sums
FLAT = 0.5  # exponents that stay below differ so little that sums of exp - 1 keep more digits than sums of exp


class Sums(NamedTuple):
    """What part of a gallery says of each class's likelihood."""

    largest: jax.Array  # of the exponents [K, G, Q]
    rest: jax.Array  # the sum of exp(exponent - largest) - centre [K, G, Q]
    left: jax.Array  # of how many samples [K, Q]


class Nearest(NamedTuple):
    """What part of a gallery says of each class without noise, [K, Q]."""

    nearest: jax.Array  # the least squared distance, negative
    number: jax.Array  # how many samples lie there
    left: jax.Array  # of how many


def log_ratios(
    normal: jax.Array,
    queries: Samples,
    gallery: Blocks,
    window: jax.Array | None,
    noise_std: jax.Array,
    over: ring.Over = ring.alone,
) -> jax.Array:
    """log P(z | s) - log P(z | true s) of z = f + noise_std * normal, for every class s.

    Pure: `vmap` it over `normal` for several draws, which then share what does not depend on the draw.

    Args:
        normal: standard-normal draws, one for each query [Q, D].
        queries: a block of them, Q.
        gallery: what the adversary holds.
        window: of the exclusion rule of `gallery.Samples`; `None` excludes nothing.
        noise_std: positive and finite, in the features' units [G].
        over: how the gallery's parts come together, see `ring`.

    Returns:
        [G, Q, K], -inf for a class which exclusion empties; 0 throughout where that is the true one.
    """
    largest_norm = over(_largest_norm, jnp.maximum, gallery)
    centre = flat(largest_norm, normal.shape[1], noise_std)
    sums = over(
        lambda part: _sums(normal, queries, part, window, noise_std, centre),
        lambda a, b: _merged(a, b, centre[None, :, None]),
        gallery,
    )
    log_mean = log_of_mean(sums.rest, sums.left, centre[None, :, None])
    return against_own(sums.largest, log_mean, sums.left, queries.labels)


def _largest_norm(gallery: Blocks) -> jax.Array:
    norms = jnp.where(gallery.real, jnp.sum(jnp.square(gallery.features), axis=-1), 0.0)
    return jnp.sqrt(norms.max())


def _sums(normal, queries, gallery: Blocks, window, noise_std, centre) -> Sums:
    def of_block(block: Blocks) -> tuple[jax.Array, jax.Array]:
        of_level = exponents(normal, queries, block.features)
        allowed = None if window is None else kept(queries, block, window)

        def level(at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            std, centre = at
            x = of_level(std)
            x = x if allowed is None else jnp.where(allowed, x, -jnp.inf)
            top = jnp.max(x, axis=1)
            rest = jnp.exp(x - jnp.where(jnp.isfinite(top), top, 0.0)[:, None]) - centre
            return top, jnp.sum(rest, axis=1)

        return jax.lax.map(level, (noise_std, centre))

    top, rest = over_blocks(of_block, gallery)  # [B * P, G, Q]
    left = left_by_chunk(queries, gallery, window)
    total = sum_by_class(left, gallery)
    largest = max_by_class(top, gallery)
    below = top - jnp.where(jnp.isfinite(largest), largest, 0.0)[gallery.chunk_class]
    centre = centre[None, :, None]
    # What is not there added exp(-inf) - centre to its chunk.
    rest = rest + centre * (gallery.real.shape[-1] - left[:, None])
    rest = _lowered(rest, left, below, centre)
    return Sums(largest, sum_by_class(rest, gallery), total)


def _lowered(rest: jax.Array, left: jax.Array, below: jax.Array, centre: jax.Array) -> jax.Array:
    """Sums of exp(x) - centre over `left` samples each, to the same of x + `below`."""
    return rest * jnp.exp(below) + centre * left[:, None] * jnp.expm1(below)


def _merged(a: Sums, b: Sums, centre: jax.Array) -> Sums:
    largest = jnp.maximum(a.largest, b.largest)
    top = jnp.where(jnp.isfinite(largest), largest, 0.0)
    rest_a, rest_b = (_lowered(part.rest, part.left, part.largest - top, centre) for part in (a, b))
    return Sums(largest, rest_a + rest_b, a.left + b.left)


def noise_free_log_ratios(
    queries: Samples, gallery: Blocks, window: jax.Array | None, over: ring.Over = ring.alone
) -> jax.Array:
    """The limit of `log_ratios` without noise: classes go by their nearest sample, then by how many lie there.

    Returns:
        [Q, K]: +inf or -inf where a class's nearest sample is nearer or farther than the true class's, else the
        logarithm of the share that lies there, less that of the true class's.
    """
    nearest, number, total = over(
        lambda part: _nearest(queries, part, window), _nearest_of_both, gallery
    )
    share = number / jnp.maximum(total, 1.0)
    own = own_class(nearest, queries.labels)
    order = jnp.where(nearest > own * (1 - TIE), jnp.inf, -jnp.inf)
    order = jnp.where(jnp.abs(nearest - own) <= TIE * jnp.abs(own), 0.0, order)
    return against_own(order, jnp.log(share), total, queries.labels)


def _nearest(queries: Samples, gallery: Blocks, window: jax.Array | None) -> Nearest:
    def of_block(block: Blocks) -> tuple[jax.Array, jax.Array]:
        x = -squared_distances(queries, block.features)
        x = x if window is None else jnp.where(kept(queries, block, window), x, -jnp.inf)
        top = jnp.max(x, axis=1)
        return top, jnp.sum(x >= (top * (1 + TIE))[:, None], axis=1, dtype=jnp.float32)

    top, number = over_blocks(of_block, gallery)
    left = left_by_chunk(queries, gallery, window)
    nearest = max_by_class(top, gallery)
    number = jnp.where(top >= (nearest * (1 + TIE))[gallery.chunk_class], number, 0.0)
    return Nearest(nearest, sum_by_class(number, gallery), sum_by_class(left, gallery))


def _nearest_of_both(a: Nearest, b: Nearest) -> Nearest:
    nearest = jnp.maximum(a.nearest, b.nearest)
    of_a, of_b = (jnp.where(p.nearest >= nearest * (1 + TIE), p.number, 0.0) for p in (a, b))
    return Nearest(nearest, of_a + of_b, a.left + b.left)


def flat(largest_norm: Any, dim: int, noise_std: Any) -> Any:
    """1 for the noise at which all exponents stay below `FLAT`, else 0, [G]: what to take from each exponential.

    Args:
        largest_norm: of gallery features; queries are taken to have no larger one.
        dim: their width D.
        noise_std: [G].

    All are NumPy's, or all are arrays of jax; so is the result.
    """
    # The longest difference there can be, times the longest draw that occurs.
    reach = 2 * largest_norm * (dim**0.5 + 4)
    return (reach < FLAT * noise_std).astype(np.float32)


def log_of_mean(sums: jax.Array | np.ndarray, left: jax.Array, centre: jax.Array) -> jax.Array:
    """Logarithm of the mean of exponentials, from their sums less `centre` each, [K, G, Q], and how many [K, Q]."""
    mean = sums / jnp.maximum(left, 1.0)[:, None]
    return jnp.where(centre > 0, jnp.log1p(mean), jnp.log(mean))


def own_class(of_class: jax.Array | np.ndarray, labels: jax.Array | np.ndarray) -> jax.Array:
    """The true class's of [K, ..., Q] values, [1, ..., Q]."""
    at = labels.reshape(1, *[1] * (of_class.ndim - 2), -1)
    return jnp.take_along_axis(of_class, at, axis=0)


def against_own(
    large: jax.Array | np.ndarray,
    small: jax.Array,
    left: jax.Array,
    labels: jax.Array | np.ndarray,
):
    """Two parts of the log-likelihoods [K, ..., Q], less the true class's; [..., Q, K]."""
    left = left.reshape(len(left), *[1] * (large.ndim - 2), -1)
    ratio = (large - own_class(large, labels)) + (small - own_class(small, labels))
    ratio = jnp.where(left > 0, ratio, -jnp.inf)
    return jnp.moveaxis(jnp.where(own_class(left, labels) > 0, ratio, 0.0), 0, -1)
