"""Gender from faces: mistakes in its config, and a whole run on drawn ones."""

import ml_collections
import numpy as np
import pytest

from configs import emotion, gender
from hybrid_jax import results
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import run, setup


def make(arg="smoke", **fields) -> ml_collections.ConfigDict:
    config = gender.get_config(arg)
    config.unlock()
    config.update_from_flattened_dict(fields)
    return config.lock()


@pytest.mark.parametrize(
    ("arg", "fields", "message"),
    [
        ("smoke", {"data.channels": 3}, r"mini_xception takes images of 1 channel, .* have 3: set"),
        ("smoke,model=vgg16", {"data.channels": 1}, "vgg16 takes images of 3 channels, .* have 1"),
        ("smoke,model=vgg16", {"data.side": 32}, "vgg16 takes images of 48 pixels a side or more"),
        ("smoke", {"model.name": "mtcnn"}, "model mtcnn takes windows, which simulated_faces has"),
        ("smoke", {"model.frozen": "block_4"}, r"layer 'block_4' is frozen .* split at"),
        ("smoke", {"model.frozen": "block_1"}, "block_1: stages that never learn need weights"),
        ("smoke", {"model.frozen": "block_9"}, "unknown stage to freeze .* 'block_9'"),
        (
            "smoke",
            {"model.frozen": "block_1", "input.mirror": True},
            "frozen block_1: its output is computed once, so images cannot be augmented",
        ),
        ("smoke", {"input.scale": "sym"}, "unknown scale"),
        (
            "smoke",
            {"model.pretrained": "no.hdf5"},
            "pretrained no.hdf5: no such file, neither here",
        ),
        (
            "smoke",
            {"siamese.pairs": "aligned", "finetune.batch_size": 15},
            "batch_size 15: aligned pairs need an even number",
        ),
        ("smoke", {"finetune.optimizer": "sdg"}, r"unknown optimizer .* 'sdg': did you mean 'sgd'"),
        ("smoke", {"attack.only": {"identity": ("kn",)}}, r"attack.only.identity\) 'kn'"),
        ("smoke", {"data.images_per_person": 1}, "images_per_person 1"),
    ],
)
def test_mistakes_are_found_before_any_work(arg, fields, message, tmp_path):
    with pytest.raises(UserError, match=message):
        setup.training(make(arg, **fields), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_unknown_keys_of_the_config_are_named():
    with pytest.raises(UserError, match="config key model 'vgg'"):
        gender.get_config("fast,model=vgg")
    with pytest.raises(UserError, match="config key data 'celeba'"):
        gender.get_config("data=celeba")


def test_weights_of_another_network_are_refused(tmp_path):
    import h5py

    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file.attrs["layer_names"] = [b"dense"]
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"dense/kernel:0"]
        group.create_dataset("dense/kernel:0", data=np.zeros((2, 2)))
    path = str(tmp_path / "other.hdf5")
    with pytest.raises(UserError, match=r"other.hdf5 holds no weights of this mini_xception: miss"):
        setup.training(make(**{"model.pretrained": path}), tmp_path / "run")


def test_the_paper_s_settings_of_vgg16():
    """Reference (c): what is in its solver and its prototxt."""
    config = gender.get_config("model=vgg16,data=wiki")
    assert config.layers == ("conv5_1", "conv5_2", "conv5_3")
    assert [config.reduction.dim_at[layer] for layer in config.layers] == [8, 6, 4]
    weights = [config.siamese.contrastive_weight[layer] for layer in config.layers]
    assert weights == [0.001, 0.01, 0.01] and set(config.siamese.margin.values()) == {10.0}
    assert config.siamese.pairs == "aligned" and config.input.mirror
    assert (config.data.side, config.input.crop, config.input.scale) == (256, 224, "mean_image")
    tuned = config.finetune
    assert (tuned.optimizer, tuned.learning_rate, tuned.batch_size) == ("sgd", 1e-4, 20)
    assert tuned.faster == ("fc6", "fc7", "fc8") and not config.model.frozen


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gender") / "run"
    config = make(
        methods=("simple", "advanced"),
        evaluators=("accuracy", "privacy", "attack", "reconstruction"),
    )
    run.run(config, folder, "command")
    return folder


