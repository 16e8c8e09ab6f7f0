"""Evaluators on a small simulated set: against loops, and what each adversary may hold."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_network import small_network

from hybrid_jax import cloud, evaluators, noise
from hybrid_jax.data import TEST, TRAIN, VALIDATION, simulated
from hybrid_jax.embedded import LayerFeatures
from hybrid_jax.errors import UserError
from hybrid_jax.evaluators import accuracy
from hybrid_jax.evaluators.adversary import adversaries
from hybrid_jax.phase import Budget
from hybrid_jax.results import select
from hybrid_jax.task import Task

SETTINGS = evaluators.Settings(
    seed=0,
    noise_relative=(0.0, 0.5),
    num_draws=2,
    splits=("test",),
    sensitive=("gender", "identity"),
    unplanned=("height",),
    galleries=("self", "leave_one_out", "leave_group_out", "held_out"),
    attacker_data=("network_train", "unseen", "both"),
    instance=False,
    max_queries=64,
    max_gallery=128,
    prior="uniform",
    ties="average",
    tolerance=0.02,
    uploads=(1, 2),
    retrain=Budget(epochs=1.0, learning_rate=1e-3, schedule="cosine", batch_size=32),
    attack=evaluators.AttackSettings(
        attackers=("logistic", "bayes"),
        only={},
        attacker_data=("network_train", "unseen", "both"),
        max_windows=40,
        unlimited=(),
        freeze="through_split",
        budget=Budget(epochs=2.0, learning_rate=1e-3, schedule="constant", batch_size=32),
        disjoint=("logistic",),
        disjoint_data=("network_train", "unseen", "both"),
        folds=2,
        on_validation=("mlp",),
        uploads=(1, 2),
    ),
    reconstruction=evaluators.ReconstructionSettings(
        max_windows=40,
        budget=Budget(epochs=2.0, learning_rate=1e-3, schedule="cosine", batch_size=32),
        matcher=Budget(epochs=1.0, learning_rate=1e-3, schedule="constant", batch_size=32),
    ),
)


def features_and_reduction(split_kind="trial"):
    subjects = 6 if split_kind == "subject" else 4
    windows = simulated.load(
        num_subjects=subjects, trials_per_activity=2, seconds=8.0, split_kind=split_kind
    )
    task = Task(small_network(4), windows, "activity")
    key = jax.random.key(3)
    features = LayerFeatures.extract(task, "fc_2", task.init(key), 0.0, None)
    return features, features.reduce("pca", 4, key, SETTINGS.retrain), key


def make(split_kind="trial", method="noisy_reduced"):
    features, reduction, key = features_and_reduction(split_kind)
    return features.embed(method, "pca", reduction, key)


@pytest.fixture(scope="module")
def embedded():
    return make()


def test_confusion_is_a_loop_over_draws_and_levels(embedded):
    noise_std = np.array([0.0, 0.7])
    found = accuracy.confusion_matrices(
        embedded, [embedded.variables["classifier"]] * 2, TEST, noise_std, 3
    )
    labels, index, z = embedded.labels("activity", TEST), embedded.index[TEST], embedded.z[TEST]
    for draw in range(3):
        normal = noise.standard_normal(jax.random.fold_in(embedded.key, draw), index, z.shape[1])
        for level, std in enumerate(noise_std):
            noisy = z + jnp.float32(std) * normal
            logits = embedded.embedding.classifier(embedded.variables, noisy)
            expected = np.zeros((4, 4), int)
            np.add.at(expected, (labels, np.asarray(logits).argmax(axis=1)), 1)
            np.testing.assert_array_equal(found[draw, level], expected)


def test_noise_of_a_window_is_the_same_for_accuracy_and_privacy(embedded):
    privacy_side = next(a for a in adversaries(embedded, SETTINGS) if a.gallery == "self")
    index = privacy_side.arguments(embedded)["index"]
    key = jax.random.fold_in(embedded.key, 1)
    every = noise.standard_normal(key, embedded.index[TEST], 4)
    np.testing.assert_array_equal(
        noise.standard_normal(key, index, 4), np.asarray(every)[privacy_side.queries]
    )


def test_records(embedded):
    settings = replace(SETTINGS, galleries=("self", "held_out"), unplanned=(), uploads=(1,))
    records = list(evaluators.evaluate(("accuracy", "privacy"), embedded, settings))
    assert {r["evaluator"] for r in records} == {"accuracy", "privacy"}
    for split in ("test", "validation"):
        for which in ("original", "retrained"):
            at = select(records, metric="accuracy", split=split, cloud=which)
            assert [r["noise_relative"] for r in at] == [0.0, 0.5]
            assert [r["draws"] for r in at] == [1, 2]
    (free,) = select(records, metric="accuracy", split="test", cloud="original", noise_relative=0.0)
    logits = embedded.embedding.classifier(embedded.variables, embedded.z[TEST])
    right = np.asarray(logits).argmax(axis=1) == embedded.labels("activity", TEST)
    assert free["value"] == pytest.approx(right.mean())
    # Half the subjects of each gender: queries of one's own gallery are found at no noise.
    own = select(records, metric="privacy", gallery="self", noise_relative=0.0)
    assert {(r["target"], r["value"]) for r in own} == {("gender", 0.5), ("identity", 0.25)}
    assert all(
        r["noise_std"] == pytest.approx(0.5 * embedded.rms) for r in records if r["noise_relative"]
    )
    held = select(
        records,
        metric="privacy",
        target="gender",
        gallery="held_out",
        noise_relative=0.5,
        mode="classes",
    )
    assert [r["attacker_data"] for r in held] == ["network_train", "unseen", "both"]


def test_what_an_adversary_holds(embedded):
    columns = embedded.task.samples.columns
    for adversary in adversaries(embedded, SETTINGS):
        given = adversary.arguments(embedded)
        queries = given["index"]
        assert len(queries) == len(np.unique(queries)) <= 64
        assert set(columns["trial"][queries]) == {11}
        if adversary.rows is None:
            continue
        held = np.concatenate([embedded.index[split][at] for split, at in adversary.rows])
        assert len(held) == len(given["gallery_labels"])
        assert len(held) <= 128
        group = "recording" if adversary.target == "identity" else "identity"
        np.testing.assert_array_equal(given["groups"], columns[group][queries])
        if adversary.gallery == "held_out":
            for recording in set(columns["recording"][held]) & set(columns["recording"][queries]):
                last = columns["start"][held][columns["recording"][held] == recording].max()
                first = columns["start"][queries][columns["recording"][queries] == recording].min()
                assert first - last > 5 * embedded.task.samples.step
        if adversary.attacker_data == "network_train":
            assert set(embedded.task.samples.split[held]) == {TRAIN}


def test_a_subject_held_out_has_its_identity_in_no_other_set():
    found = {(a.target, a.gallery) for a in adversaries(make("subject"), SETTINGS)}
    assert {gallery for target, gallery in found if target == "identity"} == {
        "self",
        "leave_one_out",
    }
    assert {gallery for target, gallery in found if target == "gender"} == set(SETTINGS.galleries)


def test_labels_of_held_out_subjects_are_numbered_anew():
    subjects = make("subject")
    own = next(
        a for a in adversaries(subjects, SETTINGS) if (a.target, a.gallery) == ("identity", "self")
    )
    given = own.arguments(subjects)
    assert given["num_classes"] == 2
    assert set(given["labels"]) == {0, 1}


def test_both_splits_or_one(embedded):
    def measured(*splits):
        found = adversaries(embedded, replace(SETTINGS, splits=splits))
        return {(a.split, a.target, a.gallery, a.attacker_data) for a in found}

    test, validation = measured("test"), measured("validation")
    assert {split for split, *_ in test} == {TEST}
    assert {at[:3] for at in validation} == {
        (VALIDATION, "gender", "leave_group_out"),
        (VALIDATION, "identity", "leave_group_out"),
    }
    assert measured("test", "validation") == test | validation


def test_a_gallery_too_small_for_every_class_is_refused(embedded):
    tiny = replace(SETTINGS, max_gallery=2, sensitive=("identity",), galleries=("held_out",))
    with pytest.raises(
        UserError, match=r"'privacy' failed on noisy_reduced at fc_2: class \d of 4"
    ):
        list(evaluators.evaluate(("privacy",), embedded, tiny))


def test_an_evaluator_that_fails_is_named(embedded, monkeypatch):
    monkeypatch.setitem(evaluators.EVALUATORS, "broken", lambda *_: [{"metric": "rank"}])
    with pytest.raises(RuntimeError, match=r"'broken' failed .* without unit, value"):
        list(evaluators.evaluate(("broken",), embedded, SETTINGS))


def test_retraining_fits_the_cloud_to_the_noise(embedded):
    std = 2.0 * embedded.rms
    before = jax.tree.map(np.asarray, embedded.variables)
    budget = Budget(epochs=30.0, learning_rate=1e-2, schedule="cosine", batch_size=32)
    trained = cloud.retrain(embedded, std, budget, jax.random.key(0))
    jax.tree.map(np.testing.assert_array_equal, before, embedded.variables)
    right = [
        np.trace(m[0, 0]) / m[0, 0].sum()
        for m in (
            accuracy.confusion_matrices(embedded, [classifier], TRAIN, np.array([std]), 1)
            for classifier in (embedded.variables["classifier"], trained)
        )
    ]
    assert right[1] > right[0] + 0.05


def test_a_failing_evaluator_is_named(embedded, monkeypatch):
    def fails(*_):
        raise ZeroDivisionError("by zero")

    monkeypatch.setitem(evaluators.EVALUATORS, "accuracy", fails)
    with pytest.raises(
        RuntimeError, match="evaluator 'accuracy' failed on noisy_reduced at fc_2: by zero"
    ):
        list(evaluators.evaluate(("accuracy",), embedded, SETTINGS))
    monkeypatch.setitem(evaluators.EVALUATORS, "accuracy", lambda *_: [{"metric": "m", "value": 1}])
    with pytest.raises(RuntimeError, match="without unit"):
        list(evaluators.evaluate(("accuracy",), embedded, SETTINGS))
