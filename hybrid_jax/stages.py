"""A network is an ordered tuple of named stages; splitting it is slicing that tuple.

A stage is one layer of the paper's figures: whatever comes between the previous layer and this one (pooling, dropout,
flattening), then the layer, then its activation. So a cut after a stage is, as in the paper, inclusive of the layer:
after its activation and before the next pooling or dropout. Each stage names its parameters by its own name, so the two
halves of a split network find theirs in the variables of the whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
from flax import linen as nn

from hybrid_jax import errors

Variables = Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """A named step of a network: `module` is an unbound `nn.Module` with `__call__(x, train: bool)`."""

    name: str
    module: nn.Module


class Network(nn.Module):
    """Stages in order; the variables of each stand under its name."""

    stages: tuple[Stage, ...]

    def setup(self) -> None:
        for stage in self.stages:
            setattr(self, stage.name, stage.module.clone())

    def __call__(self, x: jax.Array, train: bool = False) -> tuple[Any, dict[str, Any]]:
        """Runs the stages.

        Args:
            x: [B, ...] what the first stage takes.
            train: whether dropout is on and batch statistics are updated; then needs a `dropout` key.

        Returns:
            The last stage's output (the logits, for a whole network), and every stage's output by name. What the
            caller does not use, jit removes.
        """
        features = {}
        for stage in self.stages:
            x = getattr(self, stage.name)(x, train=train)
            features[stage.name] = x
        return x, features

    @property
    def layers(self) -> tuple[str, ...]:
        """The stages' names, in order."""
        return tuple(stage.name for stage in self.stages)


class Split(NamedTuple):
    """A network cut in two after a layer: the device's half and the cloud's."""

    extractor: Network
    classifier: Network


def split_at(network: Network, layer: str) -> Split:
    """Cuts `network` after `layer`, inclusive of its activation (paper, section 3).

    Law: with `f, _ = extractor.apply(v, x)`, `classifier.apply(v, f)` equals `network.apply(v, x)` in eval mode, bit
    for bit on CPU. Both halves take the whole network's variables, or their own from `split_variables`.

    Raises:
        errors.UserError: the network has no such layer, or nothing is left after it.

    >>> split = split_at(Network((Stage("fc_1", nn.Dense(8)), Stage("logits", nn.Dense(4)))), "fc_1")
    >>> split.extractor.layers, split.classifier.layers
    (('fc_1',), ('logits',))
    """
    cuts = network.layers[:-1]
    if layer not in cuts:
        raise errors.unknown("layer", layer, cuts)
    after = cuts.index(layer) + 1
    return Split(Network(network.stages[:after]), Network(network.stages[after:]))


def own_variables(network: Network, variables: Variables) -> dict[str, Any]:
    """Those of `variables` (collections by stage name) that belong to the stages of `network`."""
    return {
        collection: {name: tree[name] for name in network.layers if name in tree}
        for collection, tree in variables.items()
    }


def split_variables(split: Split, variables: Variables) -> tuple[dict[str, Any], dict[str, Any]]:
    """The extractor's and the classifier's variables: disjoint, and together all of them."""
    return own_variables(split.extractor, variables), own_variables(split.classifier, variables)


def retargeted(network: Network, num_classes: int) -> Network:
    """The same stages with a head for one other task of `num_classes`.

    Raises:
        errors.UserError: the last stage has no field `tasks` to say what it is for (`models.dense.Heads`).
    """
    *stages, last = network.stages
    if not hasattr(last.module, "tasks"):
        raise errors.UserError(
            f"stage {last.name!r} has no field tasks: a network's last stage takes its tasks, as models.dense.Heads"
        )
    head = last.module.clone(tasks=(("target", num_classes),))
    return Network((*stages, Stage(last.name, head)))


def from_scratch(network: Network) -> Network:
    """The same stages for training that begins with fresh variables.

    A stage with a field `running` (`models.image_parts.BatchNorm`) then normalises by its batches: it has no statistics
    of earlier training to go by.
    """
    return Network(
        tuple(
            Stage(stage.name, stage.module.clone(running=False))
            if hasattr(stage.module, "running")
            else stage
            for stage in network.stages
        )
    )
