"""A network as an attacker: trained on noisy features drawn anew at each step, stopped where validation is best."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import inference, mesh, rng, train
from hybrid_jax.attacks.knowledge import Knowledge, class_weights
from hybrid_jax.phase import Budget
from hybrid_jax.upload_loss import Reader, UploadLoss

FULL = 1024  # training sets of more samples are filled up to multiples of this
STOPS = 8  # of a training; the best of them on validation is kept


@dataclass(frozen=True)
class _Probabilities:
    of: Reader

    def __call__(self, arguments: tuple, z: jax.Array) -> jax.Array:
        variables, frozen = arguments
        return jax.nn.softmax(self.of.logits(variables, frozen, z))


class Trained:
    """What `fit` found; it has `predict_proba`."""

    def __init__(self, of: Reader, variables: Any, frozen: Any):
        self._of, self._arguments = of, (variables, frozen)

    def predict_proba(self, uploads: np.ndarray) -> np.ndarray:
        """See `Attacker.predict_proba`."""
        z = jnp.asarray(uploads, jnp.float32)
        return np.asarray(inference.map_blocks(_Probabilities(self._of), self._arguments, z))


def fit(
    of: Reader, frozen: Any, features: np.ndarray, labels: np.ndarray, knowledge: Knowledge
) -> Trained:
    """Trains a fresh network of `of`.

    Args:
        of: the network, and how its input is made of uploads.
        frozen: what `of.prepare` takes and training leaves as it is.
        features: [N, d], noise-free.
        labels: [N].
        knowledge: the noise, the budget and the validation features.

    Returns:
        The network of the stop, of `STOPS`, that did best on validation.
    """
    # Some once more: holdings come in many sizes, and each would be compiled for. Evenly spread: they lie by class.
    own = len(labels)
    full = -(-own // FULL) * FULL if own > FULL else own
    rows = np.arange(full) * own // full
    features, labels = features[rows], labels[rows]
    z = jnp.asarray(features, jnp.float32)
    variables = _init(of, rng.named(knowledge.key, "init"), frozen, z[:1])
    data = {
        "z": z,
        "labels": jnp.asarray(labels, jnp.int32),
        "weights": jnp.asarray(class_weights(labels), jnp.float32),
        "noise_std": jnp.float32(knowledge.noise_std),
        "frozen": frozen,
    }
    indices = jnp.arange(len(labels), dtype=jnp.int32)
    key = rng.named(knowledge.key, "train")
    found = stops(UploadLoss(of), variables, data, indices, key, knowledge.budget)
    return knowledge.choose(Trained(of, variables, frozen) for variables in found)


def stops(
    loss: train.Loss,
    variables: Mapping[str, Any],
    data: Any,
    indices: jax.Array,
    key: jax.Array,
    budget: Budget,
) -> Iterator[dict[str, Any]]:
    """Trains a network; yields its variables at each of `STOPS`, for whoever chooses between them.

    Args:
        loss: see `train.Loss`.
        variables: where to start.
        data: handed to the loss.
        indices: [N] int32, the samples to train on.
        key: of batches, noise and dropout.
        budget: steps and learning rate; batches are of no more than N.
    """
    size = len(indices)
    shared = max(size // mesh.size(), 1) * mesh.size()  # a batch that the devices can share
    budget = replace(budget, batch_size=min(budget.batch_size, shared))
    num_steps, _ = budget.steps(size)
    optimizer = budget.transformation(num_steps)
    steps = train.fit(
        loss,
        train.begin(variables, optimizer),
        data,
        indices,
        key,
        optimizer=optimizer,
        batch_size=budget.batch_size,
        num_steps=num_steps,
        steps_per_call=-(-num_steps // STOPS),
    )
    for state, _ in steps:
        # A copy: training gives its state away at the next step.
        yield jax.tree.map(jnp.copy, state.variables)


@partial(jax.jit, static_argnames="of")
def _init(of: Reader, key: jax.Array, frozen: Any, z: jax.Array) -> Any:
    return of.network.init(key, of.prepare(frozen, z), train=False)
