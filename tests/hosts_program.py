"""One of two processes, which tells what it holds of a batch, and goes on from a checkpoint: for `test_hosts.py`.

python tests/hosts_program.py HOST:PORT PROCESS_ID CHECKPOINTS FOUND.npy
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import mesh_program
import numpy as np

from hybrid_jax import hosts, mesh
from hybrid_jax.checkpoint import Checkpoints
from hybrid_jax.data.batches import batch_indices
from hybrid_jax.results import write_text

SIZE, BATCH, STEP = 100, 16, 3


@jax.jit
def batch(step):
    return mesh.split(batch_indices(0, step, size=SIZE, batch_size=BATCH))


def state(step):
    return {"w": jnp.arange(12.0).reshape(4, 3) + step, "step": jnp.int32(step)}


def main(coordinator, process_id, checkpoints, found):
    hosts.join(coordinator, 2, int(process_id))
    with mesh.over_all_devices():
        held = [np.asarray(shard.data) for shard in batch(STEP).addressable_shards]
        streamed = mesh_program.streamed(shard=(int(process_id), 2))
        saved = Checkpoints(Path(checkpoints))
        last = saved.last(state(0))
        saved.save(10, jax.tree.map(lambda a: jnp.asarray(a + a.dtype.type(5)), last), 0.9)
        about = {
            "held": held,
            "stream": streamed,
            "last": last,
            "best": saved.best(state(0)),
            "then": saved.last_step(),
        }
        saved.close()
    write_text(Path(checkpoints) / "first.txt", f"process {process_id}")
    about |= {"devices": jax.device_count(), "first": hosts.is_first()}
    np.save(found, np.array(about, dtype=object))


if __name__ == "__main__":
    main(*sys.argv[1:])
