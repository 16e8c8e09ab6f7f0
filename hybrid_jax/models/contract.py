"""What a network has to be: tried stage by stage, without computing anything."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from hybrid_jax.errors import UserError
from hybrid_jax.stages import Network, retargeted

BATCH = 2
TAKEN = frozenset((*dir(Network), "name", "parent", "scope", "stages"))  # Flax's own names


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
    names = network.layers
    if len(names) < 2:
        raise UserError(f"model {name} has {len(names)} stages: to be split it needs two or more")
    for stage in names:
        if names.count(stage) > 1:
            raise UserError(f"model {name}: two stages are called {stage!r}: names are unique")
        if stage in TAKEN or not stage.isidentifier():
            raise UserError(
                f"model {name}: a stage cannot be called {stage!r}: give a name of letters, digits and _ that Flax has"
                " not taken"
            )
    _check_logits(name, network, (BATCH, *shape), num_classes, dataset)
    # As attackers and matchers need it: the same stages for another target.
    _check_logits(
        name, retargeted(network, num_classes + 1), (BATCH, *shape), num_classes + 1, dataset
    )


def stages_with_weights(network: Network, shape: tuple[int, ...]) -> frozenset[str]:
    """Names of the stages that training can change."""
    x = jax.ShapeDtypeStruct((BATCH, *shape), jnp.float32)
    found = jax.eval_shape(lambda x: network.init(jax.random.key(0), x, train=False), x)
    return frozenset(found.get("params", {}))


def _check_logits(
    name: str, network: Network, shape: tuple[int, ...], num_classes: int, dataset: str
) -> None:
    x: Any = jax.ShapeDtypeStruct(shape, jnp.float32)
    for stage in network.stages:
        given = x.shape
        try:
            x = jax.eval_shape(partial(_output, Network((stage,))), x)
        except Exception as error:  # whatever a network of the user's own makes of it
            line = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"model {name}: stage {stage.name!r} does not take {list(given)}, from inputs {list(shape[1:])} of"
                f" {dataset}: {line}"
            ) from error
        if not hasattr(x, "shape") or x.shape[:1] != (BATCH,) or 0 in x.shape:
            raise UserError(
                f"model {name}: stage {stage.name!r} gives {getattr(x, 'shape', type(x).__name__)} of {list(given)}: it"
                " gives one array [B, ...] that is not empty"
            )
    if x.shape != (BATCH, num_classes):
        raise UserError(
            f"model {name}: the last stage gives {list(x.shape)}: of a task of {num_classes} classes logits"
            f" [B, {num_classes}]"
        )


def _output(network: Network, x: jax.Array) -> Any:
    return network.init_with_output(jax.random.key(0), x, train=False)[0][0]
