"""The devices of a run: a mesh of one axis, over which batches, queries and rows are split."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

AXIS = "data"
SPLIT, WHOLE = PartitionSpec(AXIS), PartitionSpec()


@contextmanager
def over_all_devices() -> Iterator[None]:
    """Spreads what is computed inside over all devices, those of other processes included; a decorator too.

    Every array inside lies whole on every device, but where `split` says otherwise. So several processes need to
    compute the same, in the same order. With a single device nothing changes.
    """
    if jax.device_count() == 1:
        yield
        return
    with jax.set_mesh(jax.make_mesh((jax.device_count(),), (AXIS,), axis_types=(AxisType.Auto,))):
        yield


def size() -> int:
    """How many devices share the work: 1 outside of `over_all_devices`."""
    return jax.sharding.get_abstract_mesh().shape.get(AXIS, 1)


def split(tree: Any) -> Any:
    """Arrays [N, ...], rows split over the devices: evenly where N is a multiple of `size()`. In compiled functions."""
    return _placed(tree, SPLIT)


def whole(tree: Any) -> Any:
    """Arrays that lie whole on every device, so that every process can read them. For compiled functions."""
    return _placed(tree, WHOLE)


def sent(tree: Any, spec: PartitionSpec = WHOLE) -> Any:
    """NumPy arrays, the same in every process, on the devices: each is sent no more than it holds by `spec`.

    JAX arrays are left where they are.
    """
    if size() == 1:
        return jax.device_put(tree)
    sharding = NamedSharding(jax.sharding.get_mesh(), spec)

    def one(array: Any) -> jax.Array:
        if isinstance(array, jax.Array):
            return array
        rows = np.asarray(array)
        return jax.make_array_from_callback(
            rows.shape, sharding, lambda held: np.asarray(rows[held])
        )

    return jax.tree.map(one, tree)


def joiner(axis: int) -> Callable[[Any], Any]:
    """What puts NumPy arrays on the devices, split along `axis`, of which each process holds a part; for any thread."""
    if size() == 1:
        return jax.device_put
    sharding = NamedSharding(jax.sharding.get_mesh(), PartitionSpec(*[None] * axis, AXIS))

    def one(part: np.ndarray) -> jax.Array:
        return jax.make_array_from_process_local_data(sharding, part)

    return lambda tree: jax.tree.map(one, tree)


def _placed(tree: Any, spec: PartitionSpec) -> Any:
    return tree if size() == 1 else jax.lax.with_sharding_constraint(tree, spec)