@pytest.mark.slow
def test_a_run_measures_identity_and_instances_and_rebuilds_faces(finished):
    records = results.read(finished)["records"]
    assert {r["split_kind"] for r in records} == {"identity"}
    privacy = results.select(records, evaluator="privacy", metric="privacy", queries=1)
    asked = {(r["target"], r["mode"], r["gallery"], r["attacker_data"]) for r in privacy}
    assert {
        ("identity", "classes", "self", None),
        ("identity", "classes", "leave_one_out", None),
        ("identity", "classes", "held_out", "unseen"),
        ("instance", "instance", "self", None),
    } <= asked
    people = {r["classes"] for r in privacy if r["target"] == "identity"}
    images = {r["classes"] for r in privacy if r["target"] == "instance"}
    # Eight test people; each of their 64 images is a class of its own.
    assert people == {8} and images == {64}
    attacks = results.select(records, evaluator="attack", metric="balanced_accuracy")
    assert {r["target"] for r in attacks} == {"identity"}
    rebuilt = results.select(records, evaluator="reconstruction")
    found = {(r["metric"], r["target"], r["route"]) for r in rebuilt}
    for route in ("reconstruction", "original"):
        for target in ("identity", "instance"):
            assert ("reidentification", target, route) in found
        assert ("accuracy", "gender", route) in found
    same = results.select(rebuilt, metric="reidentification", target="instance", route="original")
    assert {r["value"] for r in same} == {
        1.0
    }  # vectors are of unit length: an image is nearest to itself
    assert (finished / "figures" / "reconstruction_block_4.png").exists()
    assert "image found again" in (finished / "accuracy.md").read_text()


@pytest.mark.slow
def test_vgg16_runs_to_its_end_without_an_accelerator(tmp_path):
    config = make("smoke,model=vgg16", methods=("simple", "advanced"), evaluators=("accuracy",))
    run.run(config, tmp_path / "run", "command")
    records = results.read(tmp_path / "run")["records"]
    accuracy = results.select(records, evaluator="accuracy", metric="accuracy", split="test")
    assert {(r["method"], r["layer"]) for r in accuracy} >= {(m, "conv5_3") for m in config.methods}


@pytest.mark.slow
def test_another_image_task_needs_a_config_alone(tmp_path):
    """Expression: gender and identity are both sensitive; who a person is can only be matched."""
    config = emotion.get_config("smoke")
    config.unlock()
    config.methods = ("simple",)
    run.run(config, tmp_path / "run", "command")
    records = results.read(tmp_path / "run")["records"]
    attacks = results.select(records, evaluator="attack", metric="balanced_accuracy")
    assert {r["target"] for r in attacks} == {"gender", "identity"}
    assert {r["target"] for r in results.select(records, evaluator="accuracy")} == {"expression"}


@pytest.mark.slow
def test_the_london_set_is_matched_one_to_one(data_root, tmp_path, monkeypatch):
    """One neutral image of each of 31 people, asked about the smiling one: 1-NN, without settings to choose."""
    monkeypatch.setenv("HYBRID_JAX_DATA", str(data_root))
    config = emotion.get_config()
    config.unlock()
    config.layers, config.methods, config.evaluators = ("block_4",), ("simple",), ("attack",)
    config.attack.attackers, config.attack.attacker_data = ("knn",), ("unseen",)
    config.pretrain.epochs, config.finetune.epochs = 1.0, 1.0
    run.run(config, tmp_path / "run", "command")
    attacks = results.select(results.read(tmp_path / "run")["records"], evaluator="attack")
    matched = results.select(attacks, target="identity", attacker="knn", metric="accuracy")
    assert {(r["n_fit"], r["n"], r["classes"]) for r in matched} == {(31, 31, 31)}
