"""Every sample a class of its own, K = N: the authors' published code, by counting nearer features.

All densities have the same width, so that the order of the likelihoods is the order of the distances: no exponential,
no class, no density. The rank of a query is 1 + how many features are nearer to its noisy feature than its own is.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import mesh, noise
from hybrid_jax.privacy import exponents, fused, loops, ring
from hybrid_jax.privacy.engine import AT_ONCE, DRAWS_IN_FLIGHT, PAIRS, ROWS, draws, split_levels
from hybrid_jax.privacy.gallery import Samples
from hybrid_jax.privacy.likelihood import TIE
from hybrid_jax.privacy.ranking import Outcomes
from hybrid_jax.privacy.request import Request

PAD = 1e30  # a coordinate that is nearer to nothing
BITS = 15  # that a count of one block may take: two of them fit an int32


def outcomes(
    request: Request, *, on_progress: Callable[[int, int], None] | None = None
) -> Outcomes:
    """`Outcomes` of every query, of NumPy arrays [S, G, Q]; the posterior is NaN, for it was not computed."""
    levels, free, flooded = split_levels(request)
    noisy = ~(free | flooded)
    noise_std = levels[noisy].astype(np.float32)
    num_draws, (total, dim) = len(request.keys), request.queries.features.shape
    draw_block = min(num_draws, DRAWS_IN_FLIGHT)
    devices = mesh.size()
    shares = ring.shares(request.gallery.features)
    query_block = -(-min(total, max(1, ROWS // draw_block) * devices) // devices) * devices
    on_cpu = len(noise_std) > 0 and fused.serves(dim)
    if on_cpu:
        one_class = np.zeros(total, np.int32)
        arranged = fused.arrange(request.gallery._replace(labels=one_class), 1)
        query_block = min(total, max(loops.LANES, AT_ONCE // (total * len(noise_std) * num_draws)))
    at_once = max(1, PAIRS * devices // (query_block * draw_block))
    size = min(-(-total // shares), at_once, (1 << BITS) - 1)
    missing = -total % (size * shares)
    features = np.pad(request.gallery.features, ((0, missing), (0, 0)), constant_values=PAD)
    features = features.reshape(-1, 1, size, dim)
    if shares > 1:
        features = mesh.sent(features, mesh.SPLIT)
    fixed = mesh.sent((features, request.keys, noise_std[: 0 if on_cpu else None]))
    found = Outcomes(*(np.empty((num_draws, len(levels), total), np.float32) for _ in range(3)))
    found.above[:, flooded], found.tied[:, flooded] = 0, total
    found.log_posterior[:] = np.nan
    for begin in range(0, total, query_block):
        end = min(begin + query_block, total)
        rows = np.minimum(np.arange(begin, begin + query_block), total - 1)
        queries = jax.tree.map(lambda x, rows=rows: x[rows], request.queries)
        index = request.index[rows]
        with_noise, without = _block(
            queries,
            index,
            *fixed,
            ringed=shares > 1,
            draw_block=draw_block,
            noise_free=bool(free.any()),
        )
        if on_cpu:
            normal = np.asarray(draws(request.keys, index, dim))
            with_noise = fused.counts(normal, queries, arranged, noise_std, TIE)
        for level, (above, tied) in zip((noisy, free), (with_noise, without), strict=True):
            found.above[:, level, begin:end] = np.asarray(above)[..., : end - begin]
            found.tied[:, level, begin:end] = np.asarray(tied)[..., : end - begin]
        if on_progress is not None:
            on_progress(end, total)
    return found


@partial(jax.jit, static_argnames=("ringed", "draw_block", "noise_free"))
def _block(*arguments, ringed: bool, **how) -> tuple:
    return ring.spread(partial(_counts, **how), *arguments, ringed=ringed)


def _counts(
    queries: Samples,
    index: jax.Array,
    gallery: jax.Array,
    keys: jax.Array,
    noise_std: jax.Array,
    *,
    over: ring.Over,
    draw_block: int,
    noise_free: bool,
):
    """(nearer, as near) of one block of queries: with noise [S, G, Q], and without [1, 1, Q] if asked."""

    def counts(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        # Both in one number and one sum: two sums would each compute the exponents.
        code = jnp.where(x > TIE, 1, jnp.where(x >= -TIE, 1 << BITS, 0))
        both = jnp.sum(code.astype(jnp.int32), axis=(0, 1))
        return both & (1 << BITS) - 1, both >> BITS

    def coincide(square: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Without noise nothing is nearer, and only what is equal is as near."""
        tied = jnp.sum(square == 0, axis=(0, 1), dtype=jnp.int32)
        return jnp.zeros_like(tied), tied

    def over_gallery(of_block: Callable):
        def of_part(part: jax.Array):
            return jax.tree.map(lambda a: jnp.sum(a, axis=0), jax.lax.map(of_block, part))

        return over(of_part, partial(jax.tree.map, jnp.add), gallery)

    def draw(key: jax.Array):
        normal = noise.standard_normal(key, index, queries.features.shape[1])

        def of_block(block: jax.Array):
            of_level = exponents.exact_exponents(normal, queries, block)
            return jax.lax.map(lambda std: counts(of_level(std)), noise_std)

        return over_gallery(of_block)

    nothing = (jnp.ones((len(keys), 0, len(index))),) * 2
    noisy, free = nothing, nothing
    if len(noise_std):
        noisy = jax.lax.map(draw, keys, batch_size=draw_block)
    if noise_free:
        free = over_gallery(lambda block: coincide(exponents.squared_distances(queries, block)))
        free = jax.tree.map(lambda a: a[None, None], free)
    return noisy, free
