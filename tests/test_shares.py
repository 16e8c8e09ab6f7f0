"""Evaluations by several processes: what one finds, and what is wrong with one of them is heard."""

import multiprocessing
import os
import threading
import time

import pytest

from configs import activity
from hybrid_jax import evaluators, results
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import run, shares


def config(**changes):
    made = activity.get_config("smoke").unlock()
    made.methods, made.noise.relative = ("simple", "noisy", "advanced"), (0.0, 1.0)
    made.evaluators = ("accuracy",)
    made.layers, made.reduction.autoencoder_layers = ("fc_2",), ()
    made.update_from_flattened_dict(changes)
    return made.lock()


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
            numbers = isinstance(value, float)
            assert b[name] == (pytest.approx(value, rel=1e-4) if numbers else value), (name, a)
    assert [path.name for path in alone] == [
        path.name for path in run.run(config(), tmp_path / "shared", "command")
    ]
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

    def kill():
        while not (children := multiprocessing.active_children()):
            time.sleep(0.05)
        children[0].kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(RuntimeError, match="a process that evaluates was killed"):
        shares.evaluate(*about, [("fc_2", ("simple",))], 1)
    killer.join()
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(("cores", "workers"), [(5, 2), (2, 2), (3, 1), (2, 3), (0, 2)])
def test_each_has_its_cores(monkeypatch, cores, workers):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(10, 10 + cores)))
    found = shares._shares(workers)
    assert len(found) == workers and set().union(*found) == set(range(10, 10 + cores))
    sizes = [len(share) for share in found]
    assert max(sizes) - min(sizes) <= 1 and sum(sizes) == (max(cores, workers) if cores else 0)


def test_mistakes_are_named(monkeypatch):
    with pytest.raises(UserError, match="--workers=0: give the number of processes"):
        shares.check(0)
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    shares.check(1)
    with pytest.raises(UserError, match=r"--workers=2: .* on a gpu leave it out"):
        shares.check(2)
    monkeypatch.setattr("jax.default_backend", lambda: "cpu")
    monkeypatch.setattr("hybrid_jax.hosts.joined", lambda: True)
    with pytest.raises(UserError, match="--workers=2: leave it out with --num_processes"):
        shares.check(2)
