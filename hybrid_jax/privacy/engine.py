"""The stream of queries through the compiled program: what the adversary makes of each, at every noise and draw."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import noise
from hybrid_jax.errors import UserError
from hybrid_jax.privacy import likelihood, ranking
from hybrid_jax.privacy.blocks import Blocks, chunk_length, cut
from hybrid_jax.privacy.gallery import Samples
from hybrid_jax.privacy.ranking import Outcomes
from hybrid_jax.privacy.request import Request

NEGLIGIBLE, OVERWHELMING = 1e-15, 1e15  # noise over features: float32 cannot tell them from limits
DRAWS_IN_FLIGHT = 16
ROWS = 1024  # queries times draws in flight
PAIRS = (
    2**19
)  # rows times samples of a block: a few arrays of this size live at once, near the cores
KEPT = (
    2**23
)  # rows times chunks times noise levels: a few numbers for each are kept until all chunks are seen


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
    levels, free, flooded = split_levels(request)
    noisy = ~(free | flooded)
    num_draws, total = len(request.keys), len(request.queries.labels)
    draw_block = min(num_draws, draw_block or DRAWS_IN_FLIGHT)
    chunk = min(chunk_length(request.gallery.labels), gallery_block or PAIRS)
    chunks = request.num_classes + len(request.gallery.labels) // chunk
    rows = min(ROWS, KEPT // (chunks * max(1, int(noisy.sum()))))
    query_block = min(total, query_block or max(1, rows // draw_block))
    gallery_block = gallery_block or max(1, PAIRS // (query_block * draw_block))
    blocks = cut(request.gallery, request.num_classes, chunk, gallery_block)
    fixed = jax.device_put(
        (
            blocks,
            np.int32(request.window) if request.window else None,
            ranking.log_prior(request.prior),
            request.keys,
            levels[noisy].astype(np.float32),
        )
    )
    found = Outcomes(*(np.empty((num_draws, len(levels), total), np.float32) for _ in range(3)))
    own_left = np.empty(total, np.float32)
    for begin in range(0, total, query_block):
        end = min(begin + query_block, total)
        rows = np.minimum(np.arange(begin, begin + query_block), total - 1)  # one shape for all
        *parts, left = jax.tree.map(
            lambda x, n=end - begin: np.asarray(x)[..., :n],
            _block(
                jax.tree.map(lambda x, rows=rows: x[rows], request.queries),
                request.index[rows],
                *fixed,
                draw_block=draw_block,
                noise_free=bool(free.any()),
            ),
        )
        for level, part in zip((noisy, free, flooded), parts, strict=True):
            if level.any():
                for into, values in zip(found, part, strict=True):
                    into[:, level, begin:end] = values
        own_left[begin:end] = left
        if on_progress is not None:
            on_progress(end, total)
    return found, own_left


def split_levels(request: Request) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The noise grid in units of the scaled features, and where it is as good as nothing, and as infinity [G]."""
    levels = request.noise_std / request.scale
    return levels, levels < NEGLIGIBLE, levels > OVERWHELMING


def counted(request: Request, own_left: np.ndarray) -> np.ndarray:
    """Which queries count: those to which exclusion leaves a sample of their own class, bool [Q].

    Raises:
        UserError: none.
    """
    found = own_left > 0
    if not found.any():
        raise UserError(
            f"gallery {request.rule!r} leaves no query a sample of its own class: give a "
            "gallery with more of each class, or another rule"
        )
    return found


@partial(jax.jit, static_argnames=("draw_block", "noise_free"))
def _block(
    queries: Samples,
    index: jax.Array,
    gallery: Blocks,
    window: jax.Array | None,
    log_prior: jax.Array,
    keys: jax.Array,
    noise_std: jax.Array,
    *,
    draw_block: int,
    noise_free: bool,
) -> tuple[Outcomes, Outcomes | None, Outcomes, jax.Array]:
    """A block's outcomes with noise [S, G, Q], without [Q] if asked, at infinite noise [Q]; own class's samples [Q]."""
    left = likelihood.samples_left(queries, gallery, window)

    def judged(ratios: jax.Array) -> Outcomes:
        return ranking.judge(ratios, left, log_prior, queries.labels)

    def draw(key: jax.Array) -> Outcomes:
        normal = noise.standard_normal(key, index, queries.features.shape[1])
        return judged(likelihood.log_ratios(normal, queries, gallery, window, noise_std))

    noisy = Outcomes(*(jnp.ones((len(keys), 0, len(index))),) * 3)
    if len(noise_std):
        noisy = jax.lax.map(draw, keys, batch_size=draw_block)
    free = None
    if noise_free:
        free = judged(likelihood.noise_free_log_ratios(queries, gallery, window))
    flooded = judged(jnp.zeros_like(left))
    own_left = jnp.take_along_axis(left, queries.labels[:, None], axis=-1)[:, 0]
    return noisy, free, flooded, own_left
