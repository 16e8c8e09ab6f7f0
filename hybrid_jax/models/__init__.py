"""Networks by name, each made for a task by `make(tasks, **settings)`."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from hybrid_jax.errors import UserError
from hybrid_jax.models.mini_xception import mini_xception
from hybrid_jax.models.mtcnn import mtcnn
from hybrid_jax.models.vgg16 import vgg16
from hybrid_jax.stages import Network

MODELS: dict[str, Callable[..., Network]] = {
    "mtcnn": mtcnn,
    "mini_xception": mini_xception,
    "vgg16": vgg16,
}
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
    """
    settings = {name: value for name, value in model.items() if name not in START}
    network = MODELS[settings.pop("name")]
    if as_one and "as_one" in inspect.signature(network).parameters:
        settings["as_one"] = True
    return network(tasks, **settings)


def check_input(name: str, shape: tuple[int, ...], dataset: str) -> None:
    """Raises `UserError` unless inputs of this shape are what a network takes."""
    if (len(shape) == 3) != (name in IMAGES):
        kind = "images" if name in IMAGES else "windows"
        known = [other for other in MODELS if (other in IMAGES) == (len(shape) == 3)]
        raise UserError(
            f"model {name} takes {kind}, which {dataset} has not: set config.model.name to {' or '.join(known)}"
        )
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
