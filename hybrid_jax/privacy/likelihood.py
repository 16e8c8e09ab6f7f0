"""Eq. 2-4 in blocks: sums of p(z | f) over each class, on a scale on which ranks are safe.

With z = f + s n the logarithm of N(z; g, s^2 I) is, up to a constant of the query,

    cross / s - base / (2 s^2),    base = |f - g|^2,    cross = n . (g - f),

so the work in D dimensions, once for each pair and draw, serves every noise level, and base every
draw too. What cancels against the constant has the size of |n|^2: small noise loses no digits.

Each query's logarithms are shifted by the largest of its own class. Then float32 is enough for a
rank: a class whose terms underflow is truly below the true class, one that hits the clip above it.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from hybrid_jax import noise
from hybrid_jax.privacy.gallery import Samples
from hybrid_jax.privacy.ranking import TIE, places, posterior

HIGHEST = jax.lax.Precision.HIGHEST  # TF32 or bfloat16 would change ranks
CLIP = 80.0  # exp(80) is far above every true class, and a thousandth of float32's largest
BEYOND = 1e30  # a nearer sample: no count, and no prior that is allowed, outweighs it
CHUNK = 16  # coordinates whose differences are taken in one pass; XLA's CPU is slow beyond

Places = tuple[jax.Array, jax.Array]


@partial(jax.jit, static_argnames=("num_classes", "draw_block"))
def block_places(
    queries: Samples,
    index: jax.Array,
    gallery: Samples,
    window: jax.Array,
    prior: jax.Array,
    keys: jax.Array,
    noise_std: jax.Array,
    *,
    num_classes: int,
    draw_block: int,
) -> tuple[Places, Places, Places, jax.Array]:
    """Where the true class comes for one block of queries, at every draw and noise level.

    Args:
        queries: one block [Q].
        index: the queries' sample numbers, which choose their noise [Q].
        gallery: in B blocks of M, features transposed [B, D, M], the rest [B, M]; padding has
            label -1, which no class sums.
        window: of the exclusion rule; 0 drops nothing.
        prior: relative prior [K].
        keys: one key per draw [S].
        noise_std: positive and finite, in the features' units [G].
        draw_block: draws vmapped at once; the rest waits.

    Returns:
        `places` (how many classes are above the true one, how many tie) at the noise levels
        [S, G, Q], without noise [Q], and at infinite noise [Q]; and how many samples of its own
        class exclusion leaves to each query [Q].
    """
    blocks = gallery, jax.lax.map(lambda block: _distances(queries, block, window), gallery)

    def class_sums(terms, block):
        return jnp.matmul(terms, jax.nn.one_hot(block.labels, num_classes), precision=HIGHEST)

    def own_class(block, base):
        return jnp.where(queries.labels[:, None] == block.labels[None, :], base, jnp.inf)

    left = _over(
        blocks,
        jnp.add,
        lambda block, base: class_sums(jnp.isfinite(base).astype(jnp.float32), block),
    )
    nearest = _over(blocks, jnp.minimum, lambda block, base: own_class(block, base).min(axis=1))

    def placed(sums):
        return places(posterior(sums, left, prior), queries.labels)

    def noise_free_sums(block, base):
        """Counts of the class's samples as near as the true class's nearest; nearer ones win."""
        term = jnp.where(base <= nearest[:, None] * (1 + TIE), 1.0, 0.0)
        return class_sums(jnp.where(base < nearest[:, None] * (1 - TIE), BEYOND, term), block)

    def noisy_places(key):
        normal = noise.standard_normal(key, index, queries.features.shape[1])

        def own_maximum(block, base):
            cross, base = _cross(normal, queries.features, block.features), own_class(block, base)
            return jax.lax.map(lambda s: _log_density(base, cross, s).max(axis=1), noise_std)

        shift = _over(blocks, jnp.maximum, own_maximum)
        shift = jnp.where(jnp.isfinite(shift), shift, 0.0)  # nothing of its own class is left

        def sums(block, base):
            cross = _cross(normal, queries.features, block.features)

            def level(at):
                s, shift = at
                log = _log_density(base, cross, s) - shift[:, None]
                return class_sums(jnp.exp(jnp.minimum(log, CLIP)), block)

            return jax.lax.map(level, (noise_std, shift))

        return placed(_over(blocks, jnp.add, sums))

    noisy = (jnp.ones((len(keys), 0, len(index))),) * 2
    if len(noise_std):
        noisy = jax.lax.map(noisy_places, keys, batch_size=draw_block)
    return (
        noisy,
        placed(_over(blocks, jnp.add, noise_free_sums)),
        placed(left),
        jnp.take_along_axis(left, queries.labels[:, None], axis=-1)[:, 0],
    )


def _over(blocks, combine: Callable, of_block: Callable) -> jax.Array:
    """`of_block` of every gallery block, combined one by one: only one is in memory."""
    first, rest = jax.tree.map(lambda x: x[0], blocks), jax.tree.map(lambda x: x[1:], blocks)
    if not len(rest[1]):  # a scan, even of nothing, would keep XLA from sharing work
        return of_block(*first)
    return jax.lax.scan(
        lambda total, block: (combine(total, of_block(*block)), None), of_block(*first), rest
    )[0]


def _distances(queries: Samples, block: Samples, window: jax.Array) -> jax.Array:
    """|f - g|^2 [Q, M]; infinite where exclusion drops the pair."""
    near = jnp.abs(queries.start[:, None] - block.start[None, :]) < window
    dropped = near & (queries.unit[:, None] == block.unit[None, :])
    return jnp.where(dropped, jnp.inf, _squared_differences(queries.features, block.features))


def _log_density(base, cross, noise_std):
    inverse = 1 / noise_std
    return cross * inverse - base * (0.5 * inverse * inverse)


def _squared_differences(features, gallery):
    """|f - g|^2 of [Q, D] and [D, M], [Q, M]; not by GEMM: equal features have distance zero."""
    chunk = min(CHUNK, len(gallery))
    pad = -len(gallery) % chunk
    chunks = [
        jnp.pad(x, ((0, pad), (0, 0))).reshape(-1, chunk, x.shape[1]) for x in (features.T, gallery)
    ]

    def add(total, chunk_of):
        f, g = chunk_of
        square = sum(jnp.square(f[d][:, None] - g[d][None, :]) for d in range(chunk))
        return total + square, None

    return jax.lax.scan(add, jnp.zeros((len(features), gallery.shape[1])), tuple(chunks))[0]


def _cross(normal, features, gallery):
    """n . (g - f) of [Q, D], [Q, D] and [D, M], [Q, M]; in few dimensions by differences."""
    if len(gallery) <= CHUNK:
        return sum(
            normal[:, d][:, None] * (gallery[d][None, :] - features[:, d][:, None])
            for d in range(len(gallery))
        )
    own = jnp.sum(normal * features, axis=1)
    return jnp.matmul(normal, gallery, precision=HIGHEST) - own[:, None]
