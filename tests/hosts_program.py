"""launch.py in one of several processes, which then tells what of a batch it holds: for `test_hosts.py`.

python tests/hosts_program.py FOUND.npy [launch.py's flags]
"""

import sys

import jax
import numpy as np

import launch
from hybrid_jax import hosts, mesh
from hybrid_jax.data.batches import batch_indices

SIZE, BATCH = 100, 16


@jax.jit
def batch(step):
    return mesh.split(batch_indices(0, step, size=SIZE, batch_size=BATCH))


def main(path, *flags):
    code = launch.main(["launch.py", *flags])
    with mesh.over_all_devices():
        held = [np.asarray(shard.data) for shard in batch(3).addressable_shards]
    about = {"devices": jax.device_count(), "here": jax.local_device_count()}
    np.save(path, np.array({"held": held, "first": hosts.is_first(), **about}, dtype=object))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
