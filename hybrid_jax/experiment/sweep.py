"""`--mode=sweep`: the points of a config's `sweep()`, each in a folder of its own, with trainings shared."""

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import ml_collections

from hybrid_jax import hosts
from hybrid_jax.embedding import METHODS
from hybrid_jax.errors import UserError, unknown
from hybrid_jax.experiment import run as single
from hybrid_jax.experiment import setup, strangers, workdir
from hybrid_jax.experiment.experiment import siamese_settings
from hybrid_jax.experiment.points import Point, points, shard
from hybrid_jax.results import write_json

RUNNERS = ("local", "ray")
Submit = Callable[..., Any]


def run(
    config: ml_collections.ConfigDict,
    settings: Iterable[Mapping[str, Any]],
    folder: Path,
    command: str,
    *,
    sharded: str = "1/1",
    runner: str = "local",
) -> list[Path]:
    """Runs every point that has no results yet.

    `points/<name>/` is the work folder of a point: that of a plain run of its config, but for the checkpoints and
    metrics.jsonl, which lie in `trainings/<group>/`, shared by points. A point that fails leaves `error.json` (what
    and where) and does not stop the rest; it is tried again when the sweep is started again.

    Args:
        config: what all points have in common.
        settings: of the points, as the config's `sweep()` gives them.
        folder: of the sweep. Shards may share it.
        command: the command line, kept in every results.json.
        sharded: `i/n`, the i-th (from 1) of n parts of the list.
        runner: `local`, one after another in this process, or `ray`, as tasks of a Ray cluster.

    Returns:
        results.json of every point of the shard.

    Raises:
        errors.UserError: a mistake in the config, a point or a flag, before any work; points that failed, after it.
    """
    if runner not in RUNNERS:
        raise unknown("sweep runner (--sweep_runner)", runner, RUNNERS)
    if runner == "ray" and hosts.joined():
        raise UserError(
            "--sweep_runner=ray starts the processes itself: give the command once, with --num_processes=1 alone"
        )
    index, count = _shard(sharded)
    if runner == "ray":
        strangers.check(config, "--sweep_runner=ray")
    every = points(settings)
    setup.check_all([point.config(config) for point in every])
    workdir.check(folder, config)
    mine = shard(every, index, count)
    if not mine:
        groups = len({point.group for point in every})
        raise UserError(
            f"--sweep_shard={sharded} is empty: the points share {groups} trainings, and a shard takes whole ones; "
            f"give at most {groups} shards"
        )
    submit, gather = _ray() if runner == "ray" else (_here, list)
    workdir.create(folder, config)
    todo = [point for point in mine if not _results(folder, point).exists()]
    _say(f"sweep: {len(mine)} points, {len(mine) - len(todo)} of them done before")
    outcomes = gather(_submit_all(submit, config, todo, folder.resolve(), command))
    failed = []
    for point, error in zip(todo, outcomes, strict=True):
        if error:
            failed.append(point.name)
            # Once more here: a worker that died has recorded nothing.
            _record(error, point.config(config), folder / "points" / point.name)
    if failed:
        raise UserError(
            f"{len(failed)} of {len(mine)} points failed, the others are done: see error.json in "
            f"{folder / 'points'}/{{{','.join(failed)}}}; the same command tries them again"
        )
    return [_results(folder, point) for point in mine]


def _submit_all(
    submit: Submit, config: ml_collections.ConfigDict, todo: list[Point], folder: Path, command: str
) -> list:
    """Submits each training once, and each point after those that it needs; what `submit` gives for the points."""
    trained: dict[tuple, Any] = {}
    outcomes = []
    for number, point in enumerate(todo, 1):
        own, home = point.config(config), folder / "points" / point.name
        shared = folder / "trainings" / point.group
        if (shared,) not in trained:
            trained[shared,] = submit(_train, own, home, shared, None)
        needed = [trained[shared,]]
        if any(METHODS[method].siamese for method in own.methods):
            for layer in own.layers:
                network = (shared, layer, *siamese_settings(own, layer))
                if network not in trained:
                    trained[network] = submit(_train, own, home, shared, layer, needed[0])
                needed.append(trained[network])
        title = f"[{number}/{len(todo)}] {point.name}"
        outcomes.append(submit(_evaluate, own, home, shared, command, title, *needed))
    return outcomes


def _train(
    config: ml_collections.ConfigDict,
    home: Path,
    shared: Path,
    layer: str | None,
    *before: str | None,
) -> str | None:
    """Trains the shared baseline, or with a layer the Siamese network of `config`; returns the error, if any."""
    return _attempt(lambda: single.train(config, home, shared, layer), before)


def _evaluate(
    config: ml_collections.ConfigDict,
    home: Path,
    shared: Path,
    command: str,
    title: str,
    *before: str | None,
) -> str | None:
    """Runs a point whose networks are trained; records and returns the error, if any."""
    error = _attempt(lambda: single.run(config, home, command, trainings=shared), before)
    if error:
        _record(error, config, home)
    elif hosts.is_first():
        (home / "error.json").unlink(missing_ok=True)
    _say(f"{title}: {f'failed: {error.splitlines()[-1]}' if error else 'done'}")
    return error


def _record(error: str, config: ml_collections.ConfigDict, home: Path) -> None:
    write_json(home / "error.json", {"error": error, "config": workdir.plain(config)})


def _attempt(work: Callable[[], Any], before: tuple[str | None, ...]) -> str | None:
    """Does `work`, if all went well before; the traceback of what went wrong, or None."""
    for error in before:
        if error:
            return error
    try:
        work()
    except Exception as error:  # whatever one point meets must not stop the others
        if hosts.joined() and not isinstance(error, UserError):
            raise  # other processes may not have met it: going on, each would wait for another
        return traceback.format_exc().strip()
    return None


def _here(function: Callable, *arguments: Any) -> Any:
    return function(*arguments)


def _ray() -> tuple[Submit, Callable[[list], list]]:
    """Ray's `submit` and `gather`: a task waits for the tasks whose results it is given."""
    try:
        import ray
    except ImportError:
        raise UserError(
            "--sweep_runner=ray needs Ray: pip install -r requirements-ray.txt"
        ) from None
    # RAY_ADDRESS names a cluster; without it Ray starts one of this machine.
    ray.init(ignore_reinit_error=True, log_to_driver=True, include_dashboard=False)
    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    environment = {"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}}

    def submit(function: Callable, *arguments: Any) -> Any:
        task = ray.remote(num_cpus=1, num_gpus=gpus, runtime_env=environment)(function)
        return task.remote(*arguments)

    def outcome(task: Any) -> str | None:
        try:
            return ray.get(task)
        except ray.exceptions.RayError as error:  # a worker died, or the one that trained for it
            return str(error).strip()

    return submit, lambda tasks: [outcome(task) for task in tasks]


def _shard(text: str) -> tuple[int, int]:
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise UserError(f"--sweep_shard={text}: give i/n with i from 1 to n, as in 1/4")
    return int(index), int(count)


def _results(folder: Path, point: Point) -> Path:
    return folder / "points" / point.name / "results.json"


def _say(line: str) -> None:
    if hosts.is_first():
        print(line, file=sys.stderr, flush=True)
