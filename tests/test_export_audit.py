"""The audit runs the file itself: it finds a planted leak, finds none where there is none, and knows what it audits."""

import export_workdir
import numpy as np
import pytest
from export_workdir import LAYER

from export import bundle, command, source, tflite
from export.audit import __main__ as audit
from export.audit import labelled
from export.extractor import Extractor
from export.halves import INPUT, NORMAL, Half
from hybrid_jax import results
from hybrid_jax.errors import UserError


def half(noise=None, feature=lambda x: x[:, :3], by_input=0.0):
    """A device half that uploads the first three of five inputs, the noise of std 0.5 if it adds any."""
    if noise is None:
        return Half(lambda _, x: feature(x), (), {INPUT: (5,)}, "feature")

    def noisy(_, x, normal):
        return feature(x) + noise(normal) * (1 + by_input * x[:, :1] ** 2)

    return Half(noisy, (), {INPUT: (5,), NORMAL: (3,)}, "feature")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("files")
    kinds = {
        "clean": half(),
        "noisy": half(lambda n: 0.5 * n),
        "other": half(lambda n: 0.5 * n + 0.2 * n * n),
        "scaled": half(lambda n: 0.5 * n, by_input=1.0),
        "blind": half(feature=lambda x: x[:, 2:]),
    }
    for name, one in kinds.items():
        (place / f"{name}.tflite").write_bytes(tflite.convert(one, "float32"))
    return place


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Inputs whose first number tells the label, with ten inputs of each of forty people."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(40) % 2, 10)
    inputs = rng.normal(size=(400, 5)).astype(np.float32)
    inputs[:, 0] += 4 * labels
    path = tmp_path_factory.mktemp("data") / "planted.npz"
    np.savez(path, inputs=inputs, labels=labels, groups=np.repeat(np.arange(40), 10))
    return path


def run(*arguments):
    return command.run("export.audit", audit.main, arguments)


def best(folder):
    records = results.read(folder)["records"]
    (found,) = results.select(records, attacker="best", metric="balanced_accuracy")
    return found


def test_a_planted_leak_is_found_and_noise_hides_it(files, planted, tmp_path):
    given = (f"--data={planted}",)
    assert run(f"--tflite={files / 'clean.tflite'}", *given, f"--out={tmp_path / 'clean'}") == 0
    assert (
        run(
            f"--tflite={files / 'noisy.tflite'}",
            *given,
            "--noise_std=50",
            f"--out={tmp_path / 'loud'}",
        )
        == 0
    )
    assert run(f"--tflite={files / 'blind.tflite'}", *given, f"--out={tmp_path / 'blind'}") == 0
    assert best(tmp_path / "clean")["value"] > 0.9
    for nothing in ("loud", "blind"):
        found = best(tmp_path / nothing)
        assert found["value"] < 0.65 and found["ci_low"] < 0.5 + 0.05
    text = (tmp_path / "clean" / "audit.md").read_text()
    assert "400 samples of planted.npz" in text and "gallery leave_group_out" in text


def test_the_noise_is_what_the_file_adds(files, planted, tmp_path):
    assert Extractor(files / "noisy.tflite").noise_std == pytest.approx(0.5)
    assert Extractor(files / "clean.tflite").noise_std == 0
    out = tmp_path / "out"
    assert run(f"--tflite={files / 'noisy.tflite'}", f"--data={planted}", f"--out={out}") == 0
    records = results.read(out)["records"]
    stds = [r["noise_std"] for r in records if "label_floor" not in r["metric"]]
    np.testing.assert_allclose(stds, 0.5)
    assert {r["format"] for r in records} == {"tflite float32"}
    with pytest.raises(
        UserError, match=r"other.tflite does not add standard_normal times one number"
    ):
        Extractor(files / "other.tflite").check(np.zeros((1, 5)), 0.5)
    with pytest.raises(UserError, match=r"adds noise of 0.5, its manifest says 0.7"):
        Extractor(files / "noisy.tflite").check(np.zeros((1, 5)), 0.7)
    # At 0 it is as it should be.
    Extractor(files / "scaled.tflite").check(np.zeros((3, 5), np.float32), 0.5)
    with pytest.raises(UserError, match="does not add standard_normal times one number"):
        Extractor(files / "scaled.tflite").check(np.ones((3, 5), np.float32), 0.5)


def test_features_are_those_of_the_file(files, planted):
    x = np.load(planted)["inputs"]
    np.testing.assert_array_equal(Extractor(files / "noisy.tflite").features(x), x[:, :3])


