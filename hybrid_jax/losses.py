"""The multi-objective loss of Siamese fine-tuning: cross-entropy plus the weighted contrastive loss (paper, Eq. 1)."""

from typing import Literal, get_args

import jax
import jax.numpy as jnp
import optax

from hybrid_jax import errors

Convention = Literal["caffe", "paper"]
Pairs = Literal["all", "aligned"]
HIGHEST = jax.lax.Precision.HIGHEST


def cross_entropy(logits: jax.Array, labels: jax.Array, *, pairs: Pairs = "all") -> jax.Array:
    """Softmax cross-entropy in nats of logits [B, C] and integer labels [B].

    Args:
        logits: of the primary task.
        labels: its classes.
        pairs: `all`: the mean; `aligned`: the sum of the means of the two branches, as in the authors' code.
    """
    mean = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
    return 2.0 * mean if pairs == "aligned" else mean


def contrastive(
    f1: jax.Array,
    f2: jax.Array,
    similar: jax.Array,
    *,
    margin: float,
    convention: Convention = "caffe",
) -> jax.Array:
    """Contrastive loss of aligned pairs (paper, Eq. 1; Hadsell et al. 2006).

    A similar pair costs d^2 and a dissimilar one max(0, margin - d)^2, d the Euclidean distance. Its gradient is finite
    everywhere and zero for a pair of equal features.

    Args:
        f1: [P, D] features.
        f2: [P, D] features.
        similar: [P] bool, whether the primary labels of the two are equal.
        margin: distance from which a dissimilar pair costs nothing, in units of the feature.
        convention: `paper`: the mean of Eq. 1 over pairs; `caffe`: half of it, as in the authors' code.

    Returns:
        A scalar >= 0; 0 for no pairs.

    Raises:
        errors.UserError: an unknown convention.
    """
    squared = jnp.sum(jnp.square(f1 - f2), axis=-1)
    return _reduce(_pair_costs(squared, similar, margin), jnp.ones_like(squared), convention)


def contrastive_in_batch(
    features: jax.Array, labels: jax.Array, *, margin: float, convention: Convention = "caffe"
) -> jax.Array:
    """Contrastive loss of all B (B - 1) / 2 pairs in a batch; a pair is similar if its labels are equal.

    Args:
        features: [B, ...] features, flattened here to [B, D].
        labels: [B] primary labels.
        margin: as in `contrastive`.
        convention: as in `contrastive`.

    Returns:
        A scalar >= 0; 0 for a single sample.

    Raises:
        errors.UserError: an unknown convention.
    """
    features = features.reshape(features.shape[0], -1)
    # Distances do not change with the origin; about the batch mean the Gram matrix loses the fewest digits.
    features = features - jnp.mean(features, axis=0, keepdims=True)
    gram = jnp.matmul(features, features.T, precision=HIGHEST)
    norms = jnp.diagonal(gram)
    squared = jnp.maximum(norms[:, None] + norms[None, :] - 2.0 * gram, 0.0)
    similar = labels[:, None] == labels[None, :]
    pairs = jnp.triu(jnp.ones_like(squared), k=1)
    return _reduce(_pair_costs(squared, similar, margin), pairs, convention)


def multi_objective(
    logits: jax.Array,
    features: jax.Array,
    labels: jax.Array,
    *,
    contrastive_weight: float | jax.Array,
    margin: float,
    convention: Convention = "caffe",
    pairs: Pairs = "all",
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Cross-entropy + contrastive_weight * contrastive loss over pairs of the batch (paper, section 3.2).

    Args:
        logits: [B, C] of the primary task.
        features: [B, ...] output of the layer where the network will be split.
        labels: [B] primary labels.
        contrastive_weight: weight of the contrastive term; 0 is the simple baseline.
        margin: as in `contrastive`.
        convention: as in `contrastive`.
        pairs: `all` pairs of the batch; or `aligned`: the first half of the batch, one branch of the twin network, with
            the second half, the other branch, and the sum of both branches' cross-entropy (reference (c)).

    Returns:
        The weighted sum, and its unweighted terms `cross_entropy` and `contrastive`.

    Raises:
        errors.UserError: an unknown convention or choice of pairs, or aligned pairs of an odd batch.
    """
    if pairs not in get_args(Pairs):
        raise errors.unknown("choice of pairs", pairs, get_args(Pairs))
    if pairs == "aligned":
        flat = features.reshape(len(features), -1)
        half, odd = divmod(len(flat), 2)
        if odd:
            raise errors.UserError(f"a batch of {len(flat)}: aligned pairs need an even number")
        similar = labels[:half] == labels[half:]
        apart = contrastive(flat[:half], flat[half:], similar, margin=margin, convention=convention)
    else:
        apart = contrastive_in_batch(features, labels, margin=margin, convention=convention)
    terms = {"cross_entropy": cross_entropy(logits, labels, pairs=pairs), "contrastive": apart}
    return terms["cross_entropy"] + contrastive_weight * terms["contrastive"], terms


def _pair_costs(squared: jax.Array, similar: jax.Array, margin: float) -> jax.Array:
    # The gradient of sqrt at 0 is infinite, and inf * 0 is NaN: at distance 0 the root is taken of 1 instead.
    apart = squared > 0.0
    distance = jnp.where(apart, jnp.sqrt(jnp.where(apart, squared, 1.0)), 0.0)
    return jnp.where(similar, squared, jnp.square(jnp.maximum(0.0, margin - distance)))


def _reduce(costs: jax.Array, pairs: jax.Array, convention: Convention) -> jax.Array:
    if convention not in get_args(Convention):
        raise errors.unknown("contrastive convention", convention, get_args(Convention))
    mean = jnp.sum(costs * pairs) / jnp.maximum(jnp.sum(pairs), 1.0)
    return mean / 2.0 if convention == "caffe" else mean
