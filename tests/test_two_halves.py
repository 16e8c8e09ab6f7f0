"""The example's phone and server, each a process of its own, give the network's answers."""

import subprocess
import sys

import export_workdir
import numpy as np
import pytest
from export_workdir import LAYER

from export import bundle, source
from hybrid_jax.data import TEST

PHONE, SERVER = (f"examples/two_halves/{name}.py" for name in ("phone", "server"))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A bundle whose phone draws noise and scales it by nothing, so that answers can be compared; and its source."""
    place = tmp_path_factory.mktemp("halves")
    export_workdir.write(place / "workdir", ("advanced",))
    found = source.load(place / "workdir", "advanced", LAYER, noise_std=0.0)
    bundle.write(found, ["tflite", "savedmodel"], place / "bundle", "")
    return place / "bundle", found


@pytest.mark.slow
def test_together_they_are_the_network(shipped, tmp_path):
    place, found = shipped
    x = found.inputs(TEST, 40)
    samples = found.task.samples
    np.save(tmp_path / "raw.npy", x * samples.std[:, None] + samples.mean[:, None])
    uploads = subprocess.run(
        [sys.executable, PHONE, place, tmp_path / "raw.npy"], capture_output=True, check=True
    ).stdout
    answers = subprocess.run(
        [sys.executable, SERVER, place], input=uploads, capture_output=True, check=True
    ).stdout
    nothing = np.zeros((40, *found.device.inputs["standard_normal"]), np.float32)
    logits = found.cloud(found.device(x, nothing))
    expected = [samples.classes["activity"][k] for k in logits.argmax(axis=1)]
    assert answers.decode().split() == expected
    assert len(set(expected)) > 1
    assert len(uploads) == 40 * 4 * export_workdir.DIM  # nothing else leaves the phone


@pytest.mark.slow
def test_the_phone_loads_no_framework():
    program = (
        "import sys, runpy; sys.argv = ['phone']\n"
        f"runpy.run_path({PHONE!r}, run_name='phone')\n"
        "print([m for m in ('jax', 'tensorflow', 'flax', 'hybrid_jax', 'export') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
