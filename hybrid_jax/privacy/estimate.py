"""The value of a measure with its uncertainty: over noise draws, and over the people (groups) that were sampled."""

from typing import NamedTuple

import numpy as np

from hybrid_jax.privacy import ranking
from hybrid_jax.privacy.bootstrap import Bootstrap
from hybrid_jax.privacy.measures import Measure, weights
from hybrid_jax.privacy.ranking import Outcomes


class Estimate(NamedTuple):
    """One measure over the noise grid [G].

    Attributes:
        value: mean over draws.
        stderr: standard error over draws; NaN for one draw, or where a value is infinite.
        ci_low, ci_high: 95 % percentile bootstrap over groups; NaN for a single group, or where a value is infinite.
        chance: the value when only the prior speaks.
        unit: of all of them.
    """

    value: np.ndarray
    stderr: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    chance: float
    unit: str


def estimate(
    measure: Measure,
    outcomes: Outcomes,
    labels: np.ndarray,
    bootstrap: Bootstrap,
    prior: np.ndarray,
    ties: str,
) -> Estimate:
    """Averages a measure over queries and draws.

    Args:
        measure: which.
        outcomes: of the queries that count [S, G, Q].
        labels: their classes [Q].
        bootstrap: over the groups of these queries.
        prior: P(s) [K].
        ties: the tie rule.
    """
    share = weights(measure, labels, prior)
    by_prior = ranking.prior_outcomes(prior, labels)
    # A class that cannot be has no share of a mean, infinite as its surprise is.
    mean_by_prior = float(np.sum(share * np.where(share > 0, measure.each(by_prior, ties), 0.0)))

    def value(mean: np.ndarray) -> np.ndarray:
        return measure.value(mean, mean_by_prior, len(prior))

    each = np.where(share > 0, np.asarray(measure.each(outcomes, ties), np.float64), 0.0)
    per_draw = value(each @ share)
    low, high = bootstrap.interval(each.mean(axis=0), share, value)
    return Estimate(
        value=value((each @ share).mean(axis=0)),
        stderr=standard_error(per_draw),
        ci_low=low,
        ci_high=high,
        chance=float(value(np.asarray(mean_by_prior))),
        unit=measure.unit,
    )


def standard_error(per_draw: np.ndarray) -> np.ndarray:
    """Standard error over the first axis, draws; NaN for one draw, or where a value is infinite."""
    draws, finite = len(per_draw), np.isfinite(per_draw).all(axis=0)
    found = np.full(per_draw.shape[1:], np.nan)
    if draws > 1:
        found[finite] = per_draw[:, finite].std(axis=0, ddof=1) / np.sqrt(draws)
    return found