@pytest.mark.slow
def test_every_file_of_a_bundle_is_audited_on_the_samples_of_its_task(tmp_path):
    export_workdir.write(tmp_path / "workdir", ("advanced",))
    found = source.load(tmp_path / "workdir", "advanced", LAYER)
    bundle.write(found, ["tflite"], tmp_path / "bundle", "")
    assert (
        run(f"--bundle={tmp_path / 'bundle'}", "--data=simulated", f"--out={tmp_path / 'out'}") == 0
    )
    records = results.read(tmp_path / "out")["records"]
    assert {r["format"] for r in records} == {f"tflite {p}" for p in tflite.PRECISIONS}
    assert {r["target"] for r in records} == {"gender", "identity"}  # not the primary task
    floors = results.select(records, metric="privacy_label_floor", gallery="held_out")
    assert len(floors) == 6
    privacy = results.select(
        records, metric="privacy", gallery="held_out", target="gender", format="tflite float32"
    )
    # What the experiment measures of the embedding by its own data.
    measured = bundle.manifest.read(tmp_path / "bundle")["drift"]["jax"]["privacy"]["gender"][
        "value"
    ]
    assert privacy[0]["value"] == pytest.approx(measured, abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--tflite=F/nothing.tflite", "--data=D"), "there is no such file"),
        (("--tflite=D", "--data=D"), "no TFLite file"),
        (("--tflite=F/clean.tflite", "--data=F/none.npz"), "there is no such file"),
        (("--tflite=F/clean.tflite", "--data=celeba"), "data set (--data) 'celeba'"),
        (("--tflite=F/clean.tflite", "--data=D", "--noise_std=-1"), "a standard deviation is 0 or more"),
        (("--bundle=F", "--data=D"), "is no bundle"),
        (("--data=D",), "--bundle --tflite"),
        (("--tflite=F/clean.tflite", "--data=S"), "takes inputs of shape (5,); the data has (4,)"),
        (("--tflite=F/clean.tflite", "--data=L"), "it has no array 'labels'"),
        (("--tflite=F/clean.tflite", "--data=U"), "'label'"),
        (("--tflite=F/clean.tflite", "--data=R"), "labels has shape (3,), not (4,)"),
        (("--tflite=F/clean.tflite", "--data=W"), "window needs start"),
        (("--tflite=F/clean.tflite", "--data=N"), "not one label is known"),
        (("--tflite=F/clean.tflite", "--data=E"), "inputs has shape (0, 5): no sample"),
        (("--tflite=F/clean.tflite", "--data=O"), "of 0 classes of labels there are samples to learn from and others"),
        (("--tflite=F/clean.tflite", "--data=D", "--data_dir=F"), "is of a data set"),
        (("--tflite=F/clean.tflite", "--data=simulated", "--data_dir=F"), "is read from no folder"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_exit_code_2(
    files, planted, tmp_path, capsys, arguments, message
):
    x = np.zeros((4, 4), np.float32)
    wrong = {
        "S": {"inputs": x, "labels": [0, 1, 0, 1]}, "L": {"inputs": x}, "R": {"inputs": x, "labels": [0, 1, 0]},
        "U": {"inputs": x, "labels": [0, 1, 0, 1], "label": [0, 1, 0, 1]},
        "W": {"inputs": x, "labels": [0, 1, 0, 1], "window": 50},
        "N": {"inputs": np.zeros((4, 5)), "labels": [-1, -1, -1, -1]},
        "E": {"inputs": np.zeros((0, 5)), "labels": np.zeros(0, int)},
        "O": {"inputs": np.arange(20.0).reshape(4, 5), "labels": [0, 1, 2, 3]},
    }  # fmt: skip
    for name, arrays in wrong.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)
    places = {"D": planted} | {name: tmp_path / f"{name}.npz" for name in wrong}
    filled = []
    for argument in arguments:
        name, _, value = argument.partition("=")
        value = str(places.get(value, value.replace("F/", f"{files}/") if value != "F" else files))
        filled.append(f"{name}={value}")
    assert run(*filled, f"--out={tmp_path / 'out'}") == 2
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1 and not (tmp_path / "out").exists()


def test_the_order_of_rows_and_the_names_of_people_change_nothing(tmp_path):
    rng, size = np.random.default_rng(0), 240
    people = np.repeat(["ann", "bob", "cy", "di"], 60)
    start = np.tile(10 * np.arange(60), 4)
    labels = np.where(people < "c", 0, 1)
    labels[3] = -1  # not known
    arrays = {
        "inputs": rng.normal(size=(size, 2)), "labels": labels, "recording": people, "start": start, "window": 50,
    }  # fmt: skip
    # Neighbours are far apart: read as they lie they would seem to have nothing in common.
    order = np.concatenate([np.arange(k, size, 7) for k in range(7)])
    mixed = {name: a if name == "window" else a[order] for name, a in arrays.items()}
    found = []
    for name, own in (("a", arrays), ("b", mixed)):
        np.savez(tmp_path / f"{name}.npz", **own)
        found.append(labelled.of_file(tmp_path / f"{name}.npz", raw=False))
    one, other = found
    assert (one.step, other.step) == (10, 10) and 3 not in one.known("labels")
    for mine, theirs in zip(one.parts("labels"), other.parts("labels"), strict=True):
        assert len(mine) and set(mine) == set(order[theirs])
    _, _, asked = one.parts("labels")
    assert start[asked].min() >= start[one.parts("labels")[0]].max() + 50  # nothing of what is held


def test_people_of_one_sample_each_are_halved_by_class(files, tmp_path):
    """The adversary then learns from other people; who is missing a label is left out, also in a table with gaps."""
    rng = np.random.default_rng(0)
    labels = np.where(np.arange(120) % 3 == 0, 1.0, 0.0)
    labels[:4] = -1, np.nan, np.nan, -1
    inputs = rng.normal(size=(120, 5)).astype(np.float32)
    inputs[:, 0] += 4 * (labels == 1)
    np.savez(tmp_path / "once.npz", inputs=inputs, labels=labels, groups=np.arange(120))
    data = labelled.of_file(tmp_path / "once.npz", raw=False)
    fit, choose, asked = data.parts("labels")
    assert sorted([*fit, *choose, *asked]) == list(range(4, 120)) and len(asked) == 58
    assert len(choose) and all(len(set(labels[part])) == 2 for part in (fit, choose, asked))
    out = tmp_path / "out"
    arguments = (f"--tflite={files / 'clean.tflite'}", f"--data={tmp_path / 'once.npz'}")
    assert run(*arguments, f"--out={out}") == 0
    assert best(out)["value"] > 0.9


def test_an_audit_takes_no_others_folder(files, planted, tmp_path, capsys):
    (tmp_path / "results.json").write_text("of a run")
    assert run(f"--tflite={files / 'clean.tflite'}", f"--data={planted}", f"--out={tmp_path}") == 2
    assert "exists" in capsys.readouterr().err
    assert (tmp_path / "results.json").read_text() == "of a run"
