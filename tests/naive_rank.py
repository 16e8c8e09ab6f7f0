"""Eq. 2-7 as loops in NumPy float64: one query, one draw, one class, one sample at a time."""

import math

import jax
import numpy as np

from hybrid_jax import noise


def draws(key, num_draws, index, dim):
    """The noise of `rank_privacy`, float64 [S, Q, D]."""
    keys = [jax.random.fold_in(key, s) for s in range(num_draws)]
    return np.array([noise.standard_normal(k, np.asarray(index), dim) for k in keys], np.float64)


def rank_of(scores, true, ties="average"):
    """Rank from 1 in descending order; logs within 1e-6 tie."""
    above = tied = 0
    for score in scores:
        gap = 0.0 if score == scores[true] else score - scores[true]
        above += gap > 1e-6
        tied += abs(gap) <= 1e-6
    return above + {"average": (tied + 1) / 2, "min": 1, "max": tied}[ties]


def log_posteriors(z, gallery, labels, keep, noise_std, prior):
    """log P(z|s) + log P(s) of each class, -inf where impossible [K]."""
    scores = []
    for s, probability in enumerate(prior):
        logs = [
            -sum((zi - gi) ** 2 for zi, gi in zip(z, g, strict=True)) / (2 * noise_std**2)
            for g, label, kept in zip(gallery, labels, keep, strict=True)
            if label == s and kept
        ]
        if not logs or probability == 0:
            scores.append(-math.inf)
            continue
        top = max(logs)
        total = sum(math.exp(log - top) for log in logs)
        scores.append(top + math.log(total) - math.log(len(logs)) + math.log(probability))
    return scores


def ranks(
    features,
    labels,
    normal,
    noise_std,
    *,
    gallery=None,
    gallery_labels=None,
    keep=None,
    prior=None,
    ties="average",
):
    """Rank of every query in every draw [S, Q], NaN where its own class is emptied."""
    gallery = features if gallery is None else gallery
    gallery_labels = labels if gallery_labels is None else gallery_labels
    num_classes = max(gallery_labels) + 1
    prior = np.full(num_classes, 1 / num_classes) if prior is None else prior
    keep = np.ones((len(features), len(gallery)), bool) if keep is None else keep
    found = np.empty(normal.shape[:2])
    for s, draw in enumerate(normal):
        for i, n in enumerate(draw):
            own_left = any(
                kept and g == labels[i] for kept, g in zip(keep[i], gallery_labels, strict=True)
            )
            scores = log_posteriors(
                features[i] + noise_std * n, gallery, gallery_labels, keep[i], noise_std, prior
            )
            found[s, i] = rank_of(scores, labels[i], ties) if own_left else math.nan
    return found
