"""Leakage: against loops, in its ranges, and what must not change it."""

import itertools
import math

import naive_leakage
import naive_rank
import numpy as np
import pytest
from leakage_samples import (
    GALLERIES,
    GIVEN,
    GRID,
    GROUPS,
    HELD,
    PRIORS,
    TIES,
    asked,
    measure,
    measured,
    naive_scores,
    same,
)
from rank_samples import DIM, DRAWS, FEATURES, KEY, LABELS, NOT_SELF, PRIOR, K, N

from hybrid_jax.privacy import engine
from hybrid_jax.privacy.measures import MEASURES

ALL_CASES = list(itertools.product(GALLERIES, PRIORS))


def equals_the_loops(found, level, scores, labels, prior, ties):
    whole, draws, chance = naive_leakage.measures(scores, list(labels), list(prior), ties)
    assert found.measures.keys() == whole.keys() == MEASURES.keys()
    for name, estimate in found.measures.items():
        value, each = whole[name], np.array([draw[name] for draw in draws])
        finite = math.isfinite(value)
        np.testing.assert_allclose(
            [estimate.value[level], estimate.stderr[level], estimate.chance],
            [value, each.std(ddof=1) / math.sqrt(DRAWS) if finite else math.nan, chance[name]],
            atol=1e-6 * (1 + abs(value) if finite else 1),
            rtol=0,
            err_msg=f"{name} at noise {found.noise_std[level]}",
        )


@pytest.mark.parametrize("gallery, prior", ALL_CASES)
def test_every_measure_equals_the_loops(gallery, prior):
    found, keep = measured(gallery, prior), GALLERIES[gallery][2]
    counted = np.array([(LABELS[kept] == c).any() for kept, c in zip(keep, LABELS, strict=True)])
    assert (found.n, found.n_excluded) == (counted.sum(), (~counted).sum())
    assert (gallery == "leave_group_out") == (found.n < N)
    for level in range(len(GRID)):
        scores = [
            list(itertools.compress(draw, counted)) for draw in naive_scores(gallery, level, prior)
        ]
        equals_the_loops(found, level, scores, LABELS[counted], PRIORS[prior], TIES[prior])


@pytest.mark.parametrize("ties", ["average", "min", "max"])
@pytest.mark.parametrize("prior", [np.full(K, 1 / K), PRIOR])
def test_equal_distances_and_a_class_that_cannot_be_equal_the_loops(ties, prior):
    whole = np.random.default_rng(4).integers(0, 2, (N, DIM)).astype(float)
    found = measure(whole, ties=ties, prior=prior, gallery="leave_one_out")
    normal = naive_rank.draws(KEY, DRAWS, np.arange(N), DIM)
    for level in (0, 3, 6):
        scores = naive_leakage.scores(
            whole, normal, GRID[level], whole, LABELS, NOT_SELF, prior.tolist()
        )
        equals_the_loops(found, level, scores, LABELS, prior, ties)


# Ranges


@pytest.mark.parametrize("gallery, prior", ALL_CASES)
def test_every_measure_is_in_its_range(gallery, prior):
    found, slack = measured(gallery, prior), 1e-9
    value = {name: estimate.value for name, estimate in found.measures.items()}
    chance = {name: estimate.chance for name, estimate in found.measures.items()}
    ranges = {
        "rank": (1, K),
        "privacy": (1 / K, 1),
        "privacy_index": (0, np.inf),
        "log_rank": (0, math.log2(K)),
        "top1": (0, 1),
        "top5": (value["top1"], 1),
        "bayes_vulnerability": (0, 1),
        "bayes_security": (0, 1 / (1 - chance["bayes_vulnerability"])),
        "min_entropy_leakage": (-np.inf, -math.log2(chance["bayes_vulnerability"])),
        "conditional_entropy": (0, np.inf),
        "mutual_information": (-np.inf, chance["conditional_entropy"]),
    }
    assert ranges.keys() == MEASURES.keys()
    for name, (low, high) in ranges.items():
        assert (low - slack <= value[name]).all() and (value[name] <= high + slack).all(), name
        estimate = found[name]
        assert not (estimate.ci_low > estimate.ci_high).any() and not (estimate.stderr < 0).any()
    assert (value["log_rank"] <= np.log2(value["rank"]) + slack).all()


