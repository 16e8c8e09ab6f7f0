"""Networks by name, each made for a task by `make(tasks, **settings)`. A config file of your own may add one."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from hybrid_jax.errors import UserError, told, unknown
from hybrid_jax.models.mini_xception import mini_xception
from hybrid_jax.models.mtcnn import mtcnn
from hybrid_jax.models.vgg16 import vgg16
from hybrid_jax.stages import Network

MODELS: dict[str, Callable[..., Network]] = {
    "mtcnn": mtcnn,
    "mini_xception": mini_xception,
    "vgg16": vgg16,
}
AXES = {"mtcnn": 2, "mini_xception": 3, "vgg16": 3}  # of an input
KINDS = {1: "vectors", 2: "windows", 3: "images"}
# Of those that take images: channels, and the smallest side. A network of the user's own may say so too.
IMAGES: dict[str, tuple[int, int]] = {"mini_xception": (1, 20), "vgg16": (3, 48)}
START = (
    "pretrained",
    "fresh",
    "frozen",
)  # what a model's settings say of its training, not of its network


def make(model: Mapping[str, Any], tasks: dict[str, int], *, as_one: bool = False) -> Network:
    """The network of a config's `model` section.

    Args:
        model: its name and settings.
        tasks: output units by task name.
        as_one: whether each layer is one operation, as converters know it, where the network distinguishes.

    Raises:
        errors.UserError: a network or a setting that is not known, or what the network's function raises.
    """
    settings = {name: value for name, value in model.items() if name not in START}
    name = settings.pop("name")
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    signature = inspect.signature(MODELS[name])
    known = signature.parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in known.values())
    if not takes_all and (strange := settings.keys() - known.keys()):
        raise UserError(
            f"config.model has {', '.join(sorted(strange))}, which {name} does not take: it takes {', '.join(known)}"
        )
    if as_one and "as_one" in known:
        settings["as_one"] = True
    try:
        signature.bind(tasks, **settings)
    except TypeError as error:
        raise UserError(
            f"model {name} is made by {name}(tasks, **config.model), which it does not take: {error}"
        ) from None
    try:
        return MODELS[name](tasks, **settings)
    except UserError:
        raise
    except Exception as error:  # whatever code of the user's own raises
        raise UserError(f"model {name} cannot be made: {told(error)}") from error


def check_input(name: str, shape: tuple[int, ...], dataset: str) -> None:
    """Raises `UserError` unless inputs of this shape are what a network takes; one of the user's own is tried."""
    axes = AXES.get(name, len(shape))
    if len(shape) != axes:
        known = [other for other, own in AXES.items() if own == len(shape)]
        remedy = f"set config.model.name to {' or '.join(known)}" if known else "give your own"
        raise UserError(f"model {name} takes {KINDS[axes]}, which {dataset} has not: {remedy}")
    if name in IMAGES:
        channels, least = IMAGES[name]
        if shape[-1] != channels:
            raise UserError(
                f"model {name} takes images of {channels} channel{'s'[: channels > 1]}, those of {dataset} have"
                f" {shape[-1]}: set config.data.channels={channels}"
            )
        if min(shape[:2]) < least:
            raise UserError(
                f"model {name} takes images of {least} pixels a side or more, those of {dataset} have {min(shape[:2])}"
            )
