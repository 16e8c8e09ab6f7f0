"""The paper's privacy measure (Section 4.1, Eq. 2-7): how high the true class ranks."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.errors import UserError, unknown
from hybrid_jax.privacy import ranking
from hybrid_jax.privacy.gallery import Samples, prepare
from hybrid_jax.privacy.likelihood import block_places
from hybrid_jax.privacy.result import RankPrivacy

NEGLIGIBLE, OVERWHELMING = 1e-15, 1e15  # noise over features: float32 cannot tell them from limits
DRAWS_IN_FLIGHT = 16
GALLERY_BLOCK = 16384
ONE_HOT_ELEMENTS = 2**24  # gallery block x classes
PAIRS_IN_FLIGHT = 2**22  # query x gallery x draw; a few float32 arrays of this size live at once


def rank_privacy(
    features,
    labels,
    *,
    noise_std,
    key: jax.Array | None = None,
    num_draws: int = 10,
    index=None,
    gallery: str = "self",
    gallery_features=None,
    gallery_labels=None,
    groups=None,
    gallery_groups=None,
    recording=None,
    start=None,
    window: int | None = None,
    gallery_recording=None,
    gallery_start=None,
    prior="uniform",
    ties: str = "average",
    num_classes: int | None = None,
    query_block: int | None = None,
    gallery_block: int | None = None,
    draw_block: int | None = None,
    return_ranks: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> RankPrivacy:
    """Rank of the true sensitive class given the noisy exclusive feature (Eq. 2-7).

    Each query z = f + noise_std n is scored against every class by the mean of N(z; g,
    noise_std^2 I) over that class's gallery features g (Eq. 4), times the prior (Eq. 5). Its
    privacy is the rank of its true class over K (Eq. 6); the result holds the means (Eq. 7).

    Zero noise is the exact limit: classes go by their nearest distance, then by how often they
    have it. At infinite noise only the prior speaks. Logarithms within 1e-6 are ties. A class that
    exclusion empties for a query ranks last; if it is the true one, the query is left out.

    Args:
        features: the queries' noise-free features [Q, D].
        labels: their sensitive classes, 0..K-1 [Q].
        noise_std: one standard deviation or the whole grid of G, in the features' units; G levels
            cost little more than distances for one. 0 and infinity are allowed.
        key: root of the noise; draw s of query i is `noise.standard_normal(fold_in(key, s),
            index[i], D)`. Needed unless every noise_std is 0 or infinite.
        num_draws: noise draws S.
        index: the queries' sample numbers [Q]; default 0..Q-1.
        gallery: what the adversary holds.
            'self': the queries, own feature included (the paper's), or the gallery_features given.
            'leave_one_out': without the query itself or, where recording, start and window are
            given, whatever of its recording starts nearer than the window.
            'leave_group_out': without everything of the query's group (else recording).
            'held_out': the gallery_features, nothing dropped.
        gallery_features, gallery_labels: the gallery [M, D], [M]; default: the queries. With them
            leave_one_out needs recordings, which is how it knows the query itself.
        groups, recording, start: the queries' columns [Q]; gallery_*: the gallery's [M].
        window: length of a sample, in units of `start`.
        prior: 'uniform', 'empirical' (the gallery's full counts), or K probabilities.
        ties: 'average', 'min' or 'max' rank of the tied places.
        num_classes: K; default: the largest label + 1.
        query_block, gallery_block, draw_block: how much is worked on at once; results do not
            depend on it, memory is proportional to the product.
        return_ranks: also keep each query's ranks.
        on_progress: called as on_progress(queries done, Q).

    Raises:
        UserError: anything that is not as above; a class without a sample in the gallery; no
            query left.
    """
    if ties not in ranking.TIES:
        raise unknown("ties", ties, ranking.TIES)
    levels = _noise_levels(noise_std)
    if int(num_draws) != num_draws or num_draws < 1:
        raise UserError(f"num_draws {num_draws}: it needs to be a whole number from 1")
    queries, held, window, num_classes, scale = prepare(
        features,
        labels,
        gallery=gallery,
        gallery_features=gallery_features,
        gallery_labels=gallery_labels,
        groups=groups,
        gallery_groups=gallery_groups,
        recording=recording,
        start=start,
        window=window,
        gallery_recording=gallery_recording,
        gallery_start=gallery_start,
        num_classes=num_classes,
    )
    counts = np.bincount(held.labels, minlength=num_classes)
    prior_name, prior = ranking.class_prior(prior, counts)
    total = len(queries.labels)
    index = _sample_numbers(index, total)

    relative = levels / scale
    free, flooded = relative < NEGLIGIBLE, relative > OVERWHELMING
    noisy = ~(free | flooded)
    if noisy.any() and key is None:
        raise UserError("key is missing: noise_std above 0 needs one to draw the noise from")
    root = jax.random.key(0) if key is None else key
    keys = jax.vmap(jax.random.fold_in, (None, 0))(root, jnp.arange(num_draws))

    gallery_block = min(
        len(held.labels),
        gallery_block or min(GALLERY_BLOCK, max(1, ONE_HOT_ELEMENTS // num_classes)),
    )
    draw_block = min(num_draws, draw_block or DRAWS_IN_FLIGHT)
    query_block = min(total, query_block or max(1, PAIRS_IN_FLIGHT // (gallery_block * draw_block)))
    fixed = jax.device_put(
        (
            _blocks(held, gallery_block),
            np.int32(window),
            ranking.relative_prior(prior),
            keys,
            relative[noisy].astype(np.float32),
        )
    )

    ranks = np.empty((num_draws, len(levels), total), np.float32)
    own_left = np.empty(total, np.float32)
    for begin in range(0, total, query_block):
        end = min(begin + query_block, total)
        rows = np.minimum(np.arange(begin, begin + query_block), total - 1)  # one shape for all
        *places, left = jax.tree.map(
            lambda x, n=end - begin: np.asarray(x)[..., :n],
            block_places(
                jax.tree.map(lambda x, rows=rows: x[rows], queries),
                index[rows],
                *fixed,
                num_classes=num_classes,
                draw_block=draw_block,
            ),
        )
        for level, (above, tied) in zip((noisy, free, flooded), places, strict=True):
            ranks[:, level, begin:end] = ranking.rank(above, tied, ties)
        own_left[begin:end] = left
        if on_progress is not None:
            on_progress(end, total)

    counted = own_left > 0
    if not counted.any():
        raise UserError(
            f"gallery {gallery!r} leaves no query a sample of its own class: give a "
            "gallery with more of each class, or another rule"
        )
    chance = ranking.prior_ranks(prior, ties)[queries.labels[counted]].mean()
    among = ranks[..., counted]
    ranks[..., ~counted] = np.nan
    return RankPrivacy(
        noise_std=levels,
        rank_per_draw=among.mean(axis=-1, dtype=np.float64),
        top1_per_draw=(among == 1).mean(axis=-1),
        chance_rank=float(chance),
        num_classes=num_classes,
        n=int(counted.sum()),
        n_excluded=int((~counted).sum()),
        gallery=gallery,
        prior=prior_name,
        ties=ties,
        ranks=ranks if return_ranks else None,
    )


def _noise_levels(noise_std) -> np.ndarray:
    levels = np.atleast_1d(np.asarray(noise_std, np.float64))
    if levels.ndim != 1 or not len(levels):
        raise UserError(f"noise_std has shape {levels.shape}: it needs one value, or a vector")
    if not (levels >= 0).all():
        bad = levels[~(levels >= 0)][0]
        raise UserError(f"noise_std {bad}: it needs to be 0 or more")
    return levels


def _sample_numbers(index, total: int) -> np.ndarray:
    index = np.arange(total) if index is None else np.asarray(index)
    if index.shape != (total,) or index.dtype.kind not in "iu":
        raise UserError(
            f"index has shape {index.shape} and type {index.dtype}: it needs one whole "
            f"number for each of the {total} queries"
        )
    if index.min() < 0 or index.max() >= 2**31:
        raise UserError(
            f"index runs from {index.min()} to {index.max()}: sample numbers go from 0 to 2^31 - 1"
        )
    return index.astype(np.int32)


def _blocks(gallery: Samples, size: int) -> Samples:
    """The gallery in blocks, features transposed; the last one filled with samples of no class."""
    pad = -len(gallery.labels) % size
    width = gallery.features.shape[1]
    features = np.pad(gallery.features, ((0, pad), (0, 0))).reshape(-1, size, width)
    return Samples(
        np.ascontiguousarray(features.swapaxes(1, 2)),
        np.pad(gallery.labels, (0, pad), constant_values=-1).reshape(-1, size),
        np.pad(gallery.unit, (0, pad)).reshape(-1, size),
        np.pad(gallery.start, (0, pad)).reshape(-1, size),
    )
