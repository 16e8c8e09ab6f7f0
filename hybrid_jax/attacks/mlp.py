"""A multilayer perceptron on the exclusive feature itself."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.attacks import network
from hybrid_jax.attacks.knowledge import Knowledge
from hybrid_jax.models.mlp import mlp
from hybrid_jax.upload_loss import Reader


def standardised(frozen: Any, z: jax.Array) -> jax.Array:
    """[B, d] features less their mean, over the deviation of an upload."""
    return (z - frozen["mean"][None]) / frozen["std"][None]


class MLP:
    """Two hidden layers, trained anew on noisy features: the fresh classifier of the transfer attack's other route."""

    def __init__(self, knowledge: Knowledge):
        self._knowledge = knowledge

    def fit(self, features: np.ndarray, labels: np.ndarray) -> None:
        """See `Attacker.fit`."""
        variance = features.var(axis=0) + self._knowledge.noise_std**2
        deviation = np.sqrt(variance)
        frozen = {
            "mean": jnp.asarray(features.mean(axis=0), jnp.float32),
            # A coordinate that never changes says nothing, and must not be divided by nothing.
            "std": jnp.asarray(np.where(deviation > 0, deviation, 1.0), jnp.float32),
        }
        of = Reader(standardised, mlp(self._knowledge.num_classes))
        self._trained = network.fit(of, frozen, features, labels, self._knowledge)

    def predict_proba(self, uploads: np.ndarray) -> np.ndarray:
        """See `Attacker.predict_proba`."""
        return self._trained.predict_proba(uploads)
