"""Batches of data that does not fit the device, loaded ahead of the training steps.

Grain's worker processes load and decode them, threads of this process put them on the device, and the steps find them
there. Which samples make up a batch is `batch_indices`'s to say, as for data that lies on the device.
"""

import gc
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from hybrid_jax import mesh, worker
from hybrid_jax.data.batches import batch_indices
from hybrid_jax.errors import UserError

GROUP = 8  # steps whose batches travel together
CHUNK = 1024  # steps whose samples are drawn at once
AHEAD = 2  # groups that each worker process, and that the device, holds ready

# Loads the samples of these numbers (int [B]): a dict of NumPy arrays, of any shape but the same at each call. It is
# pickled to the worker processes.
Load = Callable[[np.ndarray], dict[str, np.ndarray]]


class Stream:
    """The batches of one training, and how long it waited for them.

    Args:
        load: see `Load`.
        indices: [N] int32, the samples to train on.
        batch_size: samples a step, at most N.
        workers: processes that load; with 0 it is a thread of this one.
        shard: (index, count): this one loads the index-th of `count` equal parts of every batch.

    Attributes:
        size: samples of a batch that are loaded here.
        startup: seconds that the training waited for each worker's first group.
        waited: seconds that it waited for the others; the device may have been at work for a part of them.
        seconds: that it took in all, without `startup`.

    Raises:
        errors.UserError: a batch size that is not a multiple of `count`.
    """

    def __init__(
        self,
        load: Load,
        indices: np.ndarray,
        batch_size: int,
        *,
        workers: int = 2,
        shard: tuple[int, int] = (0, 1),
    ):
        if batch_size % shard[1]:
            raise UserError(f"batch_size {batch_size}: must be a multiple of {shard[1]} shards")
        self._load, self._indices, self._workers = load, np.asarray(indices), workers
        self._batch_size, self._shard = batch_size, shard
        self.size = batch_size // shard[1]
        self.startup = self.waited = self.seconds = 0.0

    def groups(
        self, order: jax.Array, step: int, num_steps: int
    ) -> Generator[dict[str, jax.Array], None, None]:
        """The batches of steps `step` to `num_steps`, on the devices: dicts of arrays [GROUP, B, ...], split along B.

        Group g holds those of steps g * GROUP to (g + 1) * GROUP whatever the first step is, so that a training that
        goes on from any step runs the same compiled code on the same arrays. Close it, or take all of it.

        Args:
            order: uint32 scalar, the seed of `batch_indices`.
            step: the first step that is needed; the first group is the one that holds it.
            num_steps: where training stops; the last group may go beyond.
        """
        plan = self.plan(order, step // GROUP, -(-num_steps // GROUP))
        it = iter(_prefetched(_Groups(self._load, plan), self._workers, mesh.joiner(axis=1)))
        began = time.perf_counter()
        try:
            for number in range(len(plan)):
                asked = time.perf_counter()
                group = next(it)
                if number < max(self._workers, 1):
                    self.startup += time.perf_counter() - asked
                else:
                    self.waited += time.perf_counter() - asked
                yield group
        finally:
            self.seconds = time.perf_counter() - began - self.startup
            it.close()
            del it
            gc.collect()  # Grain's threads end in cycles, which keep the last group's shared memory

    def plan(self, order: jax.Array, first: int, last: int) -> np.ndarray:
        """The samples of groups `first` to `last`: int32 [last - first, GROUP, size]."""
        chunks = [
            # All of them now: a worker that drew its own would start a JAX backend.
            np.asarray(_chunk(order, jnp.int32(step), len(self._indices), self._batch_size))
            for step in range(first * GROUP, last * GROUP, CHUNK)
        ]
        chosen = np.concatenate(chunks)[: (last - first) * GROUP]
        begin = self._shard[0] * self.size
        mine = chosen[:, begin : begin + self.size]
        return self._indices[mine].reshape(-1, GROUP, self.size)

    def told(self) -> str:
        """What it measured, in words."""
        share = self.waited / max(self.seconds, 1e-9)
        return (
            f"{share:.1%} of {self.seconds:.1f} s waiting for data, "
            f"and {self.startup:.1f} s for the workers to start"
        )


@partial(jax.jit, static_argnums=(2, 3))
def _chunk(order: jax.Array, step: jax.Array, size: int, batch_size: int) -> jax.Array:
    """Samples of `CHUNK` batches from `step` on, int32 [CHUNK, batch_size]."""
    draw = partial(batch_indices, order, size=size, batch_size=batch_size)
    return jax.vmap(draw)(step + jnp.arange(CHUNK, dtype=jnp.int32))


def fits(num_bytes: int, share: float = 0.5) -> bool:
    """Whether data of this size takes at most `share` of the device's memory; true where that is not known (CPU)."""
    memory = jax.local_devices()[0].memory_stats() or {}
    return num_bytes <= share * memory.get("bytes_limit", np.inf)


@dataclass(frozen=True)
class _Groups:
    """Grain's source: element g is the batches of `plan[g]`, stacked."""

    load: Load
    plan: np.ndarray

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, g: int) -> dict[str, np.ndarray]:
        batches = [self.load(numbers) for numbers in self.plan[g]]
        return {name: np.stack([batch[name] for batch in batches]) for name in batches[0]}


def _prefetched(groups: _Groups, workers: int, place: Callable) -> Any:
    """Grain's dataset of `groups`, loaded and put on the devices by `place`, ahead of who takes them."""
    import grain  # two seconds; only who streams pays them

    # A script that parses no absl flags is refused otherwise (google/grain#1355, mended after 0.2.18).
    flags.FLAGS["grain_enable_multiprocess_worker_profiling"].present = 1
    dataset = grain.MapDataset.source(groups).to_iter_dataset(
        grain.ReadOptions(num_threads=1, prefetch_buffer_size=1)
    )
    if workers:
        dataset = dataset.mp_prefetch(
            grain.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=AHEAD),
            worker_init_fn=_start_worker,
        )
        # Out of the memory shared with the worker: a CPU's arrays would keep it, and it would be left at exit.
        dataset = dataset.map(partial(jax.tree.map, np.array))
    loaded = grain.experimental.ThreadPrefetchIterDataset(dataset, prefetch_buffer_size=1)
    return grain.experimental.ThreadPrefetchIterDataset(
        loaded.map(place), prefetch_buffer_size=AHEAD
    )


def _start_worker(index: int, count: int) -> None:
    worker.begin()
