"""The point to ship is chosen on validation, is on the front, and is what export takes."""

import json
import re
import shlex

import export_workdir
import numpy as np
import pytest
from command_line import run

from export import source
from hybrid_jax import results
from hybrid_jax.choice import choose
from hybrid_jax.choice.criteria import CRITERIA, front, meets
from hybrid_jax.choice.points import points
from hybrid_jax.errors import UserError

LAYERS = ("conv_4", "fc_1")
GRID = (0.0, 0.1, 0.5, 1.0)


def records():
    """`advanced` and `reduced` at two layers; accuracy and attack fall with noise; on the test all is the other way."""
    made = []
    for depth, layer in enumerate(LAYERS):
        for method in ("reduced", "advanced"):
            for noise in GRID if method == "advanced" else (0.0,):
                about = {
                    "dataset": "motionsense", "split_kind": "trial", "method": method, "layer": layer,
                    "reduction": "pca", "reduced_dim": 8, "noise_relative": noise, "noise_std": 2 * noise,
                    "contrastive_weight": 0.3 if method == "advanced" else 0.0,
                }  # fmt: skip
                good = 0.8 + 0.1 * depth - 0.1 * noise
                measured = {
                    "accuracy": good,
                    "attack": 0.9 - 0.3 * noise,
                    "index": 0.2 + 0.5 * noise,
                }
                for split in ("validation", "test"):
                    value = {n: v if split == "validation" else 1 - v for n, v in measured.items()}
                    made += _measured(about | {"split": split}, value)
        device = {
            "evaluator": "device",
            "layer": layer,
            "format": "tflite float32",
            "host": "a phone",
        }
        for metric, value in (("median_ms", 1.0 + depth), ("uplink_bytes", 32)):
            own = {"method": "reduced", "reduction": "pca", "metric": metric, "value": value}
            made.append(results.record(**device, **own))
    return made


def _measured(about, value):
    spied = {"target": "gender"}
    yield results.record(
        evaluator="accuracy", metric="accuracy", value=value["accuracy"], target="activity", **about
    )
    for gallery, more in (("leave_group_out", 0.0), ("self", -0.2)):
        yield results.record(
            evaluator="privacy", metric="privacy_index", value=value["index"] + more,
            gallery=gallery if about["split"] == "test" else "leave_group_out", mode="classes", **spied, **about,
        )  # fmt: skip
        if about["split"] == "validation":
            break
    for name, less in (("best", 0.0), ("logistic", 0.1)):
        yield results.record(
            evaluator="attack", metric="balanced_accuracy", value=value["attack"] - less,
            attacker=name, gallery="held_out", **spied, **about,
        )  # fmt: skip


@pytest.fixture
def workdir(tmp_path):
    results.write(tmp_path / "results.json", "a run", {}, records())
    return tmp_path


def chosen(workdir, target=None, **bounds):
    choose.choose(workdir, "the command", bounds, target)
    return choose.read(workdir / choose.NAME)


def test_points_hold_what_was_measured_by_split():
    found = points(records(), "gender")
    assert len(found) == 2 * 4  # advanced without noise is no point of its own
    (one,) = [p for p in found if (p["layer"], p["noise_relative"]) == ("fc_1", 0.5)]
    assert one["validation"] == pytest.approx(
        {"accuracy": 0.85, "attack": 0.75, "privacy_index": 0.45, "ms": 2.0, "uplink_bytes": 32}
    )
    # Of the gallery of validation, not the paper's own, which is stricter.
    assert one["test"] == pytest.approx({"accuracy": 0.15, "attack": 0.25, "privacy_index": 0.55})
    assert one["noise_std"] == 1.0


def test_of_several_devices_the_slowest_decides():
    slow = {"evaluator": "device", "metric": "median_ms", "layer": "conv_4", "method": "reduced"}
    for host, value in (("old", 9.0), ("new", 0.5)):
        more = results.record(**slow, reduction="pca", value=value, host=host)
        found = points([*records(), more], "gender")
        at = {p["validation"]["ms"] for p in found if p["layer"] == "conv_4"}
        assert at == {max(value, 1.0)}


def test_with_a_bound_on_accuracy_the_most_private_is_chosen_and_otherwise_the_most_accurate(
    workdir,
):
    best = chosen(workdir, accuracy=0.84)
    assert (best["layer"], best["noise_relative"]) == ("fc_1", 0.5)
    best = chosen(workdir, attack=0.8)
    assert (best["layer"], best["noise_relative"]) == ("fc_1", 0.5)
    best = chosen(workdir, attack=0.8, ms=1.5)
    assert (best["layer"], best["noise_relative"]) == ("conv_4", 0.5)
    assert chosen(workdir, privacy_index=0.3, target="gender")["noise_relative"] == 0.5
    assert chosen(workdir)["noise_relative"] in (0.0, 0.1)
    page = (workdir / "choice.md").read_text()
    assert "the command" in page and "python -m export --choice=" in page


