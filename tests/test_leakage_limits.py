"""Leakage at its limits: few classes, all widths, all sizes of noise; and what is refused."""

import math

import jax
import naive_rank
import numpy as np
import pytest
from leakage_samples import GRID, GROUPS, HELD, asked, measure, same
from rank_samples import DRAWS, FEATURES, KEY, LABELS, K, N
from scipy.spatial.distance import cdist

from hybrid_jax.errors import UserError
from hybrid_jax.privacy import engine, leakage, likelihood, log_ratios, ranking
from hybrid_jax.privacy.blocks import cut
from hybrid_jax.privacy.gallery import Samples
from hybrid_jax.privacy.measures import MEASURES

WIDE_GRID = [0.003, 0.3, 3, 30, 1000]
THREE = np.repeat(np.arange(3), 19)
CLASSES = {57: THREE, 503: np.random.default_rng(0).permutation(np.arange(503) % 24)}


@pytest.mark.parametrize("num_classes", [1, 2, 9])
def test_chance_in_closed_form_and_one_sample_for_each_class(num_classes):
    k, features = num_classes, np.arange(9.0)[:num_classes, None]
    found = measure(features, np.arange(k), [0, np.inf])
    chance = {
        "privacy": (k + 1) / (2 * k),
        "rank": (k + 1) / 2,
        "privacy_index": 1,
        "log_rank": math.log2((k + 1) / 2),
        "top1": 1 / k,
        "top5": min(1, 5 / k),
        "bayes_vulnerability": 1 / k,
        "bayes_security": 1,
        "min_entropy_leakage": 0,
        "conditional_entropy": math.log2(k),
        "mutual_information": 0,
    }
    assert {name: found[name].chance for name in MEASURES} == pytest.approx(chance, abs=1e-6)
    assert found["rank"].value[0] == pytest.approx(1)


