"""Eq. 2-4 by plain densities, relative to the density around the query's own feature: one pass less than logarithms.

Where the true class has a sample as near as others are, as in gallery `self` or at noise that blurs samples, the sums
stay within float32. Where one does not, the query's ratios are NaN, and `likelihood.log_ratios` has to find them.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from hybrid_jax.privacy.blocks import Blocks, kept, left_by_chunk, over_blocks, sum_by_class
from hybrid_jax.privacy.exponents import HIGHEST, exponents
from hybrid_jax.privacy.gallery import Samples
from hybrid_jax.privacy.likelihood import against_own, flat, log_of_mean, own_class

COARSE = 16  # largest norm over noise up to which squared norms may cancel: logarithms are then right to 3e-5
LEAST = 1e-25  # the true class's sum, below which what others lack for underflow would count


def log_ratios(
    normal: jax.Array,
    queries: Samples,
    gallery: Blocks,
    window: jax.Array | None,
    noise_std: jax.Array,
    *,
    coarse: bool = False,
) -> jax.Array:
    """`likelihood.log_ratios`; NaN for a query whose sums leave float32, -inf for a class 1e-38 as likely as its own.

    Args:
        normal, queries, gallery, window, noise_std: as there.
        coarse: by `coarse_exponents`: for a single draw and noise half as costly.
    """
    centre = flat(gallery, normal.shape[1], noise_std)

    def of_block(block: Blocks) -> jax.Array:
        of_level = (coarse_exponents if coarse else exponents)(normal, queries, block.features)
        allowed = None if window is None else kept(queries, block, window)

        def level(at: tuple[jax.Array, jax.Array]) -> jax.Array:
            std, centre = at
            density = jnp.exp(of_level(std)) - centre
            density = density if window is None else jnp.where(allowed, density, -centre)
            return jnp.sum(density, axis=1)

        return jax.lax.map(level, (noise_std, centre))

    sums = over_blocks(of_block, gallery)
    left, centre = left_by_chunk(queries, gallery, window), centre[None, :, None]
    sums += centre * (gallery.real.shape[-1] - left[:, None])
    sums, left = sum_by_class(sums, gallery), sum_by_class(left, gallery)
    log_mean = log_of_mean(sums, left, centre)
    ratios = against_own(jnp.zeros_like(log_mean), log_mean, left, queries.labels)
    own = own_class(sums, queries.labels) + centre * own_class(left[:, None], queries.labels)
    within = (own > LEAST) & jnp.isfinite(sums).all(axis=0, keepdims=True)
    within |= own_class(left[:, None], queries.labels) == 0
    return jnp.where(within[0][..., None], ratios, jnp.nan)


def coarse_exponents(
    normal: jax.Array, queries: Samples, block: jax.Array
) -> Callable[[jax.Array], jax.Array]:
    """`exponents.exponents` by one product: it cancels squared norms, so only for noise up to `COARSE`."""
    f = queries.features
    norms = jnp.sum(jnp.square(block), axis=-1, keepdims=True)
    extended = jnp.concatenate([block, norms, jnp.ones_like(norms)], axis=-1)

    def of_level(std: jax.Array) -> jax.Array:
        z = f + std * normal
        own = jnp.sum(0.5 * f * f - z * f, axis=1, keepdims=True)
        z = jnp.concatenate([z, jnp.full_like(own, -0.5), own], axis=1) / (std * std)
        return jnp.matmul(extended, z.T, precision=HIGHEST)

    return of_level
