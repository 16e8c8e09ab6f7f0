"""Data sets that a file is tried on, by their names."""

import inspect
from typing import Any

from hybrid_jax.data import DATASETS
from hybrid_jax.errors import unknown

SIMULATED = "simulated"
SECONDS = (
    5.0  # of a simulated recording: two thousand test windows, which is enough to try a file on
)


def settings(name: str, shape: tuple[int, ...], *others: str) -> dict[str, Any]:
    """The `data` section of a config, for inputs of a shape.

    Args:
        name: of `DATASETS`; or `simulated`: drawn ones, windows or images.
        shape: of one input: [channels, time] or [height, width, channels].
        others: what else could have been named, for the message.

    Raises:
        errors.UserError: an unknown data set.
    """
    if name == SIMULATED and len(shape) == 3:
        name = "simulated_faces"
    if name not in DATASETS:
        raise unknown("data set (--data)", name, (*others, *DATASETS))
    sizes: dict[str, float] = (
        {"side": shape[0], "channels": shape[-1], "window": shape[-1]} if shape else {}
    )
    sizes["seconds"] = SECONDS
    known = inspect.signature(DATASETS[name]).parameters
    return {"name": name} | {size: value for size, value in sizes.items() if size in known}
