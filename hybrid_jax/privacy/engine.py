"""The stream of queries through the compiled program: what the adversary makes of each, at every noise and draw."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import mesh, noise
from hybrid_jax.privacy import fused, likelihood, loops, ranking, ring
from hybrid_jax.privacy.blocks import (
    Blocks,
    chunk_length,
    cut,
    in_parts,
    most_chunks,
    samples_left,
)
from hybrid_jax.privacy.gallery import Samples
from hybrid_jax.privacy.ranking import Outcomes
from hybrid_jax.privacy.request import Request

NEGLIGIBLE, OVERWHELMING = 1e-15, 1e15  # noise over features: float32 cannot tell them from limits
DRAWS_IN_FLIGHT = 16
ROWS = 512  # queries times draws in flight
LANES = 64  # queries at least: XLA vectorises over them
PAIRS = 2**19  # rows times samples of a block: a few arrays of this size live near the cores
KEPT = 2**23  # rows times chunks times noise levels: a few numbers for each wait for the last chunk
AT_ONCE = 2**31  # pairs times draws times noise levels of one call of `fused`: tenths of a second


def outcomes(
    request: Request,
    *,
    query_block: int | None = None,
    gallery_block: int | None = None,
    draw_block: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Outcomes, np.ndarray]:
    """What the adversary makes of every query.

    Args:
        request: who is asked what.
        query_block, gallery_block, draw_block: how much is worked on at once; results do not depend on it, memory is
            proportional to the product.
        on_progress: called as on_progress(queries done, Q).

    Returns:
        `Outcomes` of NumPy arrays [S, G, Q], and how many samples of its own class exclusion leaves to each query [Q].
    """
    found, own_left = _stream(request, True, query_block, gallery_block, draw_block, on_progress)
    return Outcomes(*found), own_left


def log_ratios(
    request: Request, *, on_progress: Callable[[int, int], None] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """log P(z | s) - log P(z | true s) of every query, for who adds them up before they are judged.

    Args:
        request: who is asked what.
        on_progress: called as on_progress(queries done, Q).

    Returns:
        NumPy arrays: the ratios [S, G, Q, K], infinite only without noise or for a class which exclusion empties; and
        how many samples exclusion leaves to each query, per class [Q, K]. It is all held at once.
    """
    (ratios,), left = _stream(request, False, on_progress=on_progress)
    return np.moveaxis(ratios, -2, -1), left.T


def _stream(
    request: Request,
    judged: bool,
    query_block: int | None = None,
    gallery_block: int | None = None,
    draw_block: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """The fields of `Outcomes` [S, G, Q] and own class's samples [Q]; or log ratios [S, G, K, Q] and samples [K, Q]."""
    levels, free, flooded = split_levels(request)
    noisy = ~(free | flooded)
    noise_std = levels[noisy].astype(np.float32)
    num_draws, (total, dim) = len(request.keys), request.queries.features.shape
    devices = mesh.size()
    shares = ring.shares(request.gallery.features)
    draw_block = min(num_draws, draw_block or DRAWS_IN_FLIGHT)
    by = _fastest(request, noise_std, judged)
    chunk = min(chunk_length(request.gallery.labels), gallery_block or PAIRS)
    rows = _rows(request, len(noise_std), draw_block, chunk, by, shares)
    query_block = query_block or rows * devices
    query_block = -(-min(total, query_block) // devices) * devices
    gallery_block = gallery_block or max(1, PAIRS * devices // (query_block * draw_block))
    blocks = arranged = None
    if by is not None:
        arranged = fused.arrange(request.gallery, request.num_classes, request.window)
    if by is None or free.any() or request.window:
        blocks = cut(request.gallery, request.num_classes, chunk, gallery_block, shares)
    if blocks is not None and shares > 1:
        blocks = mesh.sent(in_parts(blocks, request.num_classes, shares), mesh.SPLIT)
    of_class = np.bincount(request.gallery.labels, minlength=request.num_classes)
    fixed = mesh.sent(
        (
            blocks,
            np.int32(request.window) if request.window else None,
            of_class.astype(np.float32),
            ranking.log_prior(request.prior),
            request.keys,
            noise_std,
        )
    )

    def answered(rows: np.ndarray, by: str | None) -> tuple:
        queries, index = jax.tree.map(lambda x: x[rows], (request.queries, request.index))
        sums = None
        if by is not None and arranged is not None:
            normal = np.asarray(draws(request.keys, index, dim))
            sums = fused.class_sums(normal, queries, arranged, noise_std, by=by)
        limits = {"noise_free": bool(free.any()), "flooded": bool(flooded.any())}
        how = {"ringed": shares > 1, "judged": judged, "draw_block": draw_block, **limits}
        return jax.tree.map(np.asarray, _block(queries, index, *fixed, sums, **how))

    classes, fields = ((), len(Outcomes._fields)) if judged else ((request.num_classes,), 1)
    found = [np.empty((num_draws, len(levels), *classes, total), np.float32) for _ in range(fields)]
    found_left = np.empty((*classes, total), np.float32)
    for begin in range(0, total, query_block):
        end = min(begin + query_block, total)
        rows = np.minimum(np.arange(begin, begin + query_block), total - 1)  # one shape for all
        *parts, left = answered(rows, by)
        if by is not None and np.isnan(parts[0][-1]).any():
            by = "logarithms"  # from here on: other queries will leave float32 too
            *parts, left = answered(rows, by)
        *parts, left = jax.tree.map(lambda x, n=end - begin: x[..., :n], (*parts, left))
        for level, part in zip((noisy, free, flooded), parts, strict=True):
            if level.any():
                for into, values in zip(found, part, strict=True):
                    into[:, level, ..., begin:end] = values
        found_left[..., begin:end] = left
        if on_progress is not None:
            on_progress(end, total)
    return found, found_left


def _rows(
    request: Request, num_levels: int, draw_block: int, chunk: int, by: str | None, shares: int
) -> int:
    """How many queries a device works on at once."""
    counts = np.bincount(request.gallery.labels, minlength=request.num_classes)
    if by is not None:
        at_once = min(KEPT // request.num_classes, AT_ONCE // counts.sum())
        return max(loops.LANES, at_once // (num_levels * len(request.keys)))
    kept = request.num_classes * -(-most_chunks(counts, chunk) // shares)
    rows = min(max(ROWS, LANES * draw_block), KEPT // (kept * max(1, num_levels)))
    return max(1, rows // draw_block)


def split_levels(request: Request) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The noise grid in units of the scaled features, and where it is as good as nothing, and as infinity [G]."""
    levels = request.noise_std / request.scale
    return levels, levels < NEGLIGIBLE, levels > OVERWHELMING


def _fastest(request: Request, noise_std: np.ndarray, judged: bool) -> str | None:
    """How `fused` sums, if it does: by densities where it does not matter how unlikely a class is that is far below.

    They mostly stay within float32 where the gallery holds each query's own feature, and at noise that blurs samples.
    """
    if not len(noise_std) or not fused.serves(request.queries.features.shape[1]):
        return None
    if not judged:
        return "logarithms"
    shares_nothing = len(request.keys) * len(noise_std) == 1 and not request.window
    if shares_nothing and fused.fits_product(request.queries, request.gallery, noise_std[0]):
        return "product"
    return "densities" if request.rule == "self" else "logarithms"


@partial(jax.jit, static_argnums=2)
def draws(keys: jax.Array, index: jax.Array, dim: int) -> jax.Array:
    """All draws' noise [S, Q, D]."""
    return jax.vmap(noise.standard_normal, (0, None, None))(keys, index, dim)


@partial(jax.jit, static_argnames=("ringed", "judged", "draw_block", "noise_free", "flooded"))
def _block(*arguments, ringed: bool, **how) -> tuple:
    return ring.spread(partial(_answers, **how), *arguments, ringed=ringed)


def _answers(
    queries: Samples,
    index: jax.Array,
    gallery: Blocks,  # None where `sums` say all there is to say
    window: jax.Array | None,
    of_class: jax.Array,
    log_prior: jax.Array,
    keys: jax.Array,
    noise_std: jax.Array,
    sums: fused.Sums | None,
    *,
    over: ring.Over,
    judged: bool,
    draw_block: int,
    noise_free: bool,
    flooded: bool,
) -> tuple[tuple | None, tuple | None, tuple | None, jax.Array]:
    """A block's outcomes with noise [S, G, Q], without and at infinite noise [Q], as asked; own class's samples [Q].

    Where they are not judged: log ratios instead, and all classes' samples; K comes before Q. What `fused` has summed
    may have left float32: the posterior is then NaN.
    """
    left = jnp.broadcast_to(of_class, (len(index), len(of_class)))
    if window is not None:
        left = over(lambda part: samples_left(queries, part, window), jnp.add, gallery).T

    def finished(ratios: jax.Array) -> tuple:
        if judged:
            return ranking.judge(ratios, left, log_prior, queries.labels)
        return (jnp.moveaxis(ratios, -1, -2),)

    def draw(key: jax.Array) -> tuple:
        normal = noise.standard_normal(key, index, queries.features.shape[1])
        return finished(likelihood.log_ratios(normal, queries, gallery, window, noise_std, over))

    noisy = free = infinite = None
    if sums is not None:
        noisy = finished(fused.log_ratios(sums, left.T, queries.labels))
    elif len(noise_std):
        noisy = jax.lax.map(draw, keys, batch_size=draw_block)
    if noise_free:
        free = finished(likelihood.noise_free_log_ratios(queries, gallery, window, over))
    if flooded:
        infinite = finished(jnp.zeros_like(left))
    if judged:
        left = jnp.take_along_axis(left, queries.labels[:, None], axis=-1)
        return noisy, free, infinite, left[:, 0]
    return noisy, free, infinite, left.T
