"""The two halves of an embedding as functions of arrays alone, their parameters inside: what converters take."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from hybrid_jax.embedding import METHODS, Embedding

INPUT, NORMAL, FEATURE, LOGITS = "input", "standard_normal", "feature", "logits"


@dataclass(frozen=True, eq=False)
class Half:
    """A function to convert.

    Attributes:
        function: takes an array [B, ...] for each of `inputs`, in order, and returns one.
        inputs: the shape of each input, without the batch, by its name in the file.
        output: name of what it returns.
    """

    function: Callable[..., jax.Array]
    inputs: dict[str, tuple[int, ...]]
    output: str

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        """The output [B, ...] of JAX itself."""
        return np.asarray(jax.jit(self.function)(*arrays))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output, without the batch."""
        specs = (jax.ShapeDtypeStruct((1, *shape), np.float32) for shape in self.inputs.values())
        return jax.eval_shape(self.function, *specs).shape[1:]


def device_half(
    embedding: Embedding, variables: dict[str, Any], input_shape: tuple[int, ...]
) -> Half:
    """What runs on the phone: `Embedding.extractor`.

    Of a noisy method it takes the standard-normal draw as a second input, for the phone's secure generator to give, and
    scales it in the graph.
    """
    if not METHODS[embedding.method].noisy:
        return Half(
            lambda x: embedding.extractor(variables, x, None), {INPUT: input_shape}, FEATURE
        )
    return Half(
        lambda x, normal: embedding.extractor(variables, x, normal),
        {INPUT: input_shape, NORMAL: dimension(embedding, variables)},
        FEATURE,
    )


def cloud_half(embedding: Embedding, variables: dict[str, Any]) -> Half:
    """What runs on the server: `Embedding.classifier`, exclusive features to logits."""
    return Half(
        lambda z: embedding.classifier(variables, z),
        {FEATURE: dimension(embedding, variables)},
        LOGITS,
    )


def whole(embedding: Embedding, variables: dict[str, Any], input_shape: tuple[int, ...]) -> Half:
    """The network on the phone alone (the paper's on-premise): both halves of an embedding that changes nothing."""
    return Half(
        lambda x: embedding.classifier(variables, embedding.extractor(variables, x, None)),
        {INPUT: input_shape},
        LOGITS,
    )


def dimension(embedding: Embedding, variables: dict[str, Any]) -> tuple[int]:
    """Shape of an exclusive feature: (d,)."""
    feature = jax.ShapeDtypeStruct((1, int(np.prod(embedding.feature_shape))), np.float32)
    return jax.eval_shape(lambda f: embedding.reduce(variables, f), feature).shape[1:]