@pytest.mark.parametrize("prior", PRIORS)
def test_whoever_holds_the_own_feature_learns_all_without_noise_and_never_less_than_nothing(prior):
    found = measured("self", prior)
    entropy = -(PRIORS[prior] * np.log2(PRIORS[prior])).sum()
    error = 5 * found["mutual_information"].stderr + 1e-3
    assert (found["mutual_information"].value >= -error).all()
    assert (found["conditional_entropy"].value <= entropy + error).all()
    error = 5 * found["bayes_vulnerability"].stderr + 0.1  # a guess is right or not: draws are few
    assert (found["bayes_vulnerability"].value >= PRIORS[prior].max() - error).all()
    limit = {
        "rank": 1,
        "top1": 1,
        "bayes_security": 0,
        "min_entropy_leakage": -math.log2(PRIORS[prior].max()),
        "conditional_entropy": 0,
        "mutual_information": entropy,
    }
    for name, expected in limit.items():
        assert found[name].value[0] == pytest.approx(expected, abs=1e-6), name


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("gallery", ["self", "leave_one_out", "held_out"])  # which empty no class
def test_at_infinite_noise_every_measure_is_chance(gallery, prior):
    for name, estimate in measured(gallery, prior).measures.items():
        assert estimate.value[-1] == pytest.approx(estimate.chance, abs=1e-6), name


# What must not change it


@pytest.mark.parametrize("order", [(1, 0, 3, 2), (3, 2, 0, 1)])
def test_the_names_of_the_classes_change_nothing(order):
    prior = PRIORS["given"][np.argsort(order)]
    same(measure(**GIVEN), measure(labels=np.array(order)[LABELS], **GIVEN | {"prior": prior}))


def test_the_order_of_queries_and_gallery_changes_nothing():
    order = np.random.default_rng(2).permutation(N)
    for gallery in ("self", "leave_group_out"):
        case = {"gallery": gallery, "prior": PRIORS["given"]}
        shuffled = measure(
            FEATURES[order], LABELS[order], index=order, groups=GROUPS[order], **case
        )
        same(measure(groups=GROUPS, **case), shuffled)
    held = {"gallery_features": HELD[order], "gallery_labels": LABELS[order]}
    same(measured("held_out", "uniform"), measure(gallery="held_out", **held))


@pytest.mark.parametrize("offset, unit", [(1e4, 1), (0, 3.7), (-5, 1e-30), (1e4, 1e30)])
def test_an_offset_and_the_unit_change_nothing(offset, unit):
    moved = measure((FEATURES + offset) * unit, noise_std=np.array(GRID) * unit, **GIVEN)
    same(measure(**GIVEN), moved)


def test_blocks_change_nothing():
    whole, left = engine.outcomes(asked())
    found, own_left = engine.outcomes(asked(), query_block=7, gallery_block=11, draw_block=1)
    np.testing.assert_array_equal(own_left, left)
    np.testing.assert_array_equal(found.above, whole.above)
    np.testing.assert_array_equal(found.tied, whole.tied)
    np.testing.assert_allclose(found.log_posterior, whole.log_posterior, 1e-5, 1e-6)


@pytest.mark.parametrize("others", [[], [np.inf], [1000, 7, 0.2, 5, 0.1]])
def test_a_noise_level_does_not_depend_on_the_others_of_the_grid(others):
    grid, whole = [*others, 0], measure(**GIVEN)
    found = measure(noise_std=grid, **GIVEN)
    for at, level in ((grid.index(std), GRID.index(std)) for std in grid if std in GRID):
        for name, estimate in found.measures.items():
            for field in ("value", "stderr", "ci_low", "ci_high"):
                expected = getattr(whole[name], field)[level]
                np.testing.assert_allclose(getattr(estimate, field)[at], expected, 1e-5, 1e-6)
