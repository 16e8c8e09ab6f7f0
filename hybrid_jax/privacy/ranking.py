"""Eq. 5 and 6: from class likelihoods and a prior to the rank and the posterior of the true class."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.errors import UserError, unknown
from hybrid_jax.privacy.likelihood import TIE

TIES = ("average", "min", "max")
PRIORS = ("uniform", "empirical", "given")


class Outcomes(NamedTuple):
    """What the adversary makes of each query [...]. The true class's place, and what the posterior gives it.

    Arrays of jax inside `jit`, NumPy's outside.
    """

    above: Any  # classes that are likelier
    tied: Any  # classes as likely, itself included
    log_posterior: Any  # log P(true s | z), natural, in [-inf, 0]


def class_prior(prior, counts: np.ndarray) -> tuple[str, np.ndarray]:
    """The prior's name and its values P(s), float64 [K].

    Args:
        prior: 'uniform', 'empirical' (the gallery's full counts) or K probabilities ('given').
        counts: gallery samples per class, before anything is excluded [K].

    Raises:
        UserError: an unknown name; or not K non-negative numbers with sum 1.
    """
    num_classes = len(counts)
    if isinstance(prior, str):
        if prior == "uniform":
            return prior, np.full(num_classes, 1 / num_classes)
        if prior == "empirical":
            return prior, counts / counts.sum()
        if prior == "given":
            raise UserError("prior 'given' has no values: pass the K probabilities themselves")
        raise unknown("prior", prior, PRIORS)
    values = np.asarray(prior, np.float64)
    if values.shape != (num_classes,):
        raise UserError(
            f"prior has shape {values.shape}: it needs one value for each of the "
            f"{num_classes} classes"
        )
    if not (np.isfinite(values).all() and (values >= 0).all() and abs(values.sum() - 1) < 1e-4):
        raise UserError(
            f"prior {values.tolist()} is not a distribution: it needs non-negative "
            "numbers with sum 1"
        )
    return "given", values / values.sum()


def log_prior(prior: np.ndarray) -> np.ndarray:
    """Logarithm of the prior, float32 [K]; -inf for a class that cannot be."""
    with np.errstate(divide="ignore"):
        return np.log(prior).astype(np.float32)


def judge(
    ratios: jax.Array, left: jax.Array, log_prior: jax.Array, labels: jax.Array | np.ndarray
) -> Outcomes:
    """The outcome of each query.

    Args:
        ratios: log P(z | s) - log P(z | true s) [..., Q, K].
        left: samples that exclusion leaves of each class; one without any is impossible [Q, K].
        log_prior: log P(s) [K].
        labels: true classes [Q].
    """
    at = labels.reshape(*[1] * (ratios.ndim - 2), -1, 1)
    prior = jnp.broadcast_to(log_prior.reshape(*[1] * (ratios.ndim - 1), -1), ratios.shape)
    own = jnp.take_along_axis(prior, at, axis=-1)
    possible = (prior > -jnp.inf) & (left > 0).reshape(*[1] * (ratios.ndim - 2), *left.shape)
    gap = jnp.where(possible, ratios + (prior - own), -jnp.inf)
    # An impossible true class is below all that are possible, and ties with those that are not.
    gap = jnp.where(own > -jnp.inf, gap, jnp.where(possible, jnp.inf, 0.0))
    above = gap > TIE
    tied = ~above & (gap >= -TIE)
    return Outcomes(
        jnp.sum(above, axis=-1, dtype=jnp.float32),
        jnp.sum(tied, axis=-1, dtype=jnp.float32),
        -jax.nn.logsumexp(gap, axis=-1),
    )


def rank(above: np.ndarray, tied: np.ndarray, ties: str) -> np.ndarray:
    """Rank in descending order, from 1 (Eq. 6): average, least or largest of the tied places."""
    return above + {"average": (tied + 1) / 2, "min": np.ones_like(tied), "max": tied}[ties]


def among_first(above: np.ndarray, tied: np.ndarray, count: int) -> np.ndarray:
    """Probability that the true class is among the first `count`, in [0, 1], where ties are broken at random."""
    return np.clip((count - above) / tied, 0.0, 1.0)


def prior_outcomes(prior: np.ndarray, labels: np.ndarray) -> Outcomes:
    """What an adversary who sees nothing but the prior [K] makes of queries of these classes [Q]."""
    logs = log_prior(prior).astype(np.float64)
    ordered = np.sort(logs)
    # Impossible classes tie with each other: -inf + TIE is -inf.
    above = len(prior) - np.searchsorted(ordered, logs + TIE, side="right")
    tied = len(prior) - above - np.searchsorted(ordered, logs - TIE, side="left")
    return Outcomes(*(values[labels].astype(np.float64) for values in (above, tied, logs)))
