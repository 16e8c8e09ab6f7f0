"""Apply a function to many samples, a block at a time."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import mesh, noise
from hybrid_jax.data.samples import Inputs
from hybrid_jax.embedding import Embedding
from hybrid_jax.stages import Network

BLOCK = 256  # samples at once: more would fall out of the cache
NOISY_BLOCK = 512  # of exclusive features, which are smaller, at most
NUMBERS = 2**19  # in a block of what the cloud half begins with, at most: a CPU's cache holds it


@partial(jax.jit, static_argnames=("function", "block_size"))
def map_blocks(
    function: Callable[[Any, Any], jax.Array],
    arguments: Any,
    samples: Any,
    *,
    block_size: int = BLOCK,
) -> jax.Array:
    """`function(arguments, block)` over blocks of samples, joined.

    Args:
        function: static; maps a pytree of [block_size, ...] to an array [block_size, ...].
        arguments: handed on as they are.
        samples: pytree of arrays [N, ...].
        block_size: rows of a block on each device; the last one is filled up with copies of row 0, and cut.

    Returns:
        [N, ...].
    """
    size = jax.tree.leaves(samples)[0].shape[0]
    block_size *= mesh.size()
    blocks = -(-size // block_size)
    rows = jnp.arange(blocks * block_size, dtype=jnp.int32)
    rows = jnp.where(rows < size, rows, 0).reshape(blocks, block_size)
    results = jax.lax.map(
        lambda r: function(arguments, jax.tree.map(lambda a: a[mesh.split(r)], samples)), rows
    )
    return mesh.whole(results.reshape(blocks * block_size, *results.shape[2:])[:size])


@dataclass(frozen=True)
class _Outputs:
    network: Network
    inputs: Inputs | None

    def __call__(self, arguments: tuple[Any, Any], samples: jax.Array) -> jax.Array:
        variables, data = arguments
        x = samples if self.inputs is None else self.inputs(data, samples)
        return self.network.apply(variables, x)[0]


@dataclass(frozen=True)
class _Predictions:
    embedding: Embedding

    def __call__(self, variables: Any, z: jax.Array) -> jax.Array:
        return jnp.argmax(self.embedding.classifier(variables, z), axis=-1)


@dataclass(frozen=True)
class _NoisyPredictions:
    embedding: Embedding

    def __call__(self, arguments: Any, samples: tuple[jax.Array, jax.Array]) -> jax.Array:
        shared, classifiers, keys, noise_std = arguments
        z, index = samples

        def draw(at: tuple[jax.Array, jax.Array]) -> jax.Array:
            key, first = at
            normal = noise.standard_normal(key, index, z.shape[1])

            def level(at: tuple[jax.Array, Any]) -> jax.Array:
                std, classifier = at

                def predicted() -> jax.Array:
                    variables = {**shared, "classifier": classifier}
                    logits = self.embedding.classifier(variables, noise.add(z, std, normal))
                    return jnp.argmax(logits, axis=-1).astype(jnp.uint16)

                # Without noise all draws are the first.
                return jax.lax.cond(
                    first | (std > 0), predicted, lambda: jnp.zeros_like(index, jnp.uint16)
                )

            return jax.lax.map(level, (noise_std, classifiers))

        return jnp.moveaxis(jax.lax.map(draw, (keys, jnp.arange(len(keys)) == 0)), -1, 0)


def outputs(
    network: Network,
    variables: Any,
    samples: jax.Array | np.ndarray,
    inputs: Inputs | None = None,
    data: Any = None,
) -> jax.Array:
    """A network's output [N, ...], in eval mode.

    Args:
        network: the network.
        variables: its variables.
        samples: [N, ...] its inputs; or their numbers [N], where `inputs` makes those of `data`.
        inputs: see `Inputs`.
        data: what it takes.
    """
    return map_blocks(_Outputs(network, inputs), (variables, data), samples)


def predictions(embedding: Embedding, variables: Any, z: jax.Array) -> jax.Array:
    """The cloud's predictions [N], class numbers, for exclusive features [N, d]."""
    return map_blocks(_Predictions(embedding.noise_free), variables, z)


def noisy_predictions(
    embedding: Embedding,
    variables: dict[str, Any],
    classifiers: list[Any],
    z: jax.Array,
    index: jax.Array | np.ndarray,
    key: jax.Array,
    noise_std: np.ndarray,
    num_draws: int,
) -> np.ndarray:
    """The cloud's predictions for noisy exclusive features, class numbers [S, G, N].

    Args:
        embedding: the pair of functions.
        variables: its variables; those of the cloud half are not used.
        classifiers: G of them, the variables of the cloud half at each noise.
        z: [N, d] noise-free exclusive features.
        index: [N] the samples' numbers, which choose their noise.
        key: draw s is made from fold_in(key, s).
        noise_std: [G], in the exclusive feature's units.
        num_draws: S.
    """
    shared = {name: value for name, value in variables.items() if name != "classifier"}
    arguments = (
        shared,
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *classifiers),
        jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(num_draws)),
        jnp.asarray(noise_std, jnp.float32),
    )
    function = _NoisyPredictions(embedding.noise_free)
    block_size = NOISY_BLOCK
    if jax.default_backend() == "cpu":
        fit = max(1, NUMBERS // math.prod(embedding.feature_shape))
        block_size = min(block_size, 1 << fit.bit_length() - 1)
    found = map_blocks(function, arguments, (z, jnp.asarray(index)), block_size=block_size)
    found = np.moveaxis(np.asarray(found), 0, -1).copy()
    found[1:, noise_std == 0] = found[:1, noise_std == 0]
    return found
