"""Floors: an adversary who sees a label only. And uncertainty: over draws, over groups."""

import math

import jax
import naive_leakage
import numpy as np
import pytest
from leakage_samples import HELD, PRIORS, measure, same
from rank_samples import DRAWS, FEATURES, KEY, LABELS, N

from hybrid_jax.privacy.measures import MEASURES

# Without noise and at infinite noise: nothing is compiled for what these tests do not look at.
LIMITS = [0, np.inf]
PRIOR = PRIORS["given"]
RNG = np.random.default_rng(6)
ACTIVITY = np.where(RNG.random(N) < 0.5, LABELS % 3, RNG.integers(0, 3, N))
GROUPS, RECORDING, START = RNG.integers(0, 6, N), RNG.integers(0, 3, N), RNG.integers(0, 60, N)
WINDOW = 12
APART = (RECORDING[:, None] != RECORDING) | (np.abs(START[:, None] - START) >= WINDOW)
EVERYTHING = np.ones((N, N), bool)
RULES = {  # arguments, and which samples each query may use
    "self": ({}, EVERYTHING),
    "leave_one_out": ({}, ~np.eye(N, dtype=bool)),
    "leave_one_out, windows": ({"recording": RECORDING, "start": START, "window": WINDOW}, APART),
    "leave_group_out": ({"groups": GROUPS}, GROUPS[:, None] != GROUPS),
    "held_out": ({"gallery_features": HELD, "gallery_labels": LABELS}, EVERYTHING),
}
UNSEEN = -1e9  # log 0 of a value that a class never shows; -inf is for classes that cannot be


def scores(seen, shown, keep, prior):
    """log P(u|s) + log P(s) of each query, counted over what it may use [Q][K]."""
    found = []
    for u, kept in zip(seen, keep, strict=True):
        row = []
        for c, probability in enumerate(prior):
            of_class = [
                v for v, label, k in zip(shown, LABELS, kept, strict=True) if k and label == c
            ]
            count = of_class.count(u)
            log = math.log(count / len(of_class)) if count else UNSEEN
            row.append(log + math.log(probability) if of_class and probability else -math.inf)
        found.append(row)
    return found


def equals(floor, draws, prior, level=0):
    whole, _, chance = naive_leakage.measures(draws, LABELS.tolist(), prior.tolist())
    assert floor.keys() == MEASURES.keys()
    for name, estimate in floor.items():
        np.testing.assert_allclose(
            [estimate.value[level], estimate.chance],
            [whole[name], chance[name]],
            *(1e-6, 1e-6),
            err_msg=name,
        )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("values, finite", [(2, True), (12, False)])  # 12: some are never shown
def test_the_label_floor_counts_what_each_query_may_use(rule, values, finite):
    (arguments, keep), rng = RULES[rule], np.random.default_rng(4)
    seen = np.where(rng.random(N) < 0.3, LABELS, rng.integers(0, values, N)) % values
    shown = seen
    if rule == "held_out":
        shown = rng.permutation(seen)
        arguments = arguments | {"gallery_primary": shown}
    gallery = rule.split(",")[0]
    found = measure(primary=seen, gallery=gallery, prior=PRIOR, noise_std=LIMITS, **arguments)
    assert found.n == N and found.prediction_floor is None
    bits = found.label_floor["conditional_entropy"].value
    assert np.isfinite(bits) == (finite or rule == "self")
    equals(found.label_floor, [scores(seen, shown, keep, PRIOR)], PRIOR)


def test_a_prediction_of_each_draw_and_noise_is_judged_by_the_first_draws_gallery():
    flips = np.random.default_rng(0).random((DRAWS, 2, N)) < 0.2
    prediction = np.where(flips, (ACTIVITY + 1) % 3, ACTIVITY)
    found = measure(prediction=prediction, noise_std=LIMITS, prior=PRIOR)
    other = measure(
        prediction=prediction, gallery_prediction=1 - flips[0], noise_std=LIMITS, prior=PRIOR
    )
    for level in range(2):
        for floor, held in ((found, prediction[0]), (other, 1 - flips[0])):
            draws = [scores(p[level], held[level], EVERYTHING, PRIOR) for p in prediction]
            equals(floor.prediction_floor, draws, PRIOR, level)


