"""Evaluations by several processes: what one finds, and what is wrong with one of them is heard."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time

import pytest

from configs import activity
from hybrid_jax import evaluators, results
from hybrid_jax.attacks import ATTACKERS
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import run, shares


def config(**changes):
    made = activity.get_config("smoke").unlock()
    made.methods, made.noise.relative = ("simple", "noisy", "advanced"), (0.0, 1.0)
    made.evaluators = ("accuracy",)
    made.layers, made.reduction.autoencoder_layers = ("fc_2",), ()
    made.update_from_flattened_dict(changes)
    return made.lock()


class Mine:
    """An attacker."""


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Processes that are killed while they compile share nothing."""
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "false")


def refused(*arguments):
    raise AssertionError("this process evaluates")


@pytest.mark.slow
def test_two_find_what_one_finds(tmp_path, monkeypatch):
    alone = run.run(config(), tmp_path / "alone", "command")
    monkeypatch.setattr(evaluators, "evaluate", refused)
    run.run(config(), tmp_path / "shared", "command", workers=2)
    expected, found = (results.read(tmp_path / n)["records"] for n in ("alone", "shared"))
    assert len(found) == len(expected) > 10
    for a, b in zip(expected, found, strict=True):
        assert a.keys() == b.keys()
        for name, value in a.items():
            # Other threads round otherwise: a window or two on the edge.
            close = pytest.approx(value, rel=1e-4, abs=5e-3) if isinstance(value, float) else value
            assert b[name] == close, (name, a)
    monkeypatch.setattr(shares, "evaluate", refused)  # nothing is left to do
    again = run.run(config(), tmp_path / "shared", "command", workers=2)
    assert [path.name for path in alone] == [path.name for path in again]
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_an_error_of_one_ends_all(tmp_path):
    made = config(methods=("simple",))
    run.run(made, tmp_path, "command")
    about = (made, tmp_path, None)
    with pytest.raises(
        RuntimeError, match=r"(?s)^Traceback .*argument of type 'int' is not iterable$"
    ):
        shares.evaluate(*about, [("fc_2", 3)], 2)
    with pytest.raises(UserError, match="unknown layer 'fc_9'"):
        shares.evaluate(*about, [("fc_9", ("simple",)), ("fc_2", ("simple",))], 2)

    shutil.rmtree(tmp_path / "evaluated")

    def kill():
        while not any(tmp_path.glob("evaluated/**/*.json")):
            time.sleep(0.05)
        multiprocessing.active_children()[0].kill()

    threading.Thread(target=kill, daemon=True).start()
    with pytest.raises(UserError, match="a process that evaluates was killed, perhaps for memory"):
        shares.evaluate(*about, [("fc_2", ("simple",))] * 1000, 1)
    assert not multiprocessing.active_children()
    run.run(made, tmp_path, "command", workers=2)  # goes on
    assert len(list(tmp_path.glob("evaluated/fc_2/*/*.json"))) == 1


@pytest.mark.parametrize(("cores", "workers"), [(5, 2), (2, 2), (3, 1), (2, 3)])
def test_cores_are_shared_evenly(monkeypatch, cores, workers):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(10, 10 + cores)))
    found = shares._shares(workers)
    assert len(found) == workers and set().union(*found) == set(range(10, 10 + cores))
    sizes = [len(share) for share in found]
    assert max(sizes) - min(sizes) <= 1 and sum(sizes) == max(cores, workers)


def test_a_system_that_does_not_tell_its_cores_lets_all_have_all(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    assert shares._shares(2) == [set(), set()]
    with shares._on(set()):
        pass


def test_what_is_started_is_on_its_cores_and_this_process_stays_on_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    before = os.sched_getaffinity(0)
    tell = "import os; print(os.sched_getaffinity(0), os.environ['OMP_NUM_THREADS'])"
    with shares._on({max(before)}):
        said = subprocess.run([sys.executable, "-c", tell], capture_output=True, text=True).stdout
    assert said.strip() == f"{ {max(before)} } 1"
    assert os.sched_getaffinity(0) == before and os.environ["OMP_NUM_THREADS"] == "7"


def test_mistakes_are_named(monkeypatch):
    with pytest.raises(UserError, match="--workers=0: give the number of processes"):
        shares.check(0, config())
    monkeypatch.setitem(ATTACKERS, "mine", Mine)
    own = {"attack.attackers": ("mine",)}
    with pytest.raises(UserError, match="--workers=2: attacker 'mine' is your own"):
        shares.check(2, config(**own))
    with_plugin = config(**own).unlock()
    with_plugin.plugins = ("my_config.py",)
    shares.check(2, with_plugin)
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    shares.check(1, config())
    with pytest.raises(UserError, match=r"--workers=2: .* on a gpu leave it out"):
        shares.check(2, config())
    monkeypatch.setattr("jax.default_backend", lambda: "cpu")
    monkeypatch.setattr("hybrid_jax.hosts.joined", lambda: True)
    with pytest.raises(UserError, match="--workers=2: leave it out with --num_processes"):
        shares.check(2, config())
