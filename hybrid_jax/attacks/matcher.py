"""A classifier of people on raw inputs: what re-identifies rebuilt ones."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from hybrid_jax import inference
from hybrid_jax.stages import Network


@dataclass(frozen=True, eq=False)
class Matcher:
    """A trained network that names the person.

    Attributes:
        network: from inputs [B, ...] to logits [B, K].
        variables: its variables.
    """

    network: Network
    variables: dict[str, Any]

    def probabilities(self, inputs: jax.Array) -> np.ndarray:
        """[n, ...] inputs to [n, K]."""
        return np.asarray(inference.map_blocks(_Matched(self.network), self.variables, inputs))


@dataclass(frozen=True)
class _Matched:
    network: Network

    def __call__(self, variables: Any, x: jax.Array) -> jax.Array:
        return jax.nn.softmax(self.network.apply(variables, x)[0])
