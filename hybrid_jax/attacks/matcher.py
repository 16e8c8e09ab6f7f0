"""A classifier of people on raw inputs: what re-identifies rebuilt ones."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import inference
from hybrid_jax.stages import Network, split_at


@dataclass(frozen=True, eq=False)
class Matcher:
    """A trained network that names people, and by what it sees of them tells others apart.

    Attributes:
        network: from inputs [B, ...] to logits [B, K].
        variables: its variables.
    """

    network: Network
    variables: dict[str, Any]

    def probabilities(self, inputs: jax.Array) -> np.ndarray:
        """[n, ...] inputs to [n, K]: for people whom it was trained on."""
        return np.asarray(jax.nn.softmax(inference.outputs(self.network, self.variables, inputs)))

    def vectors(self, inputs: np.ndarray) -> np.ndarray:
        """[n, ...] inputs to unit vectors [n, D]: of any people; their products are cosines."""
        below = split_at(self.network, self.network.layers[-2]).extractor
        found = np.asarray(inference.outputs(below, self.variables, jnp.asarray(inputs)))
        found = found.reshape(len(found), -1)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
