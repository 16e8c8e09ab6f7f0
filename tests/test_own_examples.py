"""The examples of data and networks of one's own: short, shown as they are, and run as a stranger would."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from hybrid_jax import plugins, results
from hybrid_jax.data import DATASETS
from hybrid_jax.experiment import setup

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SHOWN = {
    "own_recordings.py": "own_data.md",
    "own_data.py": "own_data.md",
    "own_network.py": "own_network.md",
    "own_weights.py": "own_network.md",
}


@pytest.mark.parametrize("name", SHOWN)
def test_an_example_is_short_and_shown_as_it_is(name):
    text = (EXAMPLES / name).read_text()
    assert len(text.splitlines()) <= 40
    assert f"```python\n{text}```\n" in (ROOT / "docs" / SHOWN[name]).read_text()


@pytest.fixture
def stranger(tmp_path):
    """A folder of somebody else's, with the examples in it."""
    for name in SHOWN:
        shutil.copy(EXAMPLES / name, tmp_path)
    return tmp_path


def run(folder, *command, path=""):
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def records_of(folder):
    """What a run found: that it is all there, and that it makes sense."""
    found = results.read(folder)["records"]
    assert {r["evaluator"] for r in found} >= {"accuracy", "privacy", "attack"}
    return found


def accuracy(records, method):
    (found,) = results.select(
        records, evaluator="accuracy", metric="accuracy", method=method, split="test",
        noise_relative=0.0, cloud="original",
    )  # fmt: skip
    return found["value"]


@pytest.mark.slow
def test_data_of_ones_own(stranger):
    """By a function; the other two ways are loaded in `test_the_three_ways_give_the_same_people`."""
    run(stranger, "own_recordings.py")
    run(stranger, ROOT / "launch.py", "--config=own_data.py:function", "--workdir=run")
    records = records_of(stranger / "run")
    assert accuracy(records, "simple") > 0.6  # of three gestures
    assert {r["target"] for r in records if r["evaluator"] == "attack"} == {"hand", "identity"}


def test_the_three_ways_give_the_same_people(stranger, monkeypatch):
    monkeypatch.chdir(stranger)
    monkeypatch.setitem(DATASETS, "gestures", None)  # it registers itself: taken out again
    run(stranger, "own_recordings.py")
    made = plugins.run(stranger / "own_data.py", "config")
    found = {name: setup.load_samples(made.get_config(name)) for name in made.DATA}
    for samples in found.values():
        assert samples.classes["gesture"] == ("circle", "knock", "wave")
        assert len(samples.classes["identity"]) == 8 and len(samples.indices(0)) > 400
    csv, npz, function = (samples.input_shape for samples in found.values())
    assert csv == npz == (3, 40) and function == (3, 39)  # it smooths


@pytest.mark.slow
def test_a_network_of_ones_own_and_its_export(stranger):
    run(stranger, ROOT / "launch.py", "--config=own_network.py", "--workdir=run", "--workers=2")
    assert accuracy(records_of(stranger / "run"), "simple") > 0.6  # of four activities
    what = "--method=advanced", "--layer=fc", "--noise_std=0.1", "--formats=tflite,savedmodel"
    command = "-m", "export", "--workdir=run", "--out=bundle", *what, "--allow-drift"
    run(stranger, *command, path=ROOT)
    assert (stranger / "bundle" / "manifest.json").is_file()


@pytest.mark.slow
def test_weights_of_another_library(stranger):
    generator = np.random.default_rng(0)
    shapes = {"0": (16, 12, 5), "3": (32, 16, 5), "6": (64, 608), "8": (4, 64)}
    kernels = {f"{n}.weight": generator.normal(0, 0.1, s) for n, s in shapes.items()}
    biases = {f"{n}.bias": np.zeros(s[0]) for n, s in shapes.items()}
    tensors = {name: a.astype(np.float32) for name, a in (kernels | biases).items()}
    save_file(tensors, stranger / "small.safetensors")
    run(stranger, ROOT / "launch.py", "--config=own_weights.py", "--workdir=run")
    assert accuracy(records_of(stranger / "run"), "simple") > 0.6
