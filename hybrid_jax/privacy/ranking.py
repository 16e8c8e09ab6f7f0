"""Eq. 5 and 6: from class likelihoods and a prior to the rank of the true class."""

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.errors import UserError, unknown

TIES = ("average", "min", "max")
PRIORS = ("uniform", "empirical", "given")
TIE = 1e-6  # logs nearer than this are equal: without it a rank would depend on the order of sums
SMALLEST_PRIOR = 1e-12  # relative to the largest; what float32 sums clipped at exp(80) can resolve


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
    tiny = (values > 0) & (values < SMALLEST_PRIOR * values.max())
    if tiny.any():
        raise UserError(
            f"prior {values[tiny][0]} of class {int(np.argmax(tiny))} is too small to "
            f"rank: give 0, or at least {SMALLEST_PRIOR} of the largest"
        )
    return "given", values


def relative_prior(prior: np.ndarray) -> np.ndarray:
    """The prior over its largest value, float32: ranks only compare."""
    return (prior / prior.max()).astype(np.float32)


def posterior(sums: jax.Array, left: jax.Array, prior: jax.Array) -> jax.Array:
    """Relative P(s | z) of Eq. 4 and 5, [..., Q, K]; -1 where it is exactly zero.

    Args:
        sums: per-class sums of p(z | f), each query's on a scale of its own [..., Q, K].
        left: gallery samples that exclusion leaves to each query, per class [Q, K].
        prior: relative prior [K].
    """
    left = jnp.broadcast_to(left, sums.shape)
    prior = jnp.broadcast_to(prior, sums.shape)
    # A zero-prior or emptied class is below one whose likelihood merely underflows.
    return jnp.where((left > 0) & (prior > 0), sums / jnp.maximum(left, 1.0) * prior, -1.0)


def places(scores: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
    """How many classes are above class `labels[q]` in `scores[..., q, :]`, and how many tie.

    Scores are relative posteriors, -1 for an impossible class. Those within `TIE` of the class's
    own, relatively, tie with it; it counts itself. Both are [..., Q] float32.
    """
    labels = jnp.broadcast_to(labels, scores.shape[:-1])[..., None]
    own = jnp.take_along_axis(scores, labels, axis=-1)
    slack = TIE * jnp.maximum(own, 0.0)
    above = scores > own + slack
    tied = ~above & (scores >= own - slack)
    return (jnp.sum(above, axis=-1, dtype=jnp.float32), jnp.sum(tied, axis=-1, dtype=jnp.float32))


def rank(above: np.ndarray, tied: np.ndarray, ties: str) -> np.ndarray:
    """Rank in descending order, from 1 (Eq. 6): average, least or largest of the tied places."""
    return above + {"average": (tied + 1) / 2, "min": np.ones_like(tied), "max": tied}[ties]


def prior_ranks(prior: np.ndarray, ties: str) -> np.ndarray:
    """The rank each class gets when only the prior speaks, under the same tie rule, [K]."""
    num_classes = len(prior)
    scores = np.tile(np.where(prior > 0, relative_prior(prior), np.float32(-1)), (num_classes, 1))
    above, tied = jax.jit(places)(scores, np.arange(num_classes))
    return rank(np.asarray(above, np.float64), np.asarray(tied, np.float64), ties)
