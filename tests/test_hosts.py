"""Two processes, each with a device of its own, run as one: the same numbers, and one of them writes."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import hosts_program
import jax
import mesh_program
import numpy as np
import pytest

from configs import activity
from hybrid_jax import results
from hybrid_jax.checkpoint import Checkpoints
from hybrid_jax.data.batches import batch_indices
from hybrid_jax.experiment import run, setup

pytestmark = pytest.mark.slow

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


@contextmanager
def started(programs):
    """One process a program, which does not outlive the block."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("XLA_FLAGS", None)  # one device each
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    compiled = os.environ[
        "JAX_COMPILATION_CACHE_DIR"
    ]  # what one writes the other must not read half of
    processes = [
        subprocess.Popen(
            [sys.executable, *program],
            env=environment | {"JAX_COMPILATION_CACHE_DIR": f"{compiled}-{number}"},
            cwd=ROOT,
            text=True,
            **pipes,
        )
        for number, program in enumerate(programs)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()


def together(programs):
    """Runs one program a process; what each printed."""
    with started(programs) as processes:
        said = [process.communicate(timeout=900) for process in processes]
    for process, (_, errors) in zip(processes, said, strict=True):
        assert process.returncode == 0, errors
    return [out for out, _ in said]


def joined_flags():
    """Of two processes, that join them."""
    at = f"localhost:{free_port()}"
    return [[f"--coordinator={at}", "--num_processes=2", f"--process_id={i}"] for i in range(2)]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """What two processes found, which went on from a checkpoint that one has saved; and their checkpoints' folder."""
    folder = tmp_path_factory.mktemp("small")
    saved = Checkpoints(folder / "saved")
    saved.save(5, hosts_program.state(5), 0.5)
    saved.close()
    at = f"localhost:{free_port()}"
    program, found = hosts_program.__file__, [folder / f"{i}.npy" for i in range(2)]
    together([program, at, str(i), folder / "saved", found[i]] for i in range(2))
    return folder / "saved", [np.load(path, allow_pickle=True).item() for path in found]


def test_two_processes_hold_distinct_halves_of_a_batch(small):
    _, found = small
    assert [each["devices"] for each in found] == [2, 2]
    (first,), (second,) = (each["held"] for each in found)
    size, batch_size, step = hosts_program.SIZE, hosts_program.BATCH, hosts_program.STEP
    assert len(first) == len(second) == batch_size // 2
    expected = batch_indices(0, step, size=size, batch_size=batch_size)
    np.testing.assert_array_equal(np.concatenate([first, second]), expected)


def test_two_processes_load_a_half_of_each_streamed_batch_and_train_as_one(small):
    expected, (whole,) = mesh_program.streamed()
    held = [each["stream"][1][0] for each in small[1]]
    np.testing.assert_array_equal(np.concatenate(held, axis=1), whole)
    assert held[0].shape == held[1].shape
    for each in small[1]:
        for found, same in zip(each["stream"][0], expected, strict=True):
            jax.tree.map(
                lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6), found, same
            )


def test_two_processes_go_on_from_what_one_has_saved(small):
    for each in small[1]:
        jax.tree.map(np.testing.assert_array_equal, each["last"], hosts_program.state(5))
        jax.tree.map(np.testing.assert_array_equal, each["best"], hosts_program.state(10))
        assert each["then"] == 10


def test_one_process_goes_on_from_what_two_have_saved(small):
    folder, _ = small
    assert {path.name for path in folder.glob("10/default/ocdbt.process_*")} == {
        "ocdbt.process_0",
        "ocdbt.process_1",
    }
    saved = Checkpoints(folder)
    assert saved.last_step() == 10
    for found in (saved.last(hosts_program.state(0)), saved.best(hosts_program.state(0))):
        jax.tree.map(np.testing.assert_array_equal, found, hosts_program.state(10))
    saved.close()


def test_the_first_process_writes(small):
    folder, found = small
    assert [each["first"] for each in found] == [True, False]
    assert (folder / "first.txt").read_text() == "process 0"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A run by one process and one by two, from the same pre-training, and what the two printed."""
    folder = tmp_path_factory.mktemp("hosts")
    one, two = folder / "one", folder / "two"
    setup.training(config(), one).pretrained()
    shutil.copytree(one, two)
    said = together([ROOT / "launch.py", *flags(two), *mine] for mine in joined_flags())
    run.run(config(), one, COMMAND)
    return one, two, said


def test_two_processes_find_what_one_finds(folders):
    one, two, _ = folders
    expected, found = (results.read(folder)["records"] for folder in (one, two))
    assert len(found) == len(expected) > 20
    for a, b in zip(found, expected, strict=True):
        assert {k: a[k] for k in results.IDENTITY} == {k: b[k] for k in results.IDENTITY}
    values = (np.array([r["value"] for r in records], float) for records in (found, expected))
    np.testing.assert_allclose(*values, atol=5e-3)  # a window or two on the edge
    expected, found = (
        [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        for folder in (one, two)
    )
    for a, b in zip(found, expected, strict=True):
        assert (a.keys(), a["phase"], a["step"]) == (b.keys(), b["phase"], b["step"])
        np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-3)


def test_the_first_process_reports_and_writes_what_one_would(folders):
    one, two, said = folders
    assert [str(two / "results.json") in out for out in said] == [True, False]
    names = [sorted(path.name for path in folder.iterdir()) for folder in (one, two)]
    assert names[0] == names[1]
    assert len(list((two / "tensorboard" / "simple").iterdir())) == 1


@pytest.mark.parametrize("told", [0, 1])
def test_both_end_at_the_same_stop_when_one_gets_a_sigterm(tmp_path, told):
    log = tmp_path / "metrics.jsonl"
    program = [ROOT / "launch.py", *flags(tmp_path), "--config.pretrain.epochs=10000"]
    with started([*program, *mine] for mine in joined_flags()) as processes:
        while not (log.exists() and log.read_text()):  # then both are training
            assert [process.poll() for process in processes] == [None, None]
            time.sleep(0.1)
        processes[told].terminate()
        said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [143, 143], said
    *_, last = log.read_text().splitlines()
    saved = Checkpoints(tmp_path / "checkpoints" / "pretrain")
    assert saved.last_step() == json.loads(last)["step"]
    saved.close()
