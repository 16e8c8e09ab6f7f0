"""A multilayer perceptron on the exclusive feature itself."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.attacks import network
from hybrid_jax.attacks.knowledge import Finder
from hybrid_jax.models.mlp import mlp
from hybrid_jax.upload_loss import Reader


def standardised(frozen: Any, z: jax.Array) -> jax.Array:
    """[B, d] features less their mean, over the deviation of an upload."""
    return (z - frozen["mean"][None]) / frozen["std"][None]


class MLP(Finder):
    """Two hidden layers, trained anew on noisy features: the fresh classifier of the transfer attack's other route."""

    def fit(self, features: np.ndarray, labels: np.ndarray) -> None:
        """See `Attacker.fit`."""
        variance = features.var(axis=0) + self.knowledge.noise_std**2
        deviation = np.sqrt(variance)
        frozen = {
            "mean": jnp.asarray(features.mean(axis=0), jnp.float32),
            # A coordinate that never changes says nothing, and must not be divided by nothing.
            "std": jnp.asarray(np.where(deviation > 0, deviation, 1.0), jnp.float32),
        }
        of = Reader(standardised, mlp(self.knowledge.num_classes))
        self.found = network.fit(of, frozen, features, labels, self.knowledge)
