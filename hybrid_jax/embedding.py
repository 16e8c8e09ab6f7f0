"""The paper's embedding methods: an extractor for the device and a classifier for the cloud (paper, section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from hybrid_jax import errors, noise, reduction
from hybrid_jax.stages import Network, Split, split_at, split_variables


@dataclass(frozen=True)
class Method:
    """What a method does to the intermediate feature."""

    siamese: bool = False
    reduced: bool = False
    noisy: bool = False


METHODS = {
    "simple": Method(),
    "reduced": Method(reduced=True),
    "siamese": Method(siamese=True),
    "reduced_siamese": Method(siamese=True, reduced=True),
    "noisy": Method(noisy=True),
    "noisy_reduced": Method(reduced=True, noisy=True),
    "advanced": Method(siamese=True, reduced=True, noisy=True),
}


@dataclass(frozen=True)
class Embedding:
    """A network embedded by one method at one layer: a pair of pure functions, hashable, so a static argument of jit.

    Both functions take `variables`, made by `bind`: `extractor` and `classifier` (the halves' Flax variables),
    `reduction` (arrays of the reduction, or empty) and `noise_std` (a scalar).
    """

    split: Split
    layer: str
    method: str
    reduction: str  # `none`, or a key of `reduction.KINDS`
    feature_shape: tuple[int, ...]
    clip_norm: float | None = None

    @property
    def noise_free(self) -> "Embedding":
        """The same pair without noise: equal for all methods that share it, so that they share compilations."""
        return replace(self, method="simple" if self.reduction == "none" else "reduced")

    def feature(self, variables: dict[str, Any], x: jax.Array) -> jax.Array:
        """The intermediate feature, flattened: [B, ...] inputs to [B, D]."""
        feature, _ = self.split.extractor.apply(variables["extractor"], x)
        return feature.reshape(x.shape[0], -1)

    def reduce(self, variables: dict[str, Any], feature: jax.Array) -> jax.Array:
        """[B, D] features to the exclusive feature before noise, [B, d]: reduced and clipped as the method says."""
        if self.reduction != "none":
            feature = reduction.PROJECT[self.reduction](variables["reduction"], feature)
        if self.clip_norm is not None:
            square = jnp.sum(jnp.square(feature), axis=-1, keepdims=True)
            # The root of 0 has no finite gradient.
            norm = jnp.sqrt(jnp.maximum(square, jnp.finfo(jnp.float32).tiny))
            feature = feature * jnp.minimum(1.0, self.clip_norm / norm)
        return feature

    def extractor(
        self, variables: dict[str, Any], x: jax.Array, standard_normal: jax.Array | None
    ) -> jax.Array:
        """What runs on the device: inputs to the exclusive feature that is uploaded.

        Args:
            variables: from `bind`.
            x: [B, ...] standardised inputs.
            standard_normal: [B, d] draws from N(0, 1), scaled here by `noise_std`; a method without noise ignores
                them, and `None` will do. They are an input because a device draws them from its own secure generator.

        Returns:
            [B, d], d the reduced dimension, or the feature's for a method that does not reduce.
        """
        z = self.reduce(variables, self.feature(variables, x))
        if not METHODS[self.method].noisy:
            return z
        assert standard_normal is not None
        return noise.add(z, variables["noise_std"], standard_normal)

    def reconstruct(self, variables: dict[str, Any], z: jax.Array) -> jax.Array:
        """[B, d] exclusive features to the feature in its own shape, [B, ...]: what the rest of the network takes."""
        if self.reduction != "none":
            z = reduction.RECONSTRUCT[self.reduction](variables["reduction"], z)
        return z.reshape(z.shape[0], *self.feature_shape)

    def classifier(self, variables: dict[str, Any], z: jax.Array) -> jax.Array:
        """What runs in the cloud: exclusive features [B, d], reconstructed where reduced, to logits [B, C]."""
        logits, _ = self.split.classifier.apply(
            variables["classifier"], self.reconstruct(variables, z)
        )
        return logits

    def bind(
        self,
        network_variables: dict[str, Any],
        reduced: dict[str, jax.Array] | None = None,
        noise_std: float = 0.0,
    ) -> dict[str, Any]:
        """The variables of both functions, from the whole network's, a fitted reduction and a noise level >= 0."""
        if not noise_std >= 0.0:
            raise errors.UserError(f"noise_std {noise_std}: a standard deviation is 0 or more")
        extractor, classifier = split_variables(self.split, network_variables)
        return {
            "extractor": extractor,
            "classifier": classifier,
            "reduction": dict(reduced or {}),
            "noise_std": jnp.float32(noise_std),
        }


def network_variables(variables: dict[str, Any]) -> dict[str, Any]:
    """The whole network's variables, of those of both functions (`Embedding.bind`)."""
    halves = variables["extractor"], variables["classifier"]
    names = {name for half in halves for name in half}
    return {
        name: {stage: own for half in halves for stage, own in half.get(name, {}).items()}
        for name in names
    }


def embed(
    network: Network,
    layer: str,
    method: str,
    *,
    input_shape: Sequence[int],
    kind: str = "pca",
    clip_norm: float | None = None,
) -> Embedding:
    """Embeds `network` by `method` at `layer`.

    Args:
        network: the whole network; for a Siamese method the variables given to `bind` are the fine-tuned ones.
        layer: where to split, inclusive.
        method: one of `METHODS`.
        input_shape: shape of one input, without the batch.
        kind: the reduction of a method that reduces: `pca` or `autoencoder`.
        clip_norm: bound on the exclusive feature's L2 norm before noise, in its own units; `None`: not clipped.

    Raises:
        errors.UserError: an unknown layer, method or reduction, or a clip_norm that is not positive.
    """
    if method not in METHODS:
        raise errors.unknown("method", method, METHODS)
    if kind not in reduction.KINDS:
        raise errors.unknown("reduction", kind, reduction.KINDS)
    if clip_norm is not None and not clip_norm > 0.0:
        raise errors.UserError(f"clip_norm {clip_norm}: a bound on a norm is above 0")
    split = split_at(network, layer)
    return Embedding(
        split=split,
        layer=layer,
        method=method,
        reduction=kind if METHODS[method].reduced else "none",
        feature_shape=feature_shape(split.extractor, input_shape),
        clip_norm=clip_norm,
    )


def feature_shape(extractor: Network, input_shape: Sequence[int]) -> tuple[int, ...]:
    """Shape of one feature, found without computing any."""
    x = jax.ShapeDtypeStruct((1, *input_shape), jnp.float32)
    feature, _ = jax.eval_shape(lambda x: extractor.init_with_output(jax.random.key(0), x)[0], x)
    return feature.shape[1:]
