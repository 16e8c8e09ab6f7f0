"""A bundle holds what was measured: its files compute what JAX computes, its manifest says so, and it is whole."""

import export_workdir
import numpy as np
import pytest
from export_workdir import DIM, LAYER

from export import __main__, bundle, command, manifest, parity, savedmodel, source, summary, tflite
from export.extractor import Extractor
from export.halves import INPUT, NORMAL
from export.litert import LiteRT

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
    exact = [
        n for n, own in found.items() if own["precision"] == "float32" and "not_run" not in own
    ]
    assert len(exact) == 5  # TFLite, both cloud halves, and each of those after the device
    assert all(found[name]["relative_difference"] <= parity.LIMIT for name in exact)
    assert all(found[name]["inputs"] == 1000 for name in exact)  # 576 of the test split
    assert 1e-5 < found["device/float16.tflite"]["relative_difference"] < 1e-2
    assert 1e-3 < found["device/int8.tflite"]["relative_rms"] < 1
    assert 0 <= found["device/int8.tflite"]["clipped_share"] < 0.01
    assert all("not_run" in found[f"device/{p}.mlpackage"] for p in PRECISIONS[:2])  # on Linux
    drift = about["drift"]
    assert drift["jax"] == drift["device/float32.tflite"]
    assert drift["jax"] != drift["device/int8.tflite"]
    assert set(drift["jax"]) == {"accuracy", "privacy", "attack"}


def test_the_summary_has_the_figures_of_every_file(shipped):
    about = manifest.read(shipped)
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in summary.of(about).splitlines()]
    head, _, *rest = rows
    found = {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rest}
    assert found.keys() == {"as measured", *about["parity"]} and len(head) == 6
    for name, own in about["drift"].items():
        row = found["as measured" if name == "jax" else name]
        assert row["accuracy, %"] == f"{100 * own['accuracy']:.1f}"
        assert row["gender: privacy, %"] == f"{100 * own['privacy']['gender']['value']:.1f}"
    assert found["device/float32.mlpackage"]["difference (rms)"] == "not run here"
    package = (shipped / "device" / "float32.mlpackage").rglob("*")
    size = sum(path.stat().st_size for path in package if path.is_file())
    assert found["device/float32.mlpackage"]["kB"] == f"{size / 1000:,.0f}"


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


def test_the_whole_network_knows_no_bound_on_a_feature(tmp_path):
    embedded = export_workdir.write(tmp_path, clip_norm=1e-3)["simple"]
    found = source.load(tmp_path, "on_premise", None)
    x = found.tried(5)
    expected, _ = found.task.network.apply(embedded.network_variables, x)
    for half in (found.device, found.as_measured[0]):
        np.testing.assert_allclose(half(x), expected, rtol=1e-5, atol=1e-6)
    assert (
        np.abs(found.measured.classifier(found.variables, embedded.z[0][:5]) - expected).max() > 0
    )


def test_values_beyond_the_ranges_of_int8_are_counted(shipped, advanced, monkeypatch):
    """The input's too, which the file rounds first."""
    exact, rounded = (
        (shipped / "device" / f"{name}.tflite").read_bytes() for name in ("float32", "int8")
    )
    x = advanced.tried(20)[:, None]
    usual, far = (tflite.clipped_share(exact, rounded, k * x) for k in (1, 30))
    assert usual < 0.01 < 0.1 < far
    names = LiteRT(rounded).int8_ranges()
    assert "serving_default_input:0" + tflite.QUANTISED_INPUT in names
    monkeypatch.setattr(tflite, "QUANTISED_INPUT", "none is called so")
    assert tflite.clipped_share(exact, rounded, 30 * x) != far


def test_int8_rounds_the_network_alone(shipped):
    """PCA and noise come after it."""
    file = LiteRT((shipped / "device" / "int8.tflite").read_bytes())
    rounded = {name for name, kind in file.kinds.items() if kind == "int8"}
    assert any("/fc_2/" in name for name in rounded)
    assert all("/Network/" in name or name.startswith("serving_default_input") for name in rounded)


@pytest.mark.slow
def test_the_bound_on_the_norm_is_in_the_graph(tmp_path):
    export_workdir.write(tmp_path / "workdir", ("advanced",), clip_norm=1e-3)
    found = source.load(tmp_path / "workdir", "advanced", LAYER)
    bundle.write(found, ["tflite"], tmp_path / "out", "")
    for precision in PRECISIONS:
        z = Extractor(tmp_path / "out" / "device" / f"{precision}.tflite").features(found.tried(20))
        np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1e-3, rtol=1e-3)
    assert manifest.read(tmp_path / "out")["clip_norm"] == pytest.approx(1e-3)