@pytest.mark.parametrize(
    "table", [[[8, 2, 0], [3, 9, 3], [2, 5, 18]], [[10, 0, 0], [0, 15, 0], [25, 0, 0]]]
)
def test_the_floor_of_a_contingency_table_in_closed_form(table):
    table = np.array(table)
    of_cell = np.repeat(np.arange(9), table.ravel())
    labels, primary = of_cell // 3, of_cell % 3
    found = measure(labels=labels, primary=primary, noise_std=LIMITS, prior="empirical")
    prior = table.sum(axis=1) / N
    expected = naive_leakage.of_channel(prior, table / table.sum(axis=1, keepdims=True))
    entropy = -(prior * np.log2(prior)).sum()
    expected["mutual_information"] = entropy - expected["conditional_entropy"]
    for name, value in expected.items():
        assert found.label_floor[name].value == pytest.approx(value, abs=1e-6), name
        assert (
            found.excess(name, "label_floor")[0]
            == found[name].value[0] - found.label_floor[name].value
        )


def test_a_prediction_that_is_always_right_has_the_floor_of_the_label():
    found = measure(
        primary=ACTIVITY, prediction=ACTIVITY, noise_std=LIMITS, gallery="leave_one_out"
    )
    for name, estimate in found.label_floor.items():
        for field, value in estimate._asdict().items():
            np.testing.assert_equal(getattr(found.prediction_floor[name], field), value)


@pytest.mark.parametrize("prior", ["uniform", "empirical", PRIOR])
def test_a_feature_that_is_the_prediction_leaks_what_the_prediction_does(prior):
    one_hot = np.eye(3)[ACTIVITY]
    found = measure(one_hot, prediction=ACTIVITY, noise_std=LIMITS, prior=prior)
    for name in MEASURES:
        assert found[name].value[0] == pytest.approx(found.prediction_floor[name].value, abs=1e-6)
        assert found.excess(name)[0] == pytest.approx(0, abs=1e-6)
    assert 0.01 < found["mutual_information"].value[0] < 1


# Uncertainty


@pytest.mark.parametrize("ties", ["average", "max"])
def test_the_interval_is_around_the_value(ties):
    found = measure(gallery="leave_one_out", ties=ties)
    for name, estimate in found.measures.items():
        finite = np.isfinite(estimate.value)
        low, value, high = (x[finite] for x in (estimate.ci_low, estimate.value, estimate.ci_high))
        assert (low <= value + 1e-9).all() and (value <= high + 1e-9).all(), name
        assert (
            np.isnan(estimate.ci_low[~finite]).all() and np.isnan(estimate.ci_high[~finite]).all()
        )
        assert name == "top5" or (high - low).max() > 0


def test_the_interval_of_groups_of_equals_is_wider_than_of_single_samples_by_the_root_of_their_size():
    person = np.arange(N) % 10
    case = {
        "index": person,
        "gallery": "held_out",
        "gallery_features": HELD,
        "gallery_labels": LABELS,
    }
    single, groups, everyone = (
        measure(FEATURES[person], LABELS[person], resample=resample, **case)
        for resample in (None, person, np.zeros(N))
    )
    same_as_groups = measure(FEATURES[person], LABELS[person], groups=person, **case)
    same(groups, same_as_groups)
    for name in ("rank", "log_rank"):
        width = [found[name].ci_high[2:4] - found[name].ci_low[2:4] for found in (single, groups)]
        np.testing.assert_allclose(width[1] / width[0], math.sqrt(N / 10), rtol=0.2)
        assert np.isnan(everyone[name].ci_low).all() and np.isnan(everyone[name].ci_high).all()
        np.testing.assert_array_equal(everyone[name].value, single[name].value)


def test_the_standard_error_is_the_spread_over_keys():
    keys = jax.random.split(KEY, 40)
    found = [measure(key=key, resample=LABELS % 2) for key in keys]
    for name in ("rank", "top1", "conditional_entropy", "mutual_information"):
        values = np.array([result[name].value[2:5] for result in found])
        told = np.sqrt(np.mean([result[name].stderr[2:5] ** 2 for result in found], axis=0))
        np.testing.assert_allclose(told, values.std(axis=0, ddof=1), rtol=0.5)
        assert 0.8 < np.mean(told / values.std(axis=0, ddof=1)) < 1.25, name
    once = measure(num_draws=1, noise_std=LIMITS)
    assert all(np.isnan(estimate.stderr).all() for estimate in once.measures.values())
