"""The paper's privacy measure (Section 4.1, Eq. 2-7): how high the true class ranks."""

from collections.abc import Callable

import jax
import numpy as np

from hybrid_jax.privacy import adversary, ranking
from hybrid_jax.privacy.request import Request
from hybrid_jax.privacy.result import RankPrivacy


def rank_privacy(
    features,
    labels,
    *,
    noise_std,
    key: jax.Array | None = None,
    num_draws: int = 10,
    index=None,
    mode: str = "classes",
    gallery: str = "self",
    prior="uniform",
    ties: str = "average",
    query_block: int | None = None,
    gallery_block: int | None = None,
    draw_block: int | None = None,
    return_ranks: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    **columns,
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
        noise_std: one standard deviation or the whole grid of G, in the features' units. 0 and
            infinity are allowed.
        key: root of the noise; draw s of query i is `noise.standard_normal(fold_in(key, s),
            index[i], D)`. Needed unless every noise_std is 0 or infinite.
        num_draws: noise draws S.
        index: the queries' sample numbers [Q]; default 0..Q-1.
        mode: 'classes', or 'instance': every sample a class of its own, K = Q, ranked by counting
            nearer features; the gallery is then 'self', and the labels do not matter.
        gallery: what the adversary holds.
            'self': the queries, own feature included (the paper's), or the gallery_features given.
            'leave_one_out': without the query itself or, where recording, start and window are
            given, whatever of its recording starts nearer than the window.
            'leave_group_out': without everything of the query's group (else recording).
            'held_out': the gallery_features, nothing dropped.
        prior: 'uniform', 'empirical' (the gallery's full counts), or K probabilities.
        ties: 'average', 'min' or 'max' rank of the tied places.
        query_block, gallery_block, draw_block: how much is worked on at once; results do not
            depend on it, memory is proportional to the product.
        return_ranks: also keep each query's ranks.
        on_progress: called as on_progress(queries done, Q).
        **columns:
            gallery_features, gallery_labels: the gallery [M, D], [M]; default: the queries. With
            them leave_one_out needs recordings, which is how it knows the query itself.
            groups, recording, start: the queries' columns [Q]; gallery_*: the gallery's [M].
            window: length of a sample, in units of `start`.
            num_classes: K; default: the largest label + 1.

    Raises:
        UserError: anything that is not as above; a class without a sample in the gallery; no
            query left.

    Without noise a query of two classes that lie apart is placed first, and at infinite noise the two tie:

    >>> features, labels = np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([0, 0, 1, 1])
    >>> rank_privacy(features, labels, noise_std=[0, np.inf]).rank.tolist()
    [1.0, 1.5]
    """
    request = Request.check(
        features,
        labels,
        noise_std=noise_std,
        key=key,
        num_draws=num_draws,
        index=index,
        mode=mode,
        gallery=gallery,
        prior=prior,
        ties=ties,
        **columns,
    )
    found, counted = adversary.outcomes(
        request,
        query_block=query_block,
        gallery_block=gallery_block,
        draw_block=draw_block,
        on_progress=on_progress,
    )
    ranks = ranking.rank(found.above, found.tied, ties)
    by_prior = ranking.prior_outcomes(request.prior, request.queries.labels[counted])
    chance = ranking.rank(by_prior.above, by_prior.tied, ties)
    among = ranks[..., counted]
    ranks[..., ~counted] = np.nan
    return RankPrivacy(
        noise_std=request.noise_std,
        rank_per_draw=among.mean(axis=-1, dtype=np.float64),
        top1_per_draw=(among == 1).mean(axis=-1),
        chance_rank=float(chance.mean()),
        num_classes=request.num_classes,
        n=int(counted.sum()),
        n_excluded=int((~counted).sum()),
        mode=request.mode,
        gallery=request.rule,
        prior=request.prior_name,
        ties=ties,
        ranks=ranks if return_ranks else None,
    )
