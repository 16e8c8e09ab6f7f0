"""The command line: flags only.

python launch.py --config=configs/activity.py[:ARG,key=value,...] --workdir=DIR [--workers=N]
                 [--config.path.to.field=value ...]
python launch.py --config=... --workdir=DIR --mode=tune
python launch.py --config=... --workdir=DIR --mode=sweep [--sweep_shard=i/n] [--sweep_runner=local|ray]
python launch.py --mode=collect --runs=A,B,... --workdir=DIR
python launch.py --mode=choose --workdir=DIR [--min_accuracy=A --max_attack=B --min_privacy_index=P
                 --max_ms=T --max_uplink_bytes=N --target=NAME]
python launch.py --mode=audit --features=F.npz --noise_std=0,.1,1 --workdir=DIR [--gallery=... --prior=...]
any of these, in each of several processes: --coordinator=HOST:PORT --num_processes=N --process_id=I

The fields of a config stand in its file; README.md tells of the modes and of what a work folder holds.
"""

import itertools
import os
import shlex
import signal
import sys
import types
from pathlib import Path

import ml_collections
from absl import flags, logging
from ml_collections import config_flags

from hybrid_jax import errors, hosts
from hybrid_jax.choice.criteria import CRITERIA
from hybrid_jax.experiment import config_file

MODES = ("run", "tune", "sweep", "collect", "choose", "audit")

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "The experiment: a file of configs/.", lock_config=True
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "The folder of this run; going on in it when it exists."
)
_MODE = flags.DEFINE_string("mode", "run", f"What to do: {', '.join(MODES)}.")
_WORKERS = flags.DEFINE_integer("workers", 1, "run: processes that evaluate, on a CPU.")
_SHARD = flags.DEFINE_string("sweep_shard", "1/1", "sweep: i/n, the i-th of n parts of the list.")
_RUNNER = flags.DEFINE_string("sweep_runner", "local", "sweep: local, ray.")
_RUNS = flags.DEFINE_list("runs", None, "Work folders or globs, by commas, for --mode=collect.")
_FEATURES = flags.DEFINE_string("features", None, "The npz file for --mode=audit.")
_NOISE_STD = flags.DEFINE_list("noise_std", ["0"], "audit: standard deviations, in feature units.")
_GALLERY = flags.DEFINE_list(
    "gallery", [], "audit: what the adversary holds; default: all that fit."
)
_PRIOR = flags.DEFINE_list("prior", ["uniform"], "audit: uniform, empirical, given.")
_PRIVACY_MODE = flags.DEFINE_list("privacy_mode", ["classes"], "audit: classes, instance.")
_NUM_DRAWS = flags.DEFINE_integer("num_draws", 10, "audit: noise draws.", lower_bound=1)
_BOUNDS = {
    name: flags.DEFINE_float(criterion.flag, None, f"choose: of {name}, on validation.")
    for name, criterion in CRITERIA.items()
}
_TARGET = flags.DEFINE_string("target", None, "choose: the sensitive variable; default: the first.")
_COORDINATOR = flags.DEFINE_string("coordinator", None, "HOST:PORT where process 0 listens.")
_NUM_PROCESSES = flags.DEFINE_integer("num_processes", None, "Of a run on several hosts.")
_PROCESS_ID = flags.DEFINE_integer("process_id", None, "Which of them this is, from 0.")
_SEED = flags.DEFINE_integer("seed", 0, "audit: of the noise.", lower_bound=0)


def main(arguments: list[str]) -> int:
    """Runs one command line; returns the exit code: 0 done, 2 the user's mistake (one line on stderr)."""
    if {"--help", "-h"} & set(arguments):
        print(f"{__doc__}\n{flags.FLAGS.module_help(sys.modules[__name__])}")
        return 0
    try:
        _parse(arguments)
        _run(shlex.join(["python", *arguments]))
    except errors.UserError as error:
        print(f"launch.py: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def _parse(arguments: list[str]) -> None:
    _check_config(arguments)
    try:
        rest = flags.FLAGS(arguments)
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError) as error:
        raise errors.UserError(str(error)) from None
    if len(rest) > 1:
        raise errors.UserError(
            f"argument {rest[1]!r} is no flag: flags begin with -- and take = (--workdir=DIR)"
        )


