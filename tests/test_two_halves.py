"""The example's phone and server, each a process of its own, give the network's answers."""

import hashlib
import json
import shutil
import subprocess
import sys

import export_workdir
import numpy as np
import pytest
from export_workdir import LAYER

from export import bundle, source, tflite
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
@pytest.mark.parametrize(
    ("half", "foreign"), [(PHONE, ("jax", "tensorflow")), (SERVER, ("ai_edge_litert",))]
)
def test_neither_loads_what_the_other_runs(shipped, tmp_path, half, foreign):
    """Nor the network's own code. TensorFlow itself loads JAX where it is installed."""
    place, found = shipped
    np.save(tmp_path / "raw.npy", found.inputs(TEST, 2))
    upload = np.zeros(export_workdir.DIM, np.float32).tobytes()
    given = [half, str(place), str(tmp_path / "raw.npy")][: 2 + (half == PHONE)]
    program = (
        f"import sys, runpy; sys.argv = {given!r}\n"
        f"runpy.run_path({half!r}, run_name='__main__')\n"
        f"foreign = (*{foreign!r}, 'flax', 'hybrid_jax', 'export')\n"
        "sys.stderr.write(repr([m for m in foreign if m in sys.modules]))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, input=upload, capture_output=True, check=True)
    assert done.stdout and done.stderr.decode().splitlines()[-1].endswith("[]")


@pytest.mark.slow
def test_a_phone_draws_anew_and_runs_no_other_file(shipped, tmp_path):
    place, found = shipped
    copy = tmp_path / "bundle"
    shutil.copytree(place, copy)
    noisy = source.load(place.parent / "workdir", "advanced", LAYER, noise_std=100.0)
    model = tflite.convert(noisy.device, "float32")
    (copy / "device" / "float32.tflite").write_bytes(model)
    x = np.repeat(found.inputs(TEST, 1), 200, axis=0)
    np.save(tmp_path / "raw.npy", x)
    command = [sys.executable, PHONE, copy, tmp_path / "raw.npy"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode and b"float32.tflite is not the file that was checked" in done.stderr

    about = json.loads((copy / "manifest.json").read_text())
    about["files"]["device/float32.tflite"]["sha256"] = hashlib.sha256(model).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(about))
    uploads = subprocess.run(command, capture_output=True, check=True).stdout
    z = np.frombuffer(uploads, np.float32).reshape(200, -1)
    assert len(np.unique(z[:, 0])) == 200
    assert z.std() == pytest.approx(100, rel=0.15) and abs(np.corrcoef(z.T)[0, 1]) < 0.4
