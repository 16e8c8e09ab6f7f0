"""Two processes, each with a device of its own, run as one: the same numbers, and one of them writes."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import hosts_program
import jax
import numpy as np
import pytest

from configs import activity
from hybrid_jax import hosts, results
from hybrid_jax.data.batches import batch_indices
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import run, setup

ROOT = Path(__file__).parents[1]
COMMAND = "launch.py"
OVERRIDES = {
    "methods": ("reduced",),
    "reduction.autoencoder_layers": (),
    "privacy.galleries": ("held_out",),
    "privacy.uploads": (1,),
}


def flags(workdir):
    """Of launch.py, for the config below."""
    overrides = [f"--config.{name}={value!r}" for name, value in OVERRIDES.items()]
    return [f"--config={ROOT}/configs/activity.py:smoke", f"--workdir={workdir}", *overrides]


def config():
    made = activity.get_config("smoke").unlock()
    made.update_from_flattened_dict(OVERRIDES)
    return made.lock()


def free_port():
    with socket.socket() as opened:
        opened.bind(("localhost", 0))
        return opened.getsockname()[1]


def start(number, found, port, workdir):
    joined = [f"--coordinator=localhost:{port}", "--num_processes=2", f"--process_id={number}"]
    program = [sys.executable, hosts_program.__file__, found, *flags(workdir), *joined]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("XLA_FLAGS", None)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(program, env=environment, cwd=ROOT, text=True, **pipes)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A run by one process and one by two, which go on from the same pre-training: one that one process has done."""
    folder = tmp_path_factory.mktemp("hosts")
    one, two, port = folder / "one", folder / "two", free_port()
    setup.training(config(), one).pretrained()
    shutil.copytree(one, two)
    started = [start(i, folder / f"{i}.npy", port, two) for i in range(2)]
    run.run(config(), one, COMMAND)
    said = [process.communicate() for process in started]
    for process, (_, errors) in zip(started, said, strict=True):
        assert process.returncode == 0, errors
    found = [np.load(folder / f"{i}.npy", allow_pickle=True).item() for i in range(2)]
    return one, two, found, [out for out, _ in said]


@pytest.mark.slow
def test_the_processes_hold_distinct_halves_of_a_batch(folders):
    _, _, found, _ = folders
    assert [each["devices"] for each in found] == [2, 2] and [each["here"] for each in found] == [
        1,
        1,
    ]
    (first,), (second,) = (each["held"] for each in found)
    size, batch_size = hosts_program.SIZE, hosts_program.BATCH
    expected = batch_indices(0, 3, size=size, batch_size=batch_size)
    assert len(first) == len(second) == batch_size // 2
    np.testing.assert_array_equal(np.concatenate([first, second]), expected)


@pytest.mark.slow
def test_two_processes_find_what_one_finds(folders):
    one, two, _, _ = folders
    expected, found = (results.read(folder)["records"] for folder in (one, two))
    assert len(found) == len(expected) > 20
    for a, b in zip(found, expected, strict=True):
        assert {k: a[k] for k in results.IDENTITY} == {k: b[k] for k in results.IDENTITY}
        np.testing.assert_allclose(a["value"], b["value"], rtol=2e-3, atol=2e-3, err_msg=str(b))
    expected, found = (
        [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        for folder in (one, two)
    )
    for a, b in zip(found, expected, strict=True):
        assert (a.keys(), a["phase"], a["step"]) == (b.keys(), b["phase"], b["step"])
        np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-3)


@pytest.mark.slow
def test_the_first_process_writes_and_reports(folders):
    one, two, found, said = folders
    assert [each["first"] for each in found] == [True, False]
    assert [str(two / "results.json") in out for out in said] == [True, False]
    events = [len(list((folder / "tensorboard" / "simple").iterdir())) for folder in (one, two)]
    assert events == [1, 1]
    names = [{path.relative_to(folder) for path in folder.glob("*")} for folder in (one, two)]
    assert names[0] == names[1]


@pytest.mark.slow
def test_one_process_goes_on_from_what_two_have_saved(folders):
    one, two, _, _ = folders
    before = results.read(two)
    found, expected = (
        (made := setup.training(config(), folder)).simple(made.pretrained())
        for folder in (two, one)
    )
    assert results.read(two) == before
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-2), found, expected)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("localhost:1234", 2, None), "--process_id missing"),
        ((None, 2, 0), "--coordinator missing"),
        ((None, None, 0), "--coordinator and --num_processes missing"),
        (("localhost", 2, 0), "--coordinator=localhost: give HOST:PORT"),
        (("localhost:http", 2, 0), "--coordinator=localhost:http: give HOST:PORT"),
        ((":1234", 2, 0), "--coordinator=:1234: give HOST:PORT"),
        (("localhost:1234", 2, 2), "--process_id=2: of --num_processes=2 it is one from 0 to 1"),
        (("localhost:1234", 2, -1), "--process_id=-1"),
        (("localhost:1234", 0, 0), "--num_processes=0: give the number of processes, from 1"),
    ],
)
def test_mistakes_in_the_flags(given, message):
    with pytest.raises(UserError) as caught:
        hosts.join(*given)
    assert message in str(caught.value) and "\n" not in str(caught.value)


STEP = {"SLURM_STEP_NODELIST": "node[1-2]"}


@pytest.mark.parametrize(
    ("environment", "several"),
    [
        ({}, False),
        ({"SLURM_NTASKS": "2"}, False),  # in an allocation, without srun
        (STEP | {"SLURM_NTASKS": "1"}, False),
        (STEP | {"SLURM_NTASKS": "2"}, True),
        ({"OMPI_COMM_WORLD_SIZE": "1"}, False),
        ({"OMPI_COMM_WORLD_SIZE": "16"}, True),
        ({"TPU_WORKER_HOSTNAMES": "localhost"}, False),
        ({"TPU_WORKER_HOSTNAMES": "a,b"}, True),
        ({"TPU_WORKER_HOSTNAMES": "a", "MEGASCALE_NUM_SLICES": "2"}, True),
        ({"JOB_COMPLETION_INDEX": "1", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False),
    ],
)
def test_launchers_that_started_several(environment, several):
    assert hosts.launched(environment) == several


def test_one_that_is_alone_joins_nobody(monkeypatch):
    for name, value in (STEP | {"SLURM_NTASKS": "2"}).items():
        monkeypatch.setenv(name, value)
    hosts.join(None, 1, None)
    assert not jax.distributed.is_initialized() and hosts.is_first()
