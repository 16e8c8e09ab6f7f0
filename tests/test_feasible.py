"""Attacks that the data does not allow are named before training, and nothing that can be tried is refused."""

import numpy as np
import pytest
from small_network import small_network

from configs import own
from hybrid_jax.data import DATASETS, TEST, from_arrays
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import setup
from hybrid_jax.models import MODELS


def vectors(people=8, each=60):
    generator, size = np.random.default_rng(0), people * each
    identity = np.repeat(np.arange(people), each)
    return {
        "inputs": generator.normal(size=(size, 5)),
        "kind": generator.integers(0, 2, size),
        "smoker": np.array(["no", "yes"])[identity % 2],
        "identity": identity,
    }


def images(each):
    found = vectors(each=each)
    shape = (len(found["kind"]), 8, 8, 3)
    found["inputs"] = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    return found


def trained(arrays, folder, monkeypatch, sensitive=("smoker", "identity"), **attack):
    monkeypatch.setitem(DATASETS, "mine", lambda: from_arrays("mine", arrays, ("kind", "smoker")))
    monkeypatch.setitem(MODELS, "mine", lambda tasks: small_network(2))
    config = own.experiment(
        data={"name": "mine"},
        primary="kind",
        sensitive=sensitive,
        model={"name": "mine"},
        layers=("fc_2",),
    )
    config.attack.update(attack)
    config.pretrain.batch_size = config.finetune.batch_size = config.retrain.batch_size = 16
    config.reduction.autoencoder.batch_size = config.reconstruction.matcher.batch_size = 16
    return setup.training(config.lock(), folder)


def test_what_can_be_tried_is_not_refused(tmp_path, monkeypatch):
    both = ("network_train", "unseen", "both")
    task = trained(vectors(), tmp_path / "run", monkeypatch, attacker_data=both).task
    assert len(task.samples.indices(TEST)) == 8 * 18


def test_a_class_that_the_test_people_lack(tmp_path, monkeypatch):
    arrays = vectors()
    place = np.arange(480) % 60
    arrays["split"] = np.where(place < 40, "train", np.where(place < 42, "validation", "test"))
    arrays["split"][(arrays["smoker"] == "yes") & (place >= 42)] = "gap"
    with pytest.raises(
        UserError, match="mine: attacks on smoker with unseen data: all samples are of one class"
    ):
        trained(arrays, tmp_path / "run", monkeypatch, ("smoker",))
    assert not (tmp_path / "run").exists()


def test_a_class_that_the_few_who_are_learned_from_lack(tmp_path, monkeypatch):
    with pytest.raises(
        UserError,
        match=r"attacks on identity with unseen data: of class \d there is no sample",
    ):
        trained(vectors(), tmp_path / "run", monkeypatch, ("identity",), max_windows=5)


def test_nothing_left_to_choose_by(tmp_path, monkeypatch):
    message = r"attacks on identity with unseen data: too few samples .* config.attack.only = {'identity': \('knn',\)}"
    with pytest.raises(UserError, match=message):
        trained(images(7), tmp_path / "run", monkeypatch, ("identity",))
    trained(images(7), tmp_path / "run", monkeypatch, ("identity",), only={"identity": ("knn",)})
