"""A run's evaluations by several processes, each on its share of the CPU's cores.

In one process XLA:CPU leaves a part of the cores idle in what evaluations compile; processes of a core each do not.
They leave their records in the work folder, where the run finds them as it does those of an earlier start.
"""

import io
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import cast

import jax
import ml_collections

from hybrid_jax import hosts, mesh, worker
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import strangers
from hybrid_jax.experiment.experiment import Unit, prepare
from hybrid_jax.progress import bar


def check(workers: int, config: ml_collections.ConfigDict) -> None:
    """Raises `UserError` unless so many processes can evaluate what the config names."""
    if workers < 1:
        raise UserError(f"--workers={workers}: give the number of processes, 1 or more")
    if workers == 1:
        return
    strangers.check(config, f"--workers={workers}")
    if jax.default_backend() != "cpu":
        raise UserError(
            f"--workers={workers}: processes share a CPU's cores; on a {jax.default_backend()} leave it out"
        )
    if hosts.joined():
        raise UserError(
            f"--workers={workers}: leave it out with --num_processes, which shares all work"
        )


def evaluate(
    config: ml_collections.ConfigDict,
    workdir: Path,
    trainings: Path | None,
    units: Sequence[Unit],
    workers: int,
) -> None:
    """Evaluates every unit, in the order given as processes come free. Networks have to be trained.

    Args:
        config: of the run.
        workdir: the work folder, where records and embeddings are left.
        trainings: see `run.run`.
        units: see `Experiment.units`.
        workers: at most so many processes.

    Raises:
        errors.UserError: as one of them raised it; one was killed.
        RuntimeError: with the traceback of any other error of one of them.
    """
    left, at_work = list(units), set()
    with (
        _started(min(workers, len(units)), config, workdir, trainings) as pipes,
        bar("evaluations", len(units)) as advance,
    ):
        while pipes:
            for pipe in cast(list[Connection], wait(pipes)):
                given = left.pop(0) if left else None
                try:
                    error = pipe.recv()  # the first says that it is ready
                    if error is not None:
                        raise error
                    pipe.send(given)
                except (EOFError, ConnectionError):
                    raise UserError(
                        "a process that evaluates was killed, perhaps for memory: lower --workers; the command goes on"
                    ) from None
                at_work.add(pipe)
                if given is None:
                    pipes.remove(pipe)
                    at_work.discard(pipe)
                advance(len(units) - len(left) - len(at_work))


@contextmanager
def _started(workers: int, *arguments) -> Iterator[list[Connection]]:
    """Starts the processes; gives the pipe to each. None of them outlives the block."""
    context = multiprocessing.get_context("spawn")
    processes, pipes = [], []
    try:
        for cores in _shares(workers):
            pipe, its_pipe = context.Pipe()
            process = context.Process(target=_work, args=(its_pipe, *arguments), daemon=True)
            with _on(cores), _deaf():
                process.start()
            its_pipe.close()  # it alone holds it: its end is heard here
            processes.append(process)
            pipes.append(pipe)
        yield pipes
    finally:
        for process in processes:
            process.kill()
            process.join()


def _shares(workers: int) -> list[set[int]]:
    """Cores for each of the processes, which share them where there are fewer."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return [set(cores[i % max(len(cores), 1) :: workers]) for i in range(workers)]


@contextmanager
def _on(cores: set[int]) -> Iterator[None]:
    """What is started inside runs on these cores, with a thread of BLAS for each."""
    if not cores:  # a system that does not tell
        yield
        return
    mine, threads = os.sched_getaffinity(0), os.environ.get("OMP_NUM_THREADS")
    os.sched_setaffinity(0, cores)
    os.environ["OMP_NUM_THREADS"] = str(len(cores))
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)
        del os.environ["OMP_NUM_THREADS"]
        if threads is not None:
            os.environ["OMP_NUM_THREADS"] = threads


@contextmanager
def _deaf() -> Iterator[None]:
    """What is started inside hears no signal that is meant for the parent: `worker.begin` comes after long imports."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, worker.STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(
    pipe: Connection, config: ml_collections.ConfigDict, workdir: Path, trainings: Path | None
) -> None:
    """Evaluates what comes through the pipe, until that is `None`; answers each with `None`, or what went wrong."""
    worker.begin()
    sys.stdout = sys.stderr = io.StringIO()  # no bars: the parent shows how far all are
    try:
        with mesh.over_all_devices():
            experiment = prepare(config, workdir, trainings)
            pipe.send(None)
            while unit := pipe.recv():
                layer, methods = unit
                for embedded in experiment.embed(layer, experiment.features(layer), methods):
                    experiment.evaluate(embedded)
                pipe.send(None)
    except UserError as error:
        pipe.send(error)
    except Exception:
        pipe.send(RuntimeError(traceback.format_exc().strip()))
