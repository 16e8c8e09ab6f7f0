"""What an adversary's ranks and posteriors say, in the units of the literature.

Every measure is a mean over queries of something that `Outcomes` gives for each, and then a function of that mean and
of its value when the feature says nothing (the prior alone speaks): so chance, standard errors and intervals come from
the same code for all of them.

Rank measures weigh queries alike, as Eq. 7 does. Those of information theory are expectations over P(s) p(z | s): their
queries are weighted so that each class has its prior's share.

In the gallery `self` the likelihood is that of the finite population, and these are its values. In other galleries it
is one more attack, and they are that attack's: an error rate and a cross-entropy, which another may improve on.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hybrid_jax.privacy import ranking
from hybrid_jax.privacy.ranking import Outcomes

LN_2 = np.log(2)
ROUNDING = 1e-9  # a mean of ones is 1 up to this


class Measure(NamedTuple):
    """One measure.

    Attributes:
        unit: of its value.
        each: what is averaged, of the outcomes and the tie rule [..., Q] to [..., Q].
        by_prior: whether each class has its prior's share of the mean, instead of its queries' share.
        value: the measure, of the mean m, the mean c by the prior alone, and K.
    """

    unit: str
    each: Callable[[Outcomes, str], np.ndarray]
    by_prior: bool
    value: Callable[[np.ndarray, float, int], np.ndarray]


def rank(outcomes: Outcomes, ties: str) -> np.ndarray:
    """Place of the true class in descending order of the posterior (Eq. 6), in [1, K].

    Its mean is the guessing entropy (Massey 1994): guesses until the adversary is right. Chance: (K + 1) / 2 for a
    uniform prior.
    """
    return ranking.rank(outcomes.above, outcomes.tied, ties)


def log_rank(outcomes: Outcomes, ties: str) -> np.ndarray:
    """log2 of the rank, bits, in [0, log2 K]: halving the guesses counts alike at the top and at the bottom.

    Source: Osia et al., "Deep private-feature extraction", section 4 (log-rank privacy).
    """
    # In float64: rounded to float32, the mean over draws can exceed the logarithm of the mean rank.
    return np.log2(rank(outcomes, ties), dtype=np.float64)


def top(count: int) -> Callable[[Outcomes, str], np.ndarray]:
    """Whether the true class is among the Bayes adversary's first `count` guesses, in [0, 1], ties broken at random.

    Chance: count / K for a uniform prior, 1 where there are no more classes than that.
    """

    def each(outcomes: Outcomes, ties: str) -> np.ndarray:
        return ranking.among_first(outcomes.above, outcomes.tied, count)

    return each


def surprise(outcomes: Outcomes, ties: str) -> np.ndarray:
    """-log2 P(true s | z), bits, in [0, inf]."""
    return -outcomes.log_posterior / LN_2


def privacy_index(mean_rank: np.ndarray, chance: float, num_classes: int) -> np.ndarray:
    """(mean rank - 1) / (chance rank - 1): 0 always first, 1 chance, above 1 misled.

    Where chance itself is rank 1 (one class; ties 'min' with a uniform prior) the index is 1 at rank 1, for nothing was
    learnt, and infinite above.
    """
    if chance < 1 + ROUNDING:
        return np.where(mean_rank < 1 + ROUNDING, 1.0, np.inf)
    return (mean_rank - 1) / (chance - 1)


def bayes_security(vulnerability: np.ndarray, chance: float, num_classes: int) -> np.ndarray:
    """(1 - V) / (1 - V_prior): the adversary's error against a guesser's, 0 none left, 1 chance.

    Where the prior leaves no doubt it is 1: nothing was learnt. Source: Chatzikokolakis, Cherubin, Palamidessi and
    Troncoso, "Bayes security: a not so average metric", CSF 2023.
    """
    if chance > 1 - ROUNDING:
        return np.ones_like(vulnerability)
    return (1 - vulnerability) / (1 - chance)


def min_entropy_leakage(vulnerability: np.ndarray, chance: float, num_classes: int) -> np.ndarray:
    """log2(V / V_prior), bits, in [-inf, log2 K]; chance 0.

    Source: Smith, "On the foundations of quantitative information flow", FoSSaCS 2009, Def. 3. Below 0 only for an
    attack that is not Bayes': one that a gallery misleads.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log2(vulnerability / chance)


def mutual_information(conditional_entropy: np.ndarray, chance: float, num_classes: int):
    """I(S; Z) = H(S) - H(S | Z), bits, in [-inf, H(S)]; chance 0 (Cover and Thomas, Eq. 2.43).

    With a gallery other than `self` a lower bound: H(S | Z) is then a cross-entropy. Below 0 that attack knew less than
    the prior.
    """
    return chance - conditional_entropy


def _mean(mean: np.ndarray, chance: float, num_classes: int) -> np.ndarray:
    return mean


def privacy(mean_rank: np.ndarray, chance: float, num_classes: int) -> np.ndarray:
    """Eq. 7: mean rank / K, in [1/K, 1]; chance (K + 1) / (2 K) for a uniform prior."""
    return mean_rank / num_classes


# Bayes vulnerability is the share of right first guesses (Smith 2009), in [0, 1]; by the prior alone max P(s).
# Conditional entropy is the mean surprise (Cover and Thomas, Eq. 2.10), bits, in [0, inf]; by the prior alone H(S).
MEASURES = {
    "privacy": Measure("rank/K", rank, False, privacy),
    "rank": Measure("rank", rank, False, _mean),
    "privacy_index": Measure("index", rank, False, privacy_index),
    "log_rank": Measure("bits", log_rank, False, _mean),
    "top1": Measure("fraction", top(1), False, _mean),
    "top5": Measure("fraction", top(5), False, _mean),
    "bayes_vulnerability": Measure("fraction", top(1), True, _mean),
    "bayes_security": Measure("index", top(1), True, bayes_security),
    "min_entropy_leakage": Measure("bits", top(1), True, min_entropy_leakage),
    "conditional_entropy": Measure("bits", surprise, True, _mean),
    "mutual_information": Measure("bits", surprise, True, mutual_information),
}
# What counting nearer features gives, without a posterior.
BY_RANK = tuple(name for name, measure in MEASURES.items() if measure.each is not surprise)


def weights(measure: Measure, labels: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """What each query weighs in the mean, with sum 1 [Q]; where no query's class is possible they weigh alike."""
    if measure.by_prior and prior[labels].any():
        share = prior[labels] / np.bincount(labels, minlength=len(prior))[labels]
        return share / share.sum()
    return np.full(len(labels), 1 / len(labels))
