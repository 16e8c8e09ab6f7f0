"""A bundle holds what was measured: its files compute what JAX computes, its manifest says so, and it is whole."""

import json
import shutil

import export_workdir
import numpy as np
import pytest
from export_workdir import DIM, LAYER

from export import __main__, bundle, command, manifest, parity, savedmodel, source
from export.extractor import Extractor
from export.halves import INPUT, NORMAL
from export.litert import LiteRT
from hybrid_jax.errors import UserError

PRECISIONS = ("float32", "float16", "int8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("workdir")
    export_workdir.write(place)
    return place


@pytest.fixture(scope="module")
def advanced(folder):
    return source.load(folder, "advanced", LAYER)


@pytest.fixture(scope="module")
def shipped(folder, tmp_path_factory):
    """A bundle of all formats, by the command line."""
    out = tmp_path_factory.mktemp("bundles") / "advanced"
    arguments = (f"--workdir={folder}", "--method=advanced", f"--layer={LAYER}", f"--out={out}")
    assert run(*arguments) == 0
    return out


def run(*arguments):
    return command.run("export", __main__.main, arguments)


def test_the_manifest_says_how_to_feed_it(shipped, advanced):
    about = manifest.read(shipped)
    assert about["input"]["shapes"] == {INPUT: [1, 12, 50], NORMAL: [1, DIM]}
    assert about["output"] == {"name": "feature", "shape": [1, DIM], "dtype": "float32"}
    assert about["classes"] == ["dws", "ups", "wlk", "jog"]
    assert about["input"]["channels"][:4] == [
        "attitude.roll",
        "attitude.pitch",
        "attitude.yaw",
        "gravity.x",
    ]
    assert about["noise_std"] == pytest.approx(advanced.noise_std) and advanced.noise_std > 0
    assert (about["layer"], about["reduced_dim"], about["clip_norm"]) == (LAYER, DIM, None)
    assert {"tensorflow", "jax", "coremltools", "ai-edge-litert"} <= about["versions"].keys()
    files = {path.relative_to(shipped).as_posix() for path in shipped.rglob("*") if path.is_file()}
    assert files == {*about["files"], manifest.NAME}
    assert {f"device/{p}.tflite" for p in PRECISIONS} < files


def test_raw_windows_are_normalised_as_in_training(shipped, advanced):
    samples = advanced.task.samples
    x = advanced.tried(5)
    raw = x * samples.std[:, None] + samples.mean[:, None]
    np.testing.assert_allclose(
        manifest.normalise(shipped, manifest.read(shipped), raw), x, atol=1e-5
    )


def test_parity_and_drift_stand_in_the_manifest(shipped):
    about = manifest.read(shipped)
    found = about["parity"]
    exact = [name for name in found if "float32" in name and "mlpackage" not in name]
    assert len(exact) == 4  # TFLite, both cloud halves, and device then cloud
    assert all(found[name]["relative_difference"] <= parity.LIMIT for name in exact)
    assert all(found[name]["inputs"] == 576 for name in exact)  # all there are
    assert 1e-5 < found["device/float16.tflite"]["relative_difference"] < 1e-2
    assert 1e-3 < found["device/int8.tflite"]["relative_rms"] < 1
    assert 0 <= found["device/int8.tflite"]["clipped_share"] < 0.01
    drift = about["drift"]
    assert drift["jax"] == drift["device/float32.tflite"]
    assert drift["jax"] != drift["device/int8.tflite"]
    assert set(drift["jax"]) == {"accuracy", "privacy", "attack"}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_noise_is_added_in_float32_in_every_precision(shipped, advanced, precision):
    """Rounded noise would be other noise than was measured; of float16 the deviation alone is rounded, to 2^-11."""
    path = shipped / "device" / f"{precision}.tflite"
    file, x = LiteRT(path), advanced.tried(1)
    normal = np.random.default_rng(0).standard_normal((1, DIM)).astype(np.float32)
    added = file({INPUT: x, NORMAL: normal}) - file({INPUT: x}).copy()
    scaled = np.float32(advanced.noise_std) * normal
    rounding = 2.0**-11 if precision == "float16" else 0.0
    # What float32 loses in the sum with a feature of about .01.
    np.testing.assert_allclose(added, scaled, rtol=rounding, atol=4e-9)
    assert Extractor(path).precision == precision


def test_the_cloud_takes_any_batch(shipped, advanced):
    z = np.random.default_rng(0).normal(size=(7, DIM)).astype(np.float32)
    expected = advanced.cloud(z)
    for batch in (z[:1], z):
        saved = savedmodel.run(shipped / "cloud" / "saved_model", batch)
        serialised = savedmodel.run_serialised(shipped / "cloud" / "classifier.jax", batch)
        np.testing.assert_allclose(saved, expected[: len(batch)], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(serialised, expected[: len(batch)], rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_the_whole_network_and_methods_without_noise_are_exported_too(folder, tmp_path):
    for method, layer, output in (("simple", LAYER, 64), ("on_premise", None, 4)):
        found = source.load(folder, method, layer)
        about = manifest.read(bundle.write(found, ["tflite"], tmp_path / method, "").parent)
        assert about["input"]["names"] == [INPUT]
        assert about["output"]["shape"] == [1, output] and about["noise_std"] == 0
    logits = LiteRT(tmp_path / "on_premise" / "device" / "float32.tflite")({INPUT: found.tried(1)})
    file = Extractor(tmp_path / "simple" / "device" / "float32.tflite")
    simple = source.load(folder, "simple", LAYER)
    np.testing.assert_allclose(
        simple.cloud(file.features(found.tried(1))), logits, rtol=1e-4, atol=1e-4
    )


@pytest.mark.slow
def test_the_bound_on_the_norm_is_in_the_graph(tmp_path):
    export_workdir.write(tmp_path / "workdir", ("advanced",), clip_norm=1e-3)
    found = source.load(tmp_path / "workdir", "advanced", LAYER)
    bundle.write(found, ["tflite"], tmp_path / "out", "")
    for precision in PRECISIONS:
        z = Extractor(tmp_path / "out" / "device" / f"{precision}.tflite").features(found.tried(20))
        np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1e-3, rtol=1e-3)
    assert manifest.read(tmp_path / "out")["clip_norm"] == pytest.approx(1e-3)


def test_a_changed_or_missing_file_is_named(shipped, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(shipped, copy)
    path = copy / "device" / "int8.tflite"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"int8.tflite has been changed: its SHA-256 is \w{12}"):
        manifest.read(copy)
    path.unlink()
    with pytest.raises(UserError, match=r"int8.tflite is missing from the bundle"):
        manifest.read(copy)
    (copy / manifest.NAME).write_text(json.dumps({"schema": 7}))
    with pytest.raises(UserError, match="has schema 7: expected 1"):
        manifest.read(copy)
    with pytest.raises(UserError, match="is no bundle"):
        manifest.read(tmp_path)


@pytest.mark.slow
def test_what_differs_is_not_shipped_and_nothing_is_left(advanced, tmp_path, monkeypatch):
    monkeypatch.setattr(parity, "LIMIT", 0.0)
    with pytest.raises(
        UserError, match=r"not exported: device/float32.tflite differs .*--allow-drift"
    ):
        bundle.write(advanced, ["tflite"], tmp_path / "out", "")
    assert not list(tmp_path.iterdir())
    bundle.write(advanced, ["tflite"], tmp_path / "out", "", allow_drift=True)
    assert manifest.read(tmp_path / "out")["parity"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--method=advanced", "--layer=conv_9"), "has no embedding conv_9/advanced: it has fc_2/advanced"),
        (("--method=noisy", f"--layer={LAYER}"), "has no embedding fc_2/noisy"),
        (("--method=advance", f"--layer={LAYER}"), "method 'advance'"),
        (("--method=advanced",), "--layer is missing"),
        (("--method=advanced", f"--layer={LAYER}", "--noise_std=-1"), "--noise_std=-1: a standard deviation"),
        (("--method=simple", f"--layer={LAYER}", "--noise_std=1"), "simple adds no noise"),
        (("--method=advanced", f"--layer={LAYER}", "--formats=onnx"), "format 'onnx'"),
        (("--method=advanced", "--lair=1"), "--lair"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_exit_code_2(folder, tmp_path, capsys, arguments, message):
    assert run(f"--workdir={folder}", f"--out={tmp_path / 'out'}", *arguments) == 2
    told = capsys.readouterr().err
    assert message in told and told.startswith("export: ") and told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_without_the_data_nothing_is_written(folder, tmp_path, capsys):
    """int8 needs representative inputs, and every file is tried on real ones."""
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    config = json.loads((moved / "config.json").read_text())
    config["data"] = {
        "name": "motionsense",
        "dir": str(tmp_path / "nowhere"),
        "window": 50,
        "step": 10,
    }
    (moved / "config.json").write_text(json.dumps(config))
    arguments = (
        f"--workdir={moved}",
        "--method=advanced",
        f"--layer={LAYER}",
        f"--out={tmp_path / 'out'}",
    )
    assert run(*arguments) == 2
    assert "nowhere" in capsys.readouterr().err and not (tmp_path / "out").exists()