@pytest.mark.parametrize("size", [9, 49])
def test_of_one_class_nothing_is_learnt_and_nothing_is_left_to_learn(size):
    found = measure(FEATURES[:size], np.zeros(size, int), [0, np.inf])
    ones = ("rank", "privacy", "privacy_index", "top1", "top5", "bayes_vulnerability")
    for name, estimate in found.measures.items():
        expected = float(name in (*ones, "bayes_security"))
        assert estimate.chance == pytest.approx(expected, abs=1e-9), name
        np.testing.assert_allclose(estimate.value, expected, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("ties, rank", [("average", 2), ("min", 1), ("max", 3)])
def test_classes_of_the_same_features_in_any_order_tie_at_every_noise(ties, rank):
    rng = np.random.default_rng(1)
    features = rng.normal(size=(19, 17))
    features = np.concatenate([features, features[::-1], rng.permutation(features)])
    nothing_left_out = {
        "gallery": "leave_group_out",
        "gallery_features": features,
        "gallery_labels": THREE,
        "groups": np.zeros(57),
        "gallery_groups": np.ones(57),
    }
    found = measure(features, THREE, WIDE_GRID, ties=ties, **nothing_left_out)
    for name, expected in {"rank": rank, "top1": 1 / 3, "bayes_vulnerability": 1 / 3}.items():
        np.testing.assert_allclose(found[name].value, expected, rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(found["conditional_entropy"].value, math.log2(3), rtol=1e-6)
    np.testing.assert_allclose(found["mutual_information"].value, 0, atol=3e-6)


@pytest.mark.parametrize("width", [np.int8, np.uint8, np.int64])
def test_any_integer_type_counts_rows(width):
    """Of recordings that begin at rows below 0, or late."""
    first = -128 if width == np.int8 else 5
    start = np.arange(N) * 5 + first
    case = {"gallery": "leave_one_out", "recording": LABELS % 2, "window": 21}
    narrow = measure(start=start.astype(width), **case)
    same(measure(start=np.arange(N) * 5, **case), narrow)


# float32


def float64_above(features, labels, normal, noise_std):
    """How many classes are likelier than the true one, whose own sample is left out [Q]."""
    one_hot, own = np.eye(labels.max() + 1)[labels], np.arange(len(labels))
    logs = -cdist(features + noise_std * normal, features, "sqeuclidean") / (2 * noise_std**2)
    np.fill_diagonal(logs, -np.inf)
    of_class = [np.logaddexp.reduce(logs, 1, where=c > 0, initial=-np.inf) for c in one_hot.T]
    scores = np.stack(of_class, axis=1) - np.log(one_hot.sum(axis=0) - one_hot)
    return (scores > scores[own, labels][:, None] + likelihood.TIE).sum(axis=1)


@pytest.mark.parametrize("dim, size", [(16, 57), (17, 57), (4096, 57), (8, 503), (64, 503)])
def test_float32_ranks_as_float64_does(dim, size):
    """On both sides of likelihood.FEW, and for a prime number of samples of 24 classes."""
    features, labels = np.random.default_rng(dim).normal(size=(size, dim)), CLASSES[size]
    found, _ = engine.outcomes(asked(features, labels, WIDE_GRID))
    equal = [
        found.above[s, level] == float64_above(features, labels, normal, noise_std)
        for s, normal in enumerate(naive_rank.draws(KEY, DRAWS, np.arange(size), dim))
        for level, noise_std in enumerate(WIDE_GRID)
    ]
    assert np.mean(equal) >= 0.999 and min(map(np.mean, equal)) >= 0.995


def test_a_single_draw_at_a_single_noise_ranks_as_float64_does_at_any():
    features, labels = np.random.default_rng(8).normal(size=(503, 8)), CLASSES[503]
    (normal,) = naive_rank.draws(KEY, 1, np.arange(503), 8)
    grid, equal = [0.01, 0.1, 0.35, 0.6, 1, 2, 5, 30, 200, 1000], []
    for noise_std in grid:
        found, _ = engine.outcomes(asked(features, labels, noise_std, num_draws=1))
        equal.append(found.above[0, 0] == float64_above(features, labels, normal, noise_std))
    assert np.mean(equal) >= 0.999 and min(map(np.mean, equal)) >= 0.995


def test_log_ratios_keep_their_digits_however_large_the_noise():
    rng, dim = np.random.default_rng(0), 8
    features, normal = rng.normal(size=(2, 57, dim)).astype(np.float32)
    everyone = Samples(features, THREE.astype(np.int32), *np.zeros((2, 57), np.int32))
    found = jax.jit(log_ratios)(
        normal, everyone, cut(everyone, 3, 8, 64), None, np.array([1e3, 1e5], np.float32)
    )
    for level, std in enumerate([1e3, 1e5]):
        difference = features.astype(np.float64)[None] - features[:, None]
        exponents = (
            (difference * normal[:, None]).sum(-1) - (difference**2).sum(-1) / 2 / std
        ) / std
        mean = np.log1p(np.expm1(exponents).reshape(57, 3, 19).mean(axis=-1))
        expected = mean - mean[np.arange(57), THREE][:, None]
        error = np.asarray(found[level]) - expected
        assert error.std() < 2e-8 and np.abs(expected).std() > 0.1 / std


def test_a_prior_that_is_the_same_for_all_takes_no_digits_from_the_likelihood():
    ratios = np.zeros((1, 64), np.float32)
    ratios[0, 1:] = np.delete(np.linspace(0.5e-6, 1.5e-6, 64), 32)
    log_prior = ranking.log_prior(np.full(64, 1 / 64))
    found = ranking.judge(ratios, np.ones((1, 64)), log_prior, np.zeros(1, np.int32))
    assert int(found.above[0]) == (ratios > likelihood.TIE).sum()
    assert int(found.tied[0]) == (ratios <= likelihood.TIE).sum()


RIGHT = {"features": FEATURES, "labels": LABELS, "noise_std": GRID, "key": KEY, "num_draws": DRAWS}
HELD_OUT = {"gallery": "held_out", "gallery_features": HELD, "gallery_labels": LABELS}
REFUSED = {
    "row 3 holds NaN": {"features": np.where(np.arange(N)[:, None] == 3, np.nan, FEATURES)},
    "features has shape": {"features": FEATURES[0]},
    "label 3 is outside": {"num_classes": 3},
    "hold -1": {"labels": LABELS - 1},
    f"hold {2**32 + 3}": {"labels": LABELS + 2**32},
    "classes 0..K-1": {"labels": LABELS / 2},
    "class 2 of 4 has no sample": {"labels": np.where(LABELS == 2, 1, LABELS)},
    "labels has shape": {"labels": LABELS[1:]},
    "groups has shape": {"groups": GROUPS[1:]},
    "gallery_labels has shape": HELD_OUT | {"gallery_labels": LABELS[1:]},
    "noise_std -0.1": {"noise_std": [1, -0.1]},
    "key is missing": {"key": None},
    "num_draws 0": {"num_draws": 0},
    "index has shape": {"index": LABELS[1:]},
    "unknown mode 'clases': did you mean 'classes'": {"mode": "clases"},
    "unknown ties 'mean'": {"ties": "mean"},
    "unknown gallery 'selves': did you mean 'self'": {"gallery": "selves"},
    "unknown prior 'flat'": {"prior": "flat"},
    "one value for each of the 4": {"prior": [0.5, 0.5]},
    "is not a distribution": {"prior": [0.5, 0.5, 0.5, -0.5]},
    "resample has shape (49,)": {"resample": GROUPS[1:]},
    "resample has shape (50, 1)": {"resample": GROUPS[:, None]},
    "primary has shape (49,)": {"primary": LABELS[1:]},
    "primary needs whole numbers": {"primary": LABELS / 2},
    "prediction needs whole numbers from 0": {"prediction": LABELS - 1},
    "prediction has shape (2, 50)": {"prediction": np.stack([LABELS] * DRAWS)},
    "it needs (50,) or (2, 7, 50)": {"prediction": np.zeros((DRAWS, 3, N), int)},
    "it needs (50,) or (7, 50)": HELD_OUT
    | {"prediction": LABELS, "gallery_prediction": np.zeros((DRAWS, 7, N), int)},
    "primary and gallery_primary go together": HELD_OUT | {"primary": LABELS},
    "prediction and gallery_prediction go together": {"gallery_prediction": LABELS},
    "mode 'instance' with gallery 'leave_one_out'": {
        "mode": "instance",
        "gallery": "leave_one_out",
    },
    "and no gallery_features": HELD_OUT | {"mode": "instance", "gallery": "self"},
    "takes the prior 'uniform'": {"mode": "instance", "prior": np.full(K, 1 / K)},
}


@pytest.mark.parametrize("message", REFUSED)
def test_mistakes_are_refused(message):
    with pytest.raises(ValueError) as error:
        leakage(**RIGHT | REFUSED[message])
    assert error.type is UserError
    assert message in str(error.value) and "\n" not in str(error.value)
