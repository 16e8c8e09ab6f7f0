"""The value of a measure with its uncertainty: over noise draws, and over the people (groups) that were sampled."""

from typing import NamedTuple

import numpy as np

from hybrid_jax.privacy import ranking
from hybrid_jax.privacy.measures import Measure, weights
from hybrid_jax.privacy.ranking import Outcomes

RESAMPLES = 1000
LEVEL = 0.95


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
    groups: np.ndarray,
    prior: np.ndarray,
    ties: str,
) -> Estimate:
    """Averages a measure over queries and draws.

    Args:
        measure: which.
        outcomes: of the queries that count [S, G, Q].
        labels: their classes [Q].
        groups: what is resampled as a whole, such as the subject [Q].
        prior: P(s) [K].
        ties: the tie rule.
    """
    share = weights(measure, labels, prior)
    by_prior = Outcomes(*(value[labels] for value in ranking.prior_outcomes(prior)))
    mean_by_prior = float(np.sum(share * measure.each(by_prior, ties)))

    def value(mean: np.ndarray) -> np.ndarray:
        return measure.value(mean, mean_by_prior, len(prior))

    each = np.asarray(measure.each(outcomes, ties), np.float64)
    per_draw = value(each @ share)
    low, high = _interval(each.mean(axis=0) * share, share, groups, value)
    return Estimate(
        value=value((each @ share).mean(axis=0)),
        stderr=_stderr(per_draw),
        ci_low=low,
        ci_high=high,
        chance=float(value(np.float64(mean_by_prior))),
        unit=measure.unit,
    )


def _interval(weighted: np.ndarray, share: np.ndarray, groups: np.ndarray, value):
    """Percentiles of the measure over groups drawn with replacement: two arrays [G].

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13. Windows of one subject are
    alike, so it is subjects that are drawn: windows one by one would give intervals far too narrow.
    """
    names, of = np.unique(groups, return_inverse=True)
    low, high = np.full((2, len(weighted)), np.nan)
    finite = np.isfinite(weighted).all(axis=1)
    if len(names) < 2:
        return low, high
    member = np.zeros((len(share), len(names)))
    member[np.arange(len(share)), of] = 1
    drawn = np.random.default_rng(0).multinomial(
        len(names), [1 / len(names)] * len(names), RESAMPLES
    )
    mass = drawn @ (share @ member)
    means = (weighted[finite] @ member @ drawn.T)[:, mass > 0] / mass[mass > 0]
    tail = 100 * (1 - LEVEL) / 2
    with np.errstate(invalid="ignore"):  # between two infinite values, of a logarithm of 0
        low[finite], high[finite] = np.percentile(value(means), [tail, 100 - tail], axis=-1)
    return low, high


def _stderr(per_draw: np.ndarray) -> np.ndarray:
    draws, finite = len(per_draw), np.isfinite(per_draw).all(axis=0)
    found = np.full(per_draw.shape[1:], np.nan)
    if draws > 1:
        found[finite] = per_draw[:, finite].std(axis=0, ddof=1) / np.sqrt(draws)
    return found
