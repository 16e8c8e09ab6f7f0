"""Queries split over the devices; the gallery whole on each, or where it is large in parts that go around in a ring.

Where one function does for both, it is told `over`: how what the parts of a gallery say comes together.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import mesh

LARGEST = 2**30  # bytes of a gallery's features that each of several devices holds whole
Over = Callable[[Callable[[Any], Any], Callable[[Any, Any], Any], Any], Any]


def shares(features: np.ndarray) -> int:
    """Into how many parts a gallery with these features is split: one for each device, or 1 where each holds it all."""
    return mesh.size() if features.nbytes > LARGEST else 1


def alone(of_part: Callable[[Any], Any], merge: Callable[[Any, Any], Any], gallery: Any) -> Any:
    """`of_part` of a gallery that lies here whole."""
    return of_part(gallery)


def around(of_part: Callable[[Any], Any], merge: Callable[[Any, Any], Any], gallery: Any) -> Any:
    """`of_part` of all devices' parts, merged one by one. A device holds two of them at a time: its own, and a guest.

    Args:
        of_part: maps a part to what this device's queries make of it.
        merge: of two such results.
        gallery: this device's part, a pytree; all have the same shapes.
    """
    size = mesh.size()
    to_next = [(i, (i + 1) % size) for i in range(size)]

    def turn(carry: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], None]:
        part, found = carry
        part = jax.lax.ppermute(part, mesh.AXIS, to_next)
        return (part, merge(found, of_part(part))), None

    (_, found), _ = jax.lax.scan(turn, (gallery, of_part(gallery)), length=size - 1)
    return found


def spread(block: Callable, *arguments: Any, ringed: bool) -> Any:
    """`block(queries, index, gallery, *others, over=...)` with the queries split over the devices.

    Args:
        block: gives arrays [..., Q], of one device's queries.
        *arguments: its own; Q is a multiple of `mesh.size()`.
        ringed: whether the gallery is split along its arrays' first axes too.
    """
    if mesh.size() == 1:
        return block(*arguments, over=alone)

    def on_each(*arguments: Any) -> Any:
        found = block(*arguments, over=around if ringed else alone)
        return jax.tree.map(lambda a: jnp.moveaxis(a, -1, 0), found)

    held = mesh.SPLIT if ringed else mesh.WHOLE
    specs = (mesh.SPLIT, mesh.SPLIT, held, *[mesh.WHOLE] * len(arguments[3:]))
    found = jax.shard_map(on_each, in_specs=specs, out_specs=mesh.SPLIT)(*arguments)
    return mesh.whole(jax.tree.map(lambda a: jnp.moveaxis(a, 0, -1), found))
