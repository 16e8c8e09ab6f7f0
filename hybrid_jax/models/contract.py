"""What a network has to be: tried stage by stage, without computing anything."""

import dataclasses
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from hybrid_jax.errors import UserError, told
from hybrid_jax.stages import Network, Stage, retargeted

# Flax's own names; and it takes a stage's params for those of the whole.
TAKEN = frozenset((*dir(Network), "name", "parent", "scope", "stages", "params"))


def check(name: str, network: Any, shape: tuple[int, ...], num_classes: int, dataset: str) -> None:
    """Raises `UserError` unless a network keeps the contract of `docs/own_network.md`.

    Args:
        name: what the network is called, for messages.
        network: what was made for one task of `num_classes`.
        shape: of one input.
        num_classes: how many logits there are to be.
        dataset: what the inputs are of.
    """
    if not isinstance(network, Network):
        raise UserError(
            f"model {name} gives {type(network).__name__}: return stages.Network, a tuple of named stages"
        )
    if not isinstance(network.stages, tuple):
        raise UserError(
            f"model {name}: its stages are a {type(network.stages).__name__}: give Network a tuple of them"
        )
    for stage in network.stages:
        if not isinstance(stage, Stage) or not isinstance(stage.module, nn.Module):
            raise UserError(
                f"model {name}: {type(stage).__name__} among its stages: each is Stage(name, module), of a Flax module"
            )
    names = network.layers
    if len(names) < 2:
        raise UserError(f"model {name} has {len(names)} stages: to be split it needs two or more")
    for stage in network.stages:
        if names.count(stage.name) > 1:
            raise UserError(f"model {name}: two stages are called {stage.name!r}: names are unique")
        if stage.name in TAKEN or not str(stage.name).isidentifier():
            raise UserError(
                f"model {name}: a stage cannot be called {stage.name!r}: give a name of letters, digits and _ that Flax"
                " has not taken"
            )
        _check_hash(name, stage)
    _check_logits(name, network, shape, num_classes, dataset, TRIED)
    # As attackers and matchers need it: the same stages for another target.
    other = retargeted(network, num_classes + 1)
    _check_logits(name, other, shape, num_classes + 1, dataset, TRIED[:1])


def stages_with_weights(network: Network, shape: tuple[int, ...]) -> frozenset[str]:
    """Names of the stages that training can change."""
    x = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    found = jax.eval_shape(lambda x: network.init(jax.random.key(0), x, train=False), x)
    return frozenset(found.get("params", {}))


def _check_hash(name: str, stage: Stage) -> None:
    """Compiled functions are kept by the network that they are of."""
    for field in dataclasses.fields(stage.module):
        value = getattr(stage.module, field.name)
        try:
            hash(value)
        except TypeError as error:
            raise UserError(
                f"model {name}: field {field.name!r} of stage {stage.name!r} is no constant ({error}): give a tuple,"
                " not a list, dict or array"
            ) from None


def _begun(network: Network, _: Mapping, x: jax.Array) -> tuple[Any, Any]:
    (x, _), variables = network.init_with_output(jax.random.key(0), x, train=False)
    return x, variables


def _asked(network: Network, variables: Mapping, x: jax.Array) -> tuple[Any, Any]:
    return network.apply(variables, x)[0], variables


def _trained(network: Network, variables: Mapping, x: jax.Array) -> tuple[Any, Any]:
    (x, _), state = network.apply(
        variables,
        x,
        train=True,
        rngs={"dropout": jax.random.key(0)},
        mutable=[name for name in variables if name != "params"],
    )
    return x, {**variables, **state}


# As a run uses a network, each on a batch of another size, one of them odd: what it is used for, samples, how.
TRIED = (("", 1, _begun), ("", 2, _asked), (" as it trains", 3, _trained))


@lru_cache(16)  # a sweep asks the same of each point
def _check_logits(
    name: str,
    network: Network,
    shape: tuple[int, ...],
    num_classes: int,
    dataset: str,
    tried: tuple,
) -> None:
    at = {size: jax.ShapeDtypeStruct((size, *shape), jnp.float32) for _, size, _ in tried}
    for stage in network.stages:
        variables: Any = {}
        for when, size, use in tried:
            given, about = at[size], f"model {name}: stage {stage.name!r}"
            try:
                x, after = jax.eval_shape(partial(use, Network((stage,))), variables, given)
            except Exception as error:  # whatever a network of the user's own makes of it
                raise UserError(
                    f"{about} does not take {list(given.shape)}{when}, from inputs {list(shape)} of {dataset}:"
                    f" {told(error)}"
                ) from error
            if not hasattr(x, "shape") or x.shape[:1] != (size,) or 0 in x.shape:
                found = list(x.shape) if hasattr(x, "shape") else type(x).__name__
                raise UserError(
                    f"{about} gives {found} of {list(given.shape)}{when}: it gives one array [B, ...] that is not empty"
                )
            if variables and not _alike(variables, after):
                raise UserError(
                    f"{about} has other variables{when} than at first: their names, shapes and types stay as they are"
                )
            at[size], variables = x, after
    for size, x in at.items():
        if x.shape != (size, num_classes):
            raise UserError(
                f"model {name}: the last stage gives {list(x.shape)}: of a task of {num_classes} classes logits"
                f" [B, {num_classes}]"
            )


def _alike(one: Mapping, other: Mapping) -> bool:
    kinds = [jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), of) for of in (one, other)]
    return kinds[0] == kinds[1]
