"""The privacy evaluator: its floors, targets that nobody planned for, and several uploads."""

from dataclasses import replace

import numpy as np
import pytest
from test_evaluators import SETTINGS, make

from hybrid_jax.data import TEST, TRAIN, VALIDATION
from hybrid_jax.evaluators import privacy, sequences
from hybrid_jax.evaluators.adversary import adversaries
from hybrid_jax.privacy import gaussian_dp, leakage
from hybrid_jax.results import select

FEW = replace(SETTINGS, sensitive=("gender",), galleries=("held_out",), attacker_data=("unseen",))


@pytest.fixture(scope="module")
def embedded():
    return make()


@pytest.fixture(scope="module")
def records(embedded):
    defaults = {"queries": 1, "noise_relative": 0.0}
    return [defaults | r for r in privacy.evaluate(embedded, FEW)]


def test_an_adversary_sees_what_the_cloud_predicts_on_the_same_noisy_feature(embedded):
    noise_std = np.array(FEW.noise_relative) * embedded.rms
    predicted = embedded.predictions(TEST, noise_std, 2)
    for adversary in adversaries(embedded, SETTINGS):
        seen = adversary.seen(embedded, noise_std, 2)
        if adversary.split != TEST:
            continue
        np.testing.assert_array_equal(seen["prediction"], predicted[..., adversary.queries])
        if adversary.rows is None:
            continue
        held = np.concatenate([embedded.index[split][at] for split, at in adversary.rows])
        np.testing.assert_array_equal(
            seen["gallery_primary"], embedded.task.labels("activity")[held]
        )
        first = np.concatenate(
            [embedded.predictions(split, noise_std, 2)[0][:, at] for split, at in adversary.rows],
            axis=-1,
        )
        np.testing.assert_array_equal(seen["gallery_prediction"], first)
    assert {split for split, *_ in embedded._predicted} >= {TEST, TRAIN}


def test_floors_are_those_of_leakage(embedded, records):
    noise_std = np.array(FEW.noise_relative) * embedded.rms
    adversary = next(a for a in adversaries(embedded, FEW) if a.target == "gender")
    found = leakage(
        **adversary.arguments(embedded),
        **adversary.seen(embedded, noise_std, 2),
        noise_std=noise_std,
        key=embedded.key,
        num_draws=2,
    )
    own = [r for r in records if (r["target"], r["mode"]) == ("gender", "classes")]
    for name in ("privacy_index", "conditional_entropy", "bayes_vulnerability"):
        by_noise = [r["value"] for r in own if r["metric"] == f"{name}_prediction_floor"]
        np.testing.assert_array_equal(by_noise, found.prediction_floor[name].value)
        (label,) = [r["value"] for r in own if r["metric"] == f"{name}_label_floor"]
        assert label == found.label_floor[name].value[0]


def test_what_nobody_planned_for_is_asked_of_strangers(embedded, records):
    heights = [r for r in records if r["target"] == "height"]
    assert {r["gallery"] for r in heights} == {"leave_group_out"}
    adversary = next(a for a in adversaries(embedded, FEW) if a.target == "height")
    given = adversary.arguments(embedded)
    expected = embedded.task.labels("height")[given["index"]]
    np.testing.assert_array_equal(given["labels"], expected)


def test_a_class_of_one_person_is_not_asked_of_strangers(embedded):
    """Of two test people each has a third of their own: nobody could be guessed from another."""
    assert {a.target for a in adversaries(make("subject"), FEW)} == {"gender"}


def test_uploads_are_combined_at_the_operating_noise(embedded, records):
    level = sequences.operating_level(embedded, FEW)
    assert level in FEW.noise_relative
    for mode in ("session", "repeated"):
        found = [r for r in records if r["mode"] == mode and r["metric"] == "privacy"]
        assert [r["queries"] for r in found] == [1, 2]
        assert all(r["noise_relative"] == level for r in found)
        assert all(r["noise_std"] == pytest.approx(level * embedded.rms) for r in found)
    loose = replace(FEW, tolerance=1.0)
    adversary = next(a for a in adversaries(embedded, loose) if a.attacker_data == "unseen")
    found = list(sequences.combined(embedded, adversary, loose))
    assert [result.noise_std for *_, result in found] == [pytest.approx(0.5 * embedded.rms)] * 4
    assert sequences.operating_level(embedded, loose) == 0.5
    assert sequences.operating_level(make(method="reduced"), loose) == 0.0


def test_without_noise_there_are_sessions_alone_of_windows_that_follow_each_other(monkeypatch):
    embedded, asked = make(method="reduced"), []
    monkeypatch.setattr(sequences, "sessions", lambda **given: asked.append(given) or {})
    monkeypatch.setattr(sequences, "repeated_uploads", None)
    adversary = next(a for a in adversaries(embedded, FEW) if a.attacker_data == "unseen")
    assert list(sequences.combined(embedded, adversary, FEW)) == []
    (given,) = asked
    in_order = np.argsort(given["order"])
    recording, start = given["recording"][in_order], given["start"][in_order]
    assert len(np.unique(recording)) == 1 + (np.diff(recording) != 0).sum()
    assert (np.diff(start)[np.diff(recording) == 0] > 0).all()


def test_operating_noise_is_chosen_on_validation(embedded):
    noise_std = np.array(FEW.noise_relative) * embedded.rms
    labels = embedded.labels("activity", VALIDATION)
    right = [
        (predicted == labels).mean()
        for predicted in np.moveaxis(embedded.predictions(VALIDATION, noise_std, 2), 1, 0)
    ]
    lost = right[0] - right[1]
    assert sequences.operating_level(embedded, replace(FEW, tolerance=lost + 1e-6)) == 0.5
    assert lost <= 0 or sequences.operating_level(embedded, replace(FEW, tolerance=lost / 2)) == 0.0


def test_a_guarantee_stands_only_where_features_are_clipped(embedded, records):
    assert not [r for r in records if r["metric"].startswith(("dp_", "gaussian_dp"))]
    clipped = replace(embedded, embedding=replace(embedded.embedding, clip_norm=3.0))
    found = list(sequences.guarantees(clipped, FEW))
    (epsilon,) = select([{"noise_relative": 0.0, **r} for r in found], metric="dp_epsilon")[1:]
    assert epsilon["value"] == gaussian_dp(3.0, 0.5 * embedded.rms).epsilon
    assert [r["value"] for r in found[:2]] == [np.inf, np.inf]
