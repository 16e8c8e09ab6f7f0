"""Scores of attacks against scikit-learn, and their bootstrap against a loop that draws people."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from hybrid_jax.attacks import auc
from hybrid_jax.attacks.scores import METRICS, _judged, _measures, chances, scores

N, GROUPS, CLASSES = 300, 6, 3


def made(seed=0, ties=False):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, CLASSES, N)
    logits = generator.normal(size=(N, CLASSES)) + 1.2 * np.eye(CLASSES)[labels]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if ties:
        p = np.round(p, 1) + 1e-9
        p /= p.sum(axis=1, keepdims=True)
        p = np.round(p, 2)
    return p, labels, generator.integers(0, GROUPS, N)


def expected(p, labels):
    predicted = p.argmax(axis=1)
    rest = [roc_auc_score(labels == k, p[:, k]) for k in range(CLASSES)]
    return {
        "accuracy": np.mean(predicted == labels),
        "balanced_accuracy": balanced_accuracy_score(labels, predicted),
        "f1": f1_score(labels, predicted, average="macro"),
        "auc": np.mean(rest),
    }


@pytest.mark.parametrize("ties", [False, True])
def test_values_are_those_of_scikit_learn(ties):
    p, labels, groups = made(ties=ties)
    found = scores(p, labels, groups)
    for name, value in expected(p, labels).items():
        assert found[name].value == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("few", [GROUPS, GROUPS - 1])
def test_people_who_are_drawn_twice_count_twice(few, monkeypatch):
    """Of so few groups pairs are counted between groups, of more by samples."""
    monkeypatch.setattr(auc, "RESAMPLES", few)
    monkeypatch.setattr(auc, "AT_ONCE", N)  # a draw at a time
    p, labels, groups = made(1, ties=True)
    counts = np.array([[2, 0, 1, 1, 0, 3], [1, 1, 1, 1, 1, 1], [0, 0, 4, 1, 1, 0]])
    found = _measures(counts.astype(float), _judged(p, labels, groups, GROUPS))
    for row, drawn in enumerate(counts):
        at = np.concatenate([np.flatnonzero(groups == g) for g in np.repeat(range(GROUPS), drawn)])
        for name, value in expected(p[at], labels[at]).items():
            assert found[name][row] == pytest.approx(value), name


def test_intervals_hold_the_value_and_are_wider_for_fewer_people():
    p, labels, _ = made()
    many = scores(p, labels, np.arange(N) // 2)
    # The same samples ten times over say no more when each person has ten.
    few, *_ = (scores(np.tile(p, (10, 1)), np.tile(labels, 10), np.tile(np.arange(N) // 2, 10)),)
    for name in METRICS:
        assert many[name].ci_low < many[name].value < many[name].ci_high
        assert many[name].stderr > 0
        assert few[name].stderr == pytest.approx(many[name].stderr, rel=0.05)
    # People who are right or wrong as a whole: ten tell less than what ten times as many would.
    wide = scores(p, labels, np.argsort(np.argsort(p[np.arange(N), labels])) * 10 // N)
    for name in METRICS:
        assert wide[name].ci_high - wide[name].ci_low > 2 * (many[name].ci_high - many[name].ci_low)
    alone = scores(p, labels, np.zeros(N, int))
    assert all(np.isnan([s.stderr, s.ci_low, s.ci_high]).all() for s in alone.values())


def test_of_one_class_nothing_can_be_ranked():
    """AUC is no number then, and the other metrics are."""
    p = np.random.default_rng(0).dirichlet(np.ones(2), 12)
    found = scores(p, np.zeros(12, int), np.arange(12) // 4)
    assert all(np.isnan([found["auc"].value, *found["auc"][2:]]))
    for name in ("accuracy", "balanced_accuracy", "f1"):
        assert np.isfinite(list(found[name])).all()


def test_an_interval_is_that_of_independent_samples_where_each_is_a_group():
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 2, 2000)
    right = generator.random(2000) < 0.8
    p = np.eye(2)[np.where(right, labels, 1 - labels)]
    found = scores(p, labels, np.arange(2000))["accuracy"]
    assert found.stderr == pytest.approx(np.sqrt(0.8 * 0.2 / 2000), rel=0.15)


def test_people_of_one_class_each():
    """Identity: a person who is not drawn takes the class along."""
    labels = np.repeat(np.arange(4), 20)
    p = np.eye(4)[np.where(np.arange(80) % 4, labels, (labels + 1) % 4)]
    found = scores(p, labels, labels)
    assert found["balanced_accuracy"].value == pytest.approx(0.75)
    assert all(np.isfinite(list(score)).all() for score in found.values())
    sure = scores(np.eye(4)[labels], labels, labels)
    for name in METRICS:  # who makes no mistake makes none about any people
        assert sure[name][:1] + sure[name][3:] == (1.0, 1.0, 1.0), name


def test_chance_is_what_naming_the_most_frequent_class_gives():
    labels = np.array([0] * 6 + [1] * 3 + [2])
    constant = np.tile([0.5, 0.3, 0.2], (10, 1))
    found, chance = scores(constant, labels, np.arange(10)), chances(labels, 3)
    for name in METRICS:
        assert found[name].value == pytest.approx(chance[name]), name
        assert found[name].chance == chance[name]