def _check_config(arguments: list[str]) -> None:
    """Reads the config once before absl does, whose own complaints about it are tracebacks."""
    given = [
        value if equals else following
        for argument, following in itertools.pairwise([*arguments, ""])
        for name, equals, value in [argument.partition("=")]
        if name in ("--config", "-config")
    ]
    if not given:
        return
    prefix = "--config."
    overrides = [
        a.removeprefix(prefix).partition("=")[0] for a in arguments if a.startswith(prefix)
    ]
    config_file.check(given[-1], overrides)


def _run(command: str) -> None:
    if _MODE.value not in MODES:
        raise errors.unknown("mode", _MODE.value, MODES)
    if not _WORKDIR.value:
        raise errors.UserError(
            "--workdir is missing: name the folder of this run, as in --workdir=runs/activity-0"
        )
    if _WORKERS.value != 1 and _MODE.value != "run":
        raise errors.UserError(f"--workers={_WORKERS.value}: of --mode=run alone; leave it out")
    workdir = Path(_WORKDIR.value)
    hosts.join(_COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value)
    if _MODE.value == "collect":
        if not _RUNS.value:
            raise errors.UserError(
                "--runs is missing: name work folders, as in --runs=runs/activity-0,runs/activity-1"
            )
        from hybrid_jax import collect

        written = collect.collect(_RUNS.value, workdir, command)
    elif _MODE.value == "choose":
        from hybrid_jax.choice import choose

        bounds = {name: flag.value for name, flag in _BOUNDS.items() if flag.value is not None}
        written = choose.choose(workdir, command, bounds, _TARGET.value)
    elif _MODE.value == "audit":
        written = _audit(workdir, command)
    elif _CONFIG.value is None:
        raise errors.UserError(
            "--config is missing: name an experiment, as in --config=configs/activity.py"
        )
    elif _MODE.value == "sweep":
        written = _sweep(workdir, command)
    elif _MODE.value == "tune":
        from hybrid_jax.experiment import tune

        written = tune.run(_experiment(), workdir)
    else:
        from hybrid_jax.experiment import run

        written = run.run(_experiment(), workdir, command, workers=_WORKERS.value)
    if hosts.is_first():
        _print(written)


def _experiment() -> ml_collections.ConfigDict:
    from hybrid_jax.experiment import strangers

    given = config_flags.get_config_filename(flags.FLAGS["config"])
    return strangers.recorded(_CONFIG.value, given.partition(":")[0])


def _sweep(workdir: Path, command: str) -> list[Path]:
    from hybrid_jax.experiment import sweep

    given = config_flags.get_config_filename(flags.FLAGS["config"])
    settings = config_file.call(
        given, "sweep", "give it one that returns its points, see common.grid"
    )
    return sweep.run(
        _experiment(), settings, workdir, command, sharded=_SHARD.value, runner=_RUNNER.value
    )


def _audit(workdir: Path, command: str) -> list[Path]:
    if not _FEATURES.value:
        raise errors.UserError(
            "--features is missing: name an npz file with features and labels, as in --features=f.npz"
        )
    try:
        noise_std = [float(text) for text in _NOISE_STD.value]
    except ValueError:
        raise errors.UserError(
            f"--noise_std={','.join(_NOISE_STD.value)}: give numbers by commas, as in 0,.1,1"
        ) from None
    from hybrid_jax import audit

    return audit.audit(
        _FEATURES.value,
        workdir,
        command,
        noise_std=noise_std,
        galleries=_GALLERY.value,
        priors=_PRIOR.value,
        modes=_PRIVACY_MODE.value,
        num_draws=_NUM_DRAWS.value,
        seed=_SEED.value,
    )


def _stop(number: int, frame: types.FrameType | None) -> None:
    """Ends the process at once, with the shell's exit code for this signal: 143 for SIGTERM, 130 for Ctrl-C.

    Every stop of a training has its checkpoint and files appear whole or not at all, so nothing that was reported done
    is lost. While a network trains, SIGTERM comes here only once the stop that it falls in is saved (`phase.run`).
    Unwinding instead, from wherever the signal fell (inside Orbax's event loop, a garbage collector's callback), ends
    in warnings about what was half done, or is swallowed.
    """
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), b"\x1b[?25h\n")  # the cursor, which a progress bar hides
    hosts.leave()
    os._exit(128 + number)


def _print(written: list[Path]) -> None:
    from hybrid_jax import report

    if _MODE.value != "sweep":  # whose tables are many: --mode=collect makes one of them
        print(report.summary(written))
    for path in written:
        print(path)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Orbax reports each save; the progress bars say what a user needs.
    logging.set_verbosity(logging.ERROR)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    sys.exit(main(sys.argv))
