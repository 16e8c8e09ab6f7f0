"""Who attacks with what: nothing that is fitted on, chosen by and asked about has rows in common."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from test_evaluators import SETTINGS, make

from hybrid_jax.attacks import Knowledge
from hybrid_jax.data import TEST, TRAIN, VALIDATION, simulated, windows
from hybrid_jax.data.windows import make_windows
from hybrid_jax.errors import UserError
from hybrid_jax.evaluators.adversary import adversaries
from hybrid_jax.evaluators.scenario import Holdings, scenarios

BOTH = replace(SETTINGS, splits=("test", "validation"), sensitive=("gender", "identity"))


@pytest.fixture(scope="module")
def embedded():
    return make()


def with_attack(settings=BOTH, **changes):
    return replace(settings, attack=replace(settings.attack, **changes))


def windows_of(embedded, rows):
    return np.concatenate([embedded.index[split][at] for split, at in rows])


def assert_apart(embedded, one, other):
    """No window of one shares a row with a window of the other; between parts of a recording lie 5 windows."""
    data = embedded.task.samples
    apart = np.abs(data.starts[one][:, None] - data.starts[other][None])
    assert apart.min() >= data.window
    columns, step = data.columns, data.step
    for recording in np.intersect1d(columns["recording"][one], columns["recording"][other]):
        starts = [
            columns["start"][part][columns["recording"][part] == recording] for part in (one, other)
        ]
        gap = np.abs(starts[0][:, None] - starts[1][None]).min()
        assert gap > 5 * step


def test_what_is_fitted_on_chosen_by_and_asked_about_has_nothing_in_common(embedded):
    found = list(scenarios(embedded, BOTH))
    assert {(s.target, s.attacker_data) for s in found} >= {
        (target, data) for target in BOTH.sensitive for data in ("network_train", "unseen", "both")
    }
    for scenario in found:
        for fold in scenario.folds:
            fit, choose = (windows_of(embedded, rows) for rows in (fold.fit, fold.choose))
            asked = embedded.index[scenario.split][fold.queries]
            assert len(fit) and len(choose) and len(asked)
            for one, other in ((fit, choose), (fit, asked), (choose, asked)):
                assert_apart(embedded, one, other)


@pytest.mark.parametrize("split_kind", ["trial", "subject"])
def test_neither_do_published_windows_which_run_on_into_the_next_recording(monkeypatch, split_kind):
    monkeypatch.setattr(simulated, "make_windows", partial(make_windows, strict=False))
    # As if all were of one activity and gender: then every window that runs on is kept.
    same = windows.published_starts
    monkeypatch.setattr(
        windows, "published_starts", lambda agree, *shape: same(np.zeros_like(agree), *shape)
    )
    embedded, settings = make(split_kind), with_attack(disjoint=())
    assert not embedded.task.samples.whole.all()
    for scenario in scenarios(embedded, settings):
        for fold in scenario.folds:
            fit, choose = (windows_of(embedded, rows) for rows in (fold.fit, fold.choose))
            asked = embedded.index[scenario.split][fold.queries]
            for one, other in ((fit, choose), (fit, asked), (choose, asked)):
                assert_apart(embedded, one, other)
    for adversary in adversaries(embedded, settings):
        if adversary.gallery == "held_out":
            asked = embedded.index[adversary.split][adversary.queries]
            assert_apart(embedded, windows_of(embedded, adversary.rows), asked)


def test_holdings_are_what_they_are_called(embedded):
    split = embedded.task.samples.split
    for scenario in scenarios(embedded, BOTH):
        (fold, *_) = scenario.folds
        held = {
            part
            for rows in (fold.fit, fold.choose)
            for part in np.unique(split[windows_of(embedded, rows)])
        }
        assert (
            held
            == {"network_train": {TRAIN}, "unseen": {TEST}, "both": {TRAIN, TEST}}[
                scenario.attacker_data
            ]
        )
        assert scenario.split == (VALIDATION if scenario.attackers == ("mlp",) else TEST)


def test_the_same_queries_are_asked_whatever_is_held(embedded):
    asked = [
        s.queries for s in scenarios(embedded, BOTH) if (s.gallery, s.split) == ("held_out", TEST)
    ]
    assert len(asked) > 3
    assert all(np.array_equal(asked[0], queries) for queries in asked)


def test_a_limit_is_kept_and_of_both_each_has_half(embedded):
    holdings = Holdings(embedded, 0)
    for data in ("network_train", "unseen", "both"):
        fit, choose = holdings.rows(data, 40)
        assert sum(len(at) for _, at in fit) == 40
        assert sum(len(at) for _, at in choose) <= 10
    assert [len(at) for _, at in fit] == [20, 20]
    everything, _ = holdings.rows("both", 0)
    unseen, _ = holdings.rows("unseen", 0)
    few = len(unseen[0][1])
    most, _ = holdings.rows("both", few * 2 + 100)
    assert {split: len(at) for split, at in most} == {TEST: few, TRAIN: few + 100}
    assert sum(len(at) for _, at in everything) > few * 2 + 100


def test_strangers_are_asked_about_by_who_has_never_met_them(embedded):
    identity = embedded.task.labels("identity")
    found = [s for s in scenarios(embedded, BOTH) if s.gallery == "leave_group_out"]
    assert {s.target for s in found} == {"gender"}
    for scenario in found:
        assert len(scenario.folds) == 2
        queries = np.sort(scenario.queries)
        assert len(np.unique(queries)) == len(queries)
        np.testing.assert_array_equal(queries, np.sort(Holdings(embedded, 0).queries))
        for fold in scenario.folds:
            asked = identity[embedded.index[TEST][fold.queries]]
            for rows in (fold.fit, fold.choose):
                assert not set(identity[windows_of(embedded, rows)]) & set(asked)
            genders = embedded.labels("gender", TEST)[fold.queries]
            assert set(genders) == {0, 1}


def test_more_folds_than_people_of_a_class_are_refused(embedded):
    with pytest.raises(
        UserError, match=r"attack.folds 3: the test people of one class of gender are 2"
    ):
        list(scenarios(embedded, with_attack(folds=3)))


def test_only_first_halves_know_people_who_are_held_out_whole():
    found = list(scenarios(make("subject"), with_attack(disjoint=())))
    assert {s.attacker_data for s in found if s.target == "identity"} == {"unseen"}
    assert {s.attacker_data for s in found if s.target == "gender"} == {
        "network_train",
        "unseen",
        "both",
    }


def test_where_it_is_wanted_all_windows_are_fitted_on(embedded):
    found = list(
        scenarios(embedded, with_attack(unlimited=("fc_2/noisy_reduced",)), "fc_2/noisy_reduced")
    )
    sizes = {
        s.max_windows: sum(len(at) for _, at in s.folds[0].fit)
        for s in found
        if (s.gallery, s.attacker_data, s.split) == ("held_out", "network_train", TEST)
    }
    assert sizes[40] == 40 and sizes[0] > 100
    assert {s.max_windows for s in scenarios(embedded, BOTH)} == {40}


@pytest.mark.parametrize("target", ["gender", "identity"])
@pytest.mark.parametrize("alone", [True, False])
def test_of_recordings_without_an_end_some_are_chosen_by_as_a_whole(target, alone):
    """Of the identity only where everybody is left in the others."""
    recording, start = np.repeat(np.arange(8), 6), np.tile(np.arange(6) * 10, 8)
    people = recording if alone else recording % 2
    samples = SimpleNamespace(tail=partial(windows.validation_tail, window=50, step=10))
    holder = SimpleNamespace(_embedded=SimpleNamespace(task=SimpleNamespace(samples=samples)))
    fit, choose = Holdings._parts(holder, recording, start, people, target)
    if alone and target == "identity":
        assert len(fit) == 48 and not len(choose)
        known = Knowledge(0.0, 2, (np.zeros((0, 3)), np.zeros(0, int)), jax.random.key(0))
        with pytest.raises(UserError, match="nothing is left at their ends"):
            known.choose(iter(()))
    else:
        assert set(recording[choose]) == {3, 7} and set(recording[fit]) == {0, 1, 2, 4, 5, 6}
