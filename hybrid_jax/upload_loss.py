"""Training on uploads: cross-entropy of what a network makes of features with noise drawn anew at each step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from hybrid_jax import noise
from hybrid_jax.embedding import Embedding
from hybrid_jax.stages import Network


@dataclass(frozen=True)
class Reader:
    """A network that reads uploads.

    Attributes:
        prepare: `prepare(frozen, z)` makes its input of uploads z [B, d] and of what training leaves alone; hashable.
        network: from that to logits [B, K].
    """

    prepare: Callable[[Any, jax.Array], jax.Array]
    network: Network

    def logits(self, variables: Any, frozen: Any, z: jax.Array) -> jax.Array:
        """[B, d] uploads to [B, K], in eval mode."""
        return self.network.apply(variables, self.prepare(frozen, z))[0]


@dataclass(frozen=True)
class Reconstructed:
    """A `Reader.prepare`: the feature in its own shape, reconstructed where reduced, then through stages that stay."""

    embedding: Embedding
    kept: Network | None = None

    def __call__(self, frozen: Any, z: jax.Array) -> jax.Array:
        """[B, d] to [B, ...], in eval mode."""
        x = self.embedding.reconstruct(frozen, z)
        return x if self.kept is None else self.kept.apply(frozen["classifier"], x)[0]


@dataclass(frozen=True)
class UploadLoss:
    """The loss of a reader; a `train.Loss`.

    Its data: `z` [N, d] without noise, `noise_std`, `labels` [N], the samples' `weights` [N], and `frozen`.
    """

    of: Reader

    def __call__(
        self, params: Any, model_state: Any, data: Mapping, indices: jax.Array, key: jax.Array
    ):
        """See `train.Loss`."""
        noise_key, dropout_key = jax.random.split(key)
        z = data["z"][indices]
        z = noise.add(z, data["noise_std"], jax.random.normal(noise_key, z.shape, z.dtype))
        (logits, _), model_state = self.of.network.apply(
            {"params": params, **model_state},
            self.of.prepare(data["frozen"], z),
            train=True,
            rngs={"dropout": dropout_key},
            mutable=tuple(model_state),
        )
        labels = data["labels"][indices]
        costs = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return jnp.mean(data["weights"][indices] * costs), ({}, model_state)
