"""What is not shipped: what differs, what a format cannot take, what nobody asked for; and nothing is left of it."""

import json
import shutil

import export_workdir
import numpy as np
import pytest
from export_workdir import LAYER

from export import __main__, bundle, command, manifest, parity, source, summary, tflite
from export.folder import complete
from export.halves import INPUT, Half
from hybrid_jax.errors import UserError


@pytest.fixture(scope="module")
def advanced(tmp_path_factory):
    place = tmp_path_factory.mktemp("workdir")
    export_workdir.write(place)
    return source.load(place, "advanced", LAYER)


def run(*arguments):
    return command.run("export", __main__.main, arguments)


def test_what_is_worse_than_was_measured_is_not_shipped(advanced, tmp_path, monkeypatch):
    """Nor what a format has no operation for, which is told before anything is converted."""
    name = "device/int8.tflite"
    made = {name: {"precision": "int8", "relative_difference": 0.1, "relative_rms": 0.1}}
    monkeypatch.setattr(bundle, "_device", lambda *_: (made, {name: None}))
    monkeypatch.setattr(bundle.drift, "of", lambda *_: {})
    monkeypatch.setattr(bundle.drift, "excess", lambda _: ["int8 loses 9 points"])
    with pytest.raises(UserError, match="not exported: int8 loses 9 points; --allow-drift"):
        bundle.write(advanced, ["tflite"], tmp_path / "out", "")
    bundle.write(advanced, ["tflite"], tmp_path / "out", "", allow_drift=True)
    monkeypatch.setitem(bundle.KNOWN, "tflite", lambda: frozenset({"stablehlo.add"}))
    monkeypatch.setattr(bundle, "_device", None)
    with pytest.raises(
        UserError, match=r"cannot be exported: tflite has none for .*stablehlo\.dot"
    ):
        bundle.write(advanced, ["tflite"], tmp_path / "other", "")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_of_a_bundle_without_a_file_that_runs_here_no_drift_is_told(
    advanced, tmp_path, monkeypatch
):
    made = {"device/float32.mlpackage": {"precision": "float32", "not_run": bundle.NOT_RUN}}
    monkeypatch.setattr(bundle, "_device", lambda *_: (made, {}))
    path = bundle.write(advanced, ["coreml"], tmp_path / "out", "")
    about = manifest.read(path.parent)
    assert "drift" not in about
    assert "not run here |" in summary.of(about)


@pytest.mark.parametrize("value", [0.0, 0.9e-4, 1.1e-4, float("nan"), float("inf")])
def test_what_is_no_number_is_not_what_jax_computes(value):
    found = parity.differences(np.float32([[1 + value, 1], [1, 1]]), np.ones((2, 2)))
    exact, coarse = ({"a file": found | {"precision": p}} for p in ("float32", "int8"))
    assert bool(parity.excess(exact)) == (not value < parity.LIMIT)
    assert bool(parity.excess(coarse)) == (not np.isfinite(value))
    json.dumps(found, allow_nan=False)
    assert not parity.excess({"a package": {"precision": "float32", "not_run": "here"}})


def test_noise_is_asked_for_where_the_run_found_none(advanced, tmp_path):
    """Not shipped in silence: a phone would add nothing."""
    shutil.copytree(advanced.workdir, tmp_path, dirs_exist_ok=True)
    about = tmp_path / "embeddings" / LAYER / "advanced" / "embedding.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"operating_noise_std": 0.0}))
    with pytest.raises(
        UserError, match=r"advanced at fc_2 has an operating noise of 0: give .* --noise_std"
    ):
        source.load(tmp_path, "advanced", LAYER)
    assert source.load(tmp_path, "advanced", LAYER, noise_std=0.0).noise_std == 0
    assert source.load(tmp_path, "simple", LAYER).noise_std == 0


def test_a_network_of_which_int8_can_round_nothing_is_told():
    half = Half(lambda _, x: x[:, :2], (), {INPUT: (3,)}, "feature")
    with pytest.raises(UserError, match="int8: none of this network's operations can be rounded"):
        tflite.convert(half, "int8", [np.ones((1, 3), np.float32)])


def test_a_folder_that_was_not_finished_leaves_no_other(tmp_path):
    with pytest.raises(KeyError), complete(tmp_path / "a" / "b" / "c") as folder:
        (folder / "file").write_text("")
        raise KeyError
    assert not list(tmp_path.iterdir())
    with complete(tmp_path / "a" / "b"):
        pass
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"--out=.*file/out cannot be made"),
        complete(tmp_path / "file" / "out"),
    ):
        pass


def test_a_changed_or_missing_file_is_named(tmp_path):
    copy = tmp_path / "copy"
    path = copy / "device" / "int8.tflite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a model")
    manifest.seal(copy, {})
    assert manifest.read(copy)["files"].keys() == {"device/int8.tflite"}
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
    (copy / manifest.NAME).write_text(json.dumps({"schema": 1}))
    with pytest.raises(UserError, match="it lists no files"):
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
        (("--method=advanced", f"--layer={LAYER}", "--reduction=autoencder"), "reduction 'autoencder'"),
        (("--method=on_premise", f"--layer={LAYER}"), "on_premise is the whole network"),
        (("--method=on_premise", "--formats=savedmodel"), "on_premise has no cloud half"),
        (("--method=advanced", "--lair=1"), "--lair"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_exit_code_2(advanced, tmp_path, capsys, arguments, message):
    assert run(f"--workdir={advanced.workdir}", f"--out={tmp_path / 'out'}", *arguments) == 2
    told = capsys.readouterr().err
    assert message in told and told.startswith("export: ") and told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_without_the_data_nothing_is_written(advanced, tmp_path, capsys):
    """int8 needs representative inputs, and every file is tried on real ones."""
    moved = tmp_path / "moved"
    shutil.copytree(advanced.workdir, moved)
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
