"""Reconstruction: a decoder from uploads back to the input (paper, section 4.3)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import inference, noise, rng
from hybrid_jax.attacks import network
from hybrid_jax.phase import Budget
from hybrid_jax.stages import Network

# inputs(data, indices [B]) -> [B, ...]: what the decoder is to rebuild; hashable, and it may gather from `data`.
Inputs = Callable[[Mapping[str, Any], jax.Array], jax.Array]


@dataclass(frozen=True)
class DecoderLoss:
    """Mean squared error of inputs rebuilt from features with fresh noise; a `train.Loss`."""

    network: Network
    inputs: Inputs

    def __call__(
        self, params: Any, model_state: Any, data: Mapping, indices: jax.Array, key: jax.Array
    ):
        """See `train.Loss`."""
        z = data["z"][indices]
        z = noise.add(z, data["noise_std"], jax.random.normal(key, z.shape, z.dtype))
        (rebuilt, _), model_state = self.network.apply(
            {"params": params, **model_state},
            _scaled(data, z),
            train=True,
            rngs={"dropout": jax.random.fold_in(key, 1)},
            mutable=tuple(model_state),
        )
        error = rebuilt - self.inputs(data, indices)
        return jnp.mean(jnp.square(error)), ({}, model_state)


@dataclass(frozen=True)
class _Rebuilt:
    network: Network

    def __call__(self, arguments: tuple[Any, Mapping], z: jax.Array) -> jax.Array:
        variables, data = arguments
        return self.network.apply(variables, _scaled(data, z))[0]


@dataclass(frozen=True, eq=False)
class Decoder:
    """A trained decoder."""

    network: Network
    variables: dict[str, Any]
    scale: dict[str, jax.Array]

    def __call__(self, uploads: jax.Array) -> jax.Array:
        """Uploads [n, d] to rebuilt inputs [n, ...]."""
        return inference.map_blocks(
            _Rebuilt(self.network), (self.variables, self.scale), jnp.asarray(uploads)
        )


def fit(
    decoder: Network,
    inputs: Inputs,
    data: Mapping[str, Any],
    z: jax.Array,
    noise_std: float,
    budget: Budget,
    key: jax.Array,
) -> Decoder:
    """Trains a decoder on noisy features, drawn anew at each step.

    Args:
        decoder: from vectors [B, d] to what `inputs` gives.
        inputs: see `Inputs`; asked for samples 0 to N - 1.
        data: handed to `inputs`.
        z: [N, d] noise-free features.
        noise_std: of the noise in an upload, in their units.
        budget: steps and learning rate.
        key: of all randomness.

    Returns:
        The decoder of the last stop.
    """
    z = jnp.asarray(z, jnp.float32)
    deviation = np.sqrt(np.asarray(z).var() + noise_std**2)
    scale = {"z_mean": z.mean(axis=0), "z_std": jnp.float32(deviation or 1.0)}
    own = {**scale, "z": z, "noise_std": jnp.float32(noise_std)}
    if taken := own.keys() & data.keys():
        raise ValueError(f"data has {', '.join(sorted(taken))}, which are the decoder's own names")
    data = {**data, **own}
    variables = _init(decoder, rng.named(key, "init"), z[:1])
    indices = jnp.arange(len(z), dtype=jnp.int32)
    found = network.stops(
        DecoderLoss(decoder, inputs), variables, data, indices, rng.named(key, "train"), budget
    )
    *_, variables = found
    return Decoder(decoder, variables, scale)


def _scaled(data: Mapping, z: jax.Array) -> jax.Array:
    # By one number: directions keep their weights, which noise has made unequal.
    return (z - data["z_mean"][None]) / data["z_std"]


@partial(jax.jit, static_argnums=0)
def _init(decoder: Network, key: jax.Array, z: jax.Array) -> Any:
    return decoder.init(key, z, train=False)
