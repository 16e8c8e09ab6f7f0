"""The two halves of an embedding as functions of their variables and of arrays: what converters take."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import numpy as np

from hybrid_jax.embedding import METHODS, Embedding

INPUT, NORMAL, FEATURE, LOGITS = "input", "standard_normal", "feature", "logits"
BLOCK = 64  # samples at once: of large images hardly more fit


def on_cpu() -> Any:
    """A context in which JAX computes in float32 as it is: a GPU rounds what it multiplies to a third of its digits."""
    return jax.default_device(jax.devices("cpu")[0])


@dataclass(frozen=True, eq=False)
class Half:
    """A function to convert.

    Attributes:
        function: takes `variables` and an array [B, ...] for each of `inputs`, in order, and returns one.
        variables: a tree of arrays. Apart from the function, since a converter that meets hundreds of megabytes in the
            middle of a program holds them many times over.
        inputs: the shape of each input, without the batch, by its name in the file.
        output: name of what it returns.
    """

    function: Callable[..., jax.Array]
    variables: Any
    inputs: dict[str, tuple[int, ...]]
    output: str

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        """The output [N, ...] of JAX itself for arrays [N, ...]."""
        run, size = jax.jit(self.function), len(arrays[0])
        blocks = (slice(i, i + BLOCK) for i in range(0, size, BLOCK))
        with on_cpu():
            found = [np.asarray(run(self.variables, *(a[rows] for a in arrays))) for rows in blocks]
        return np.concatenate(found)

    @property
    def closed(self) -> Callable[..., jax.Array]:
        """The function of the arrays alone, the variables inside."""
        return partial(self.function, self.variables)

    @property
    def specs(self) -> tuple[jax.ShapeDtypeStruct, ...]:
        """Of one sample of each input."""
        return tuple(
            jax.ShapeDtypeStruct((1, *shape), np.float32) for shape in self.inputs.values()
        )

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output, without the batch."""
        return jax.eval_shape(self.function, self.variables, *self.specs).shape[1:]


def device_half(
    embedding: Embedding, variables: dict[str, Any], input_shape: tuple[int, ...]
) -> Half:
    """What runs on the phone: `Embedding.extractor`.

    Of a noisy method it takes the standard-normal draw as a second input, for the phone's secure generator to give, and
    scales it in the graph.
    """
    inputs = {INPUT: input_shape}
    if METHODS[embedding.method].noisy:
        inputs[NORMAL] = dimension(embedding, variables)
    own = _of(variables, "extractor", "reduction", "noise_std")
    return Half(partial(_extracted, embedding), own, inputs, FEATURE)


def cloud_half(embedding: Embedding, variables: dict[str, Any]) -> Half:
    """What runs on the server: `Embedding.classifier`, exclusive features to logits."""
    own = _of(variables, "classifier", "reduction")
    return Half(embedding.classifier, own, {FEATURE: dimension(embedding, variables)}, LOGITS)


def on_premise(
    embedding: Embedding, variables: dict[str, Any], input_shape: tuple[int, ...]
) -> Half:
    """The network on the phone alone (the paper's on-premise): both halves, and nothing in between."""
    embedding = replace(embedding, method="simple", reduction="none", clip_norm=None)

    def classified(variables: dict[str, Any], x: jax.Array) -> jax.Array:
        return embedding.classifier(variables, embedding.extractor(variables, x, None))

    own = _of(variables, "extractor", "classifier", "reduction")
    return Half(classified, own, {INPUT: input_shape}, LOGITS)


def dimension(embedding: Embedding, variables: dict[str, Any]) -> tuple[int]:
    """Shape of an exclusive feature: (d,)."""
    feature = jax.ShapeDtypeStruct((1, int(np.prod(embedding.feature_shape))), np.float32)
    return jax.eval_shape(lambda f: embedding.reduce(variables, f), feature).shape[1:]


def _extracted(embedding: Embedding, variables: dict[str, Any], x: jax.Array, normal=None):
    return embedding.extractor(variables, x, normal)


def _of(variables: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: variables[name] for name in names}
