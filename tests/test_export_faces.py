"""Networks of images ship too: their layout, a mean image, people of two images each; and packages where they run."""

import subprocess
import sys
import types

import export_workdir
import numpy as np
import pytest
from mil_interpreter import Package
from PIL import Image

from configs import emotion, gender
from export import bundle, command, coreml, manifest, parity, source
from export.audit import __main__ as audit
from hybrid_jax import results

pytestmark = pytest.mark.slow


def exported(place, config, methods, formats):
    """The bundle of the last method, and its source."""
    export_workdir.write(place / "workdir", methods, config=config)
    found = source.load(place / "workdir", methods[-1], config.layers[-1])
    return bundle.write(found, formats, place / "bundle", "").parent, found


@pytest.fixture(scope="module")
def two_each(tmp_path_factory):
    """An embedding of drawn faces, two of each person: as of the London set."""
    config = emotion.get_config("smoke")
    config.data.update(num_people=60, images_per_person=2)
    place = tmp_path_factory.mktemp("faces")
    return exported(place, config, ("advanced",), ["tflite", "savedmodel"])


def test_people_of_two_images_each_are_measured_by_matching(two_each):
    place, found = two_each
    about = manifest.read(place)
    assert about["input"]["layout"] == "batch, height, width, channel"
    assert about["input"]["channels"] == ["grey"]
    assert about["input"]["normalisation"] == {"mean": [127.5], "std": [127.5]}
    assert set(about["drift"]["jax"]["attack"]) == {"gender", "identity"}
    exact = [own for own in about["parity"].values() if own["precision"] == "float32"]
    assert len(exact) == 5 and all(own["relative_difference"] <= parity.LIMIT for own in exact)
    assert found.noise_std > 0


@pytest.mark.parametrize("by_file", [False, True])
def test_they_are_audited_too(two_each, tmp_path, by_file):
    place, _ = two_each
    given = f"--tflite={place / 'device' / 'float32.tflite'}" if by_file else f"--bundle={place}"
    arguments = (given, "--data=simulated", f"--out={tmp_path / 'out'}")
    assert command.run("export.audit", audit.main, arguments) == 0
    records = results.read(tmp_path / "out")["records"]
    tried = {
        target: {r["attacker"] for r in results.select(records, evaluator="attack", target=target)}
        for target in ("gender", "identity")
    }
    assert {"logistic", "mlp", "knn"} < tried["gender"]
    if not by_file:  # whose own data have two images of each
        assert tried["identity"] == {"knn", "best"}
    how = "pixels from -1 to 1" if by_file else "normalised as the bundle says"
    assert how in (tmp_path / "out" / "audit.md").read_text()


def test_identities_of_other_people_are_attacked_by_the_file_alone(two_each, tmp_path):
    """As the paper's VGG-Face: a folder of images a person."""
    rng = np.random.default_rng(0)
    for person in range(100):
        (tmp_path / "faces" / f"p{person}").mkdir(parents=True)
        base = rng.integers(0, 256, (4, 4), np.uint8).repeat(8, 0).repeat(8, 1)
        for number in range(4):
            noisy = np.clip(base + rng.normal(0, 5, base.shape), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(tmp_path / "faces" / f"p{person}" / f"{number}.png")
    place, _ = two_each
    arguments = ("--data=vggface", f"--data_dir={tmp_path / 'faces'}", "--noise_std=0")
    arguments = (f"--bundle={place}", *arguments, f"--out={tmp_path / 'out'}")
    assert command.run("export.audit", audit.main, arguments) == 0
    records = results.read(tmp_path / "out")["records"]
    (best,) = results.select(
        records, attacker="best", metric="balanced_accuracy", format="tflite float32"
    )
    # Of each person the adversary holds one image of the test half, and is asked about the other.
    assert (best["target"], best["classes"], best["n"]) == ("identity", 100, 100)
    assert best["value"] > 0.1 > 5 * best["chance"]


def test_a_mean_image_has_a_file_which_the_phone_reads(tmp_path):
    """VGG-16; its wide layers are other sums where they are measured (`models/winograd.py`)."""
    config = gender.get_config("smoke,model=vgg16")
    config.input.scale = "mean_image"
    place, found = exported(tmp_path, config, ("reduced",), ["tflite"])
    about = manifest.read(place)
    assert about["input"]["channels"] == ["red", "green", "blue"]
    assert about["input"]["normalisation"] == {"file": manifest.NORMALISATION}
    assert about["parity"]["device/float32.tflite"]["relative_difference"] <= parity.LIMIT
    x = found.inputs(0, 3)
    samples = found.task.samples
    mean, std = samples.normalisation
    raw = x * std + mean
    np.testing.assert_allclose(manifest.normalise(place, about, raw), x, atol=1e-3)
    np.save(tmp_path / "raw.npy", raw)
    phone = [sys.executable, "examples/two_halves/phone.py", place, tmp_path / "raw.npy"]
    uploads = subprocess.run(phone, capture_output=True, check=True).stdout
    z = np.frombuffer(uploads, np.float32).reshape(3, -1)
    expected = found.as_measured[0](x)
    np.testing.assert_allclose(z, expected, atol=1e-3 * np.abs(expected).max())


def test_where_packages_run_they_are_measured(tmp_path, monkeypatch):
    """On a Mac; here by the interpreter in NumPy."""
    monkeypatch.setattr(bundle, "sys", types.SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(coreml, "predictor", Package)
    export_workdir.write(tmp_path / "workdir")
    found = source.load(tmp_path / "workdir", "advanced", export_workdir.LAYER)
    about = manifest.read(bundle.write(found, ["coreml"], tmp_path / "out", "").parent)
    packages = {f"device/{precision}.mlpackage" for precision in coreml.PRECISIONS}
    assert about["drift"].keys() == {"jax", *packages} and about["parity"].keys() == packages
    exact, coarse = (about["parity"][f"device/{p}.mlpackage"] for p in coreml.PRECISIONS)
    assert exact["relative_difference"] <= parity.LIMIT < coarse["relative_difference"]
