"""Several processes, on one host or many, as one run: how they find each other, and which of them writes.

JAX is imported where it is needed: merging results, which is no work for several, does without.
"""

import os
import sys
import threading
from collections.abc import Mapping

from hybrid_jax.errors import UserError

SILENT = 300  # seconds until a process that says nothing is taken for dead: JAX's 100 are short on a busy machine
PATIENCE = 10  # seconds to wait for the others at the end: SLURM kills 30 after it asked


def join(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
    """Joins the processes of this run, which then have their devices in common; alone, does nothing.

    Call it before JAX is used. Each process runs the same command, and sees the same work folder.

    Args:
        coordinator: HOST:PORT, where process 0 listens.
        num_processes: how many there are; 1, without the other two, for one that is alone whatever `launched` says.
        process_id: which one this is, from 0.
            Without all three, JAX goes by what SLURM, Open MPI or GKE has set, if that is more than one process.

    Raises:
        errors.UserError: only some of the three, values that cannot be, or processes that JAX cannot find.
    """
    given = (coordinator, num_processes, process_id)
    if given == (None, 1, None) or (given == (None,) * 3 and not launched(os.environ)):
        return
    if given != (None,) * 3:
        _check(*given)
    import jax

    # Its handler would take SIGTERM from launch.py's, which knows what to save.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(*given, heartbeat_timeout_seconds=SILENT)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"the processes of this run do not find each other ({error}): give each of them "
            "--coordinator=HOST:PORT --num_processes=N --process_id=I, or --num_processes=1 to one that is alone"
        ) from None


def launched(environment: Mapping[str, str]) -> bool:
    """Whether SLURM (`srun`), Open MPI or GKE (TPU slices) has started several processes, this one among them."""
    # In a batch script and in an interactive allocation SLURM counts tasks too, but there is no step.
    in_step = "SLURM_STEP_NODELIST" in environment
    counts = [
        environment.get("SLURM_NTASKS", "1") if in_step else "1",
        environment.get("OMPI_COMM_WORLD_SIZE", "1"),
        environment.get("MEGASCALE_NUM_SLICES", "1"),
    ]
    workers = environment.get("TPU_PROCESS_ADDRESSES", environment.get("TPU_WORKER_HOSTNAMES", ""))
    return "," in workers or any(count.isdecimal() and int(count) > 1 for count in counts)


def joined() -> bool:
    """Whether this process is one of several (`join`)."""
    jax = sys.modules.get("jax")  # who has not imported it has joined nobody
    return jax is not None and jax.distributed.is_initialized()


def is_first() -> bool:
    """Whether this is the process that writes files and reports: the first of several, or the only one."""
    return not joined() or sys.modules["jax"].process_index() == 0


def anywhere(here: bool) -> bool:
    """Whether it is so in any process of this run; all of them ask, at the same point of their work."""
    if not joined():
        return here
    import numpy as np
    from jax.experimental import multihost_utils

    return bool(np.any(multihost_utils.process_allgather(np.bool_(here))))


def leave() -> None:
    """Takes leave of the others, where all are about to end: who goes while others are still there makes them fail.

    Waits for them for a while only: where one alone is told to end, they do not come.
    """
    if not joined():
        return
    import jax

    leaving = threading.Thread(target=jax.distributed.shutdown, daemon=True)
    leaving.start()
    leaving.join(PATIENCE)


def _check(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
    flags = {
        "--coordinator": coordinator,
        "--num_processes": num_processes,
        "--process_id": process_id,
    }
    if coordinator is None or num_processes is None or process_id is None:
        missing = [flag for flag, value in flags.items() if value is None]
        raise UserError(
            f"{' and '.join(missing)} missing: several processes need --coordinator=HOST:PORT, "
            "--num_processes=N and --process_id=I, from 0 to N - 1"
        )
    host, _, port = coordinator.rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 2**16):
        raise UserError(f"--coordinator={coordinator}: give HOST:PORT, as in 10.0.0.1:1234")
    if num_processes < 1:
        raise UserError(f"--num_processes={num_processes}: give the number of processes, from 1")
    if not 0 <= process_id < num_processes:
        raise UserError(
            f"--process_id={process_id}: of --num_processes={num_processes} it is one from 0 to {num_processes - 1}"
        )
