"""Every sample a class of its own, K = N: the authors' published code, by counting nearer features.

All densities have the same width, so that the order of the likelihoods is the order of the distances: no exponential,
no class, no density. The rank of a query is 1 + how many features are nearer to its noisy feature than its own is.
"""

from collections import Counter
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
    fixed = mesh.sent((features, request.keys, noise_std))
    found = Outcomes(*(np.empty((num_draws, len(levels), total), np.float32) for _ in range(3)))
    if free.any():  # nothing is nearer, and only what is equal is as near
        found.above[:, free], found.tied[:, free] = 0, np.array(_equal(request))
    found.above[:, flooded], found.tied[:, flooded] = 0, total
    found.log_posterior[:] = np.nan
    if not noisy.any():
        if on_progress is not None:
            on_progress(total, total)
        return found
    for begin in range(0, total, query_block):
        end = min(begin + query_block, total)
        rows = np.minimum(np.arange(begin, begin + query_block), total - 1)
        queries = jax.tree.map(lambda x, rows=rows: x[rows], request.queries)
        index = request.index[rows]
        if on_cpu:
            normal = np.asarray(draws(request.keys, index, dim))
            counts = fused.counts(normal, queries, arranged, noise_std, TIE)
        else:
            counts = _block(queries, index, *fixed, ringed=shares > 1, draw_block=draw_block)
        for into, values in zip((found.above, found.tied), counts, strict=True):
            into[:, noisy, begin:end] = np.asarray(values)[..., : end - begin]
        if on_progress is not None:
            on_progress(end, total)
    return found


@partial(jax.jit, static_argnames=("ringed", "draw_block"))
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
) -> tuple[jax.Array, jax.Array]:
    """(nearer, as near) of one block of queries [S, G, Q]."""

    def counts(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        # Both in one number and one sum: two sums would each compute the exponents.
        code = jnp.where(x > TIE, 1, jnp.where(x >= -TIE, 1 << BITS, 0))
        both = jnp.sum(code.astype(jnp.int32), axis=(0, 1))
        return both & (1 << BITS) - 1, both >> BITS

    # Of narrow features the differences cost no more than a product.
    narrow = queries.features.shape[1] <= exponents.FEW
    exponents_of = exponents.exact_exponents if narrow else exponents.exponents

    def draw(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        normal = noise.standard_normal(key, index, queries.features.shape[1])

        def of_block(block: jax.Array):
            of_level = exponents_of(normal, queries, block)
            return jax.lax.map(lambda std: counts(of_level(std)), noise_std)

        def of_part(part: jax.Array):
            return jax.tree.map(lambda a: jnp.sum(a, axis=0), jax.lax.map(of_block, part))

        return over(of_part, partial(jax.tree.map, jnp.add), gallery)

    return jax.lax.map(draw, keys, batch_size=draw_block)


def _equal(request: Request) -> list[int]:
    """How many features of the gallery equal each query's [Q]."""
    # Zeros of either sign have one form after 0 was added.
    rows = (samples.features + 0.0 for samples in (request.queries, request.gallery))
    asked, held = ([row.tobytes() for row in features] for features in rows)
    counts = Counter(held)
    return [counts[row] for row in asked]