def test_the_page_tells_reductions_apart_and_its_command_can_be_pasted(tmp_path):
    folder = tmp_path / "my runs"
    folder.mkdir()
    made = results.off_device(records())
    made += [r | {"reduction": "autoencoder"} for r in made]
    results.write(folder / "results.json", "a run", {}, made)
    choose.choose(folder, "the command", {})
    page = (folder / "choice.md").read_text()
    rows = [
        line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| advanced")
    ]
    assert {"advanced, fc_1", "advanced, fc_1, autoencoder"} <= set(rows)
    (command,) = re.findall(
        r"`(python -m export --choice.*|python -m export '--choice.*)` ships", page
    )
    assert f"--choice={folder / choose.NAME}" in shlex.split(command)


def test_the_front_is_what_a_naive_loop_finds():
    rng = np.random.default_rng(0)
    names = list(CRITERIA)
    every = [
        {"validation": dict(zip(names, rng.integers(0, 4, len(names)).tolist(), strict=True))}
        for _ in range(60)
    ]
    for p in every[:5]:
        del p["validation"]["ms"]
    signs = np.array([-1 if CRITERIA[n].larger else 1 for n in names])
    costs = (
        np.array(
            [[p["validation"].get(n, np.inf * s) for n, s in zip(names, signs)] for p in every]  # noqa: B905
        )
        * signs
    )
    expected = [
        p for p, own in zip(every, costs, strict=True)
        if not any((other <= own).all() and (other < own).any() for other in costs)
    ]  # fmt: skip
    assert front(every) == expected and 1 < len(expected) < 60


def test_a_bound_is_met_at_its_value_and_not_by_what_is_unknown():
    assert meets({"accuracy": 0.5}, {"accuracy": 0.5}) and meets({"attack": 0.5}, {"attack": 0.5})
    assert not meets({"accuracy": 0.5}, {"accuracy": 0.51}) and not meets({}, {"attack": 1.0})
    assert meets({}, {})


def test_bounds_that_nothing_meets_and_other_mistakes_are_told(workdir, tmp_path):
    with pytest.raises(
        UserError,
        match=r"--min_accuracy=0.99 \(the best is 0.9\) and --max_ms=0.5 \(the best is 1\)",
    ):
        chosen(workdir, accuracy=0.99, ms=0.5)
    with pytest.raises(UserError, match="target 'age'"):
        chosen(workdir, target="age")
    bare = [r for r in records() if r["split"] == "test"]
    results.write(tmp_path / "results.json", "a run", {}, bare)
    with pytest.raises(UserError, match="has no accuracy on validation"):
        chosen(tmp_path)
    assert not (workdir / choose.NAME).exists()
    with pytest.raises(UserError, match="there is no such file"):
        choose.read(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(UserError, match="is no choice of this version"):
        choose.read(tmp_path / "other.json")


@pytest.mark.slow
def test_by_the_command_line_and_into_export(workdir):
    done = run("--mode=choose", f"--workdir={workdir}", "--min_accuracy=0.84", "--target=gender")
    assert done.returncode == 0 and "# The point to ship" in done.stdout, done.stderr
    content = json.loads((workdir / choose.NAME).read_text())
    assert content["bounds"] == {"accuracy": 0.84} and content["chosen"] in content["front"]
    done = run("--mode=choose", f"--workdir={workdir}", "--max_attack=0.1")
    assert done.returncode == 2 and "no point meets --max_attack=0.1" in done.stderr


def test_export_takes_the_chosen_point(tmp_path):
    export_workdir.write(tmp_path)
    point = {
        "method": "advanced", "layer": export_workdir.LAYER, "reduction": "pca", "noise_std": 0.7,
        "reduced_dim": export_workdir.DIM, "contrastive_weight": 0.3, "margin": 10.0,
    }  # fmt: skip
    found = source.chosen(tmp_path, point)
    assert found.noise_std == pytest.approx(0.7) and found.method == "advanced"
    simple = {"method": "simple", "reduction": "none", "noise_std": 0.0}
    assert source.chosen(tmp_path, point | simple).noise_std == 0
    with pytest.raises(UserError, match="with reduced_dim 4, the choice is of 8"):
        source.chosen(tmp_path, point | {"reduced_dim": 8})
    with pytest.raises(UserError, match=r"with margin 10\.0, the choice is of 1\.0"):
        source.chosen(tmp_path, point | {"margin": 1.0})
