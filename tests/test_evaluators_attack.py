"""The attack evaluator: what it records, against attempts by hand."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_evaluators import SETTINGS, make

from hybrid_jax import evaluators, noise
from hybrid_jax.attacks import ATTACKERS, scores
from hybrid_jax.data import TEST
from hybrid_jax.errors import UserError
from hybrid_jax.evaluators import attack, sequences
from hybrid_jax.evaluators.scenario import scenarios
from hybrid_jax.privacy import leakage
from hybrid_jax.results import select

FEW = replace(
    SETTINGS,
    tolerance=1.0,  # the operating noise is the largest
    sensitive=("gender",),
    attack=replace(SETTINGS.attack, attacker_data=("unseen",), disjoint=(), on_validation=()),
)


@pytest.fixture(scope="module")
def embedded():
    return make()


@pytest.fixture(scope="module")
def records(embedded):
    return list(evaluators.evaluate(("attack",), embedded, FEW))


class Oracle:
    """Knows the answer of every upload, by its first coordinate."""

    answers: dict

    def __init__(self, known):
        self._known = known

    def fit(self, features, labels):
        pass

    def predict_proba(self, uploads):
        found = [self.answers[float(row[0])] for row in uploads]
        return np.eye(self._known.num_classes)[found]


def test_every_attacker_is_tried_without_noise_and_at_the_operating_noise(embedded, records):
    assert sequences.operating_level(embedded, FEW) == 0.5
    own = select(records, metric="balanced_accuracy", mode=None, gallery="held_out")
    tried = [(r["attacker"], r["noise_relative"], r["route"]) for r in own]
    assert tried == [
        (name, level, route)
        for level in (0.0, 0.5)
        for name, route in (("logistic", "exclusive"), ("bayes", "exclusive"), ("best", None))
    ]
    assert {r["n"] for r in own} == {len(next(scenarios(embedded, FEW)).queries)}
    assert {r["n_fit"] for r in own} == {40}
    for level in (0.0, 0.5):
        *others, best = (r for r in own if r["noise_relative"] == level)
        winner = max(others, key=lambda r: r["value"])
        assert (best["value"], best["winner"]) == (winner["value"], winner["attacker"])


def test_at_one_noise_alone_it_finds_what_it_finds_there_in_a_grid(embedded, records):
    """As of a file that is exported."""
    alone = replace(FEW, noise_relative=(0.5,), uploads=(), attack=replace(FEW.attack, uploads=()))
    found = list(evaluators.evaluate(("attack", "privacy"), embedded, alone))
    assert {r["noise_relative"] for r in found} - {None} == {0.5}
    assert {r["mode"] for r in found} <= {None, "classes"}  # no sessions
    expected = [r for r in select(records, noise_relative=0.5) if r["mode"] is None]
    assert select(found, evaluator="attack") == expected


def test_uploads_carry_the_noise_that_accuracy_and_privacy_see(embedded, monkeypatch):
    (scenario,) = scenarios(embedded, FEW)
    index = embedded.index[TEST][scenario.queries]
    normal = noise.standard_normal(jax.random.fold_in(embedded.key, 0), index, 4)
    noisy = np.asarray(embedded.z[TEST])[scenario.queries] + np.float32(0.5 * embedded.rms) * normal
    labels = embedded.labels("gender", TEST)[scenario.queries]
    answers = dict(zip(map(float, np.asarray(noisy)[:, 0]), labels, strict=True))
    monkeypatch.setattr(Oracle, "answers", answers, raising=False)
    monkeypatch.setitem(ATTACKERS, "oracle", Oracle)
    tried = attack.Attack(embedded, FEW, replace(scenario, attackers=("oracle",)), 0.5)
    found = list(tried.records())
    assert {r["value"] for r in found if r.get("attacker") == "oracle"} == {1.0}


def test_sessions_are_of_one_person_and_do_not_overlap(embedded, records):
    own = select(records, metric="accuracy", mode="session", noise_relative=0.0)
    assert [r["queries"] for r in own] == [1, 2]
    assert own[1]["n"] == own[0]["n"] // 2
    columns, index = embedded.task.samples.columns, embedded.index[TEST]
    people = columns["identity"][index[next(scenarios(embedded, FEW)).queries]]
    assert (
        len(np.unique(people)) <= own[0]["n"] < len(people) / 4
    )  # a window in five of 50 rows by tens


def test_floors_are_what_a_table_of_counts_tells(embedded, records):
    (scenario,) = scenarios(embedded, FEW)
    (fold,) = scenario.folds
    held = np.concatenate([embedded.index[split][at] for split, at in fold.fit])
    asked = embedded.index[TEST][fold.queries]
    gender, activity = (embedded.task.labels(name) for name in ("gender", "activity"))
    predicted = np.full(len(gender), -1)
    for split, z in embedded.z.items():
        key = jax.random.fold_in(embedded.key, 0)
        normal = noise.standard_normal(key, embedded.index[split], z.shape[1])
        noisy = z + jnp.float32(0.5 * embedded.rms) * normal
        logits = embedded.embedding.classifier(embedded.variables, noisy)
        predicted[embedded.index[split]] = np.asarray(logits).argmax(axis=1)
    assert len(np.unique(predicted)) > 1
    for suffix, seen in (("label", activity), ("prediction", predicted)):
        guesses = np.zeros((len(asked), 2))
        for row, window in enumerate(asked):
            for k in range(2):
                of_class = held[gender[held] == k]
                guesses[row, k] = np.mean(seen[of_class] == seen[window])
            guesses[row] = guesses[row] / guesses[row].sum() if guesses[row].any() else 0.5
        expected = scores.scores(guesses, gender[asked], embedded.task.labels("identity")[asked])
        for metric, score in expected.items():
            (found,) = select(records, metric=f"{metric}_{suffix}_floor", noise_relative=0.5)
            assert found["value"] == pytest.approx(score.value)


def test_the_bound_is_the_adversary_who_knows_each_query(embedded, records):
    (found,) = select(records, metric="bayes_bound")
    (scenario,) = scenarios(embedded, FEW)
    queries = scenario.queries
    expected = leakage(
        np.asarray(embedded.z[TEST])[queries],
        embedded.labels("gender", TEST)[queries],
        index=embedded.index[TEST][queries],
        noise_std=[0.5 * embedded.rms],
        key=embedded.key,
        num_draws=FEW.num_draws,
    )["bayes_vulnerability"]
    assert found["value"] == pytest.approx(expected.value[0])
    assert found["noise_relative"] == 0.5


def test_noise_free_methods_are_not_attacked_twice(monkeypatch):
    """noisy_reduced without noise is reduced: the same records, from one attempt."""
    calls = []
    real = attack.named.attack
    monkeypatch.setattr(attack.named, "attack", lambda *a: calls.append(1) or real(*a))
    from test_evaluators import features_and_reduction

    features, reduction, key = features_and_reduction()
    found = [
        list(attack.evaluate(features.embed(method, "pca", reduction, key), FEW))
        for method in ("reduced", "noisy_reduced")
    ]
    assert len(calls) == 2 + 2
    free = [r for r in found[1] if r["noise_relative"] == 0]
    assert free == found[0]


def test_an_operating_point_is_chosen_by_attacks_on_validation_at_every_noise(embedded):
    settings = replace(
        FEW,
        splits=("validation",),
        attack=replace(FEW.attack, on_validation=("logistic",)),
        noise_relative=(0.0, 0.1, 0.5),
    )
    found = list(attack.evaluate(embedded, settings))
    assert {r["split"] for r in found} == {"validation"}
    own = [r for r in found if r["metric"] == "balanced_accuracy" and r["attacker"] == "logistic"]
    assert [r["noise_relative"] for r in own] == [0.0, 0.1, 0.5]


def test_a_class_that_no_attacker_can_learn_is_named(embedded):
    tiny = replace(FEW, sensitive=("identity",), attack=replace(FEW.attack, max_windows=2))
    with pytest.raises(
        UserError, match=r"'attack' failed on noisy_reduced at fc_2: class \d of 4 is absent"
    ):
        list(evaluators.evaluate(("attack",), embedded, tiny))
