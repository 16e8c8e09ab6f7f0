"""The paper's numbered equations against naive NumPy float64 loops, and what follows from them."""

import itertools
import math

import jax
import naive_rank
import numpy as np
import pytest

from hybrid_jax.losses import contrastive, contrastive_in_batch
from hybrid_jax.privacy import rank_privacy

KEY = jax.random.key(11)


def likelihood(z, f, noise_std):
    """P(z | f) = N(z; f, noise_std^2 I)."""
    square = sum((a - b) ** 2 for a, b in zip(z, f, strict=True))
    return math.exp(-square / (2 * noise_std**2)) / (2 * math.pi * noise_std**2) ** (len(z) / 2)


@pytest.fixture(scope="module")
def small():
    """A population of 24 with unequal classes: features, labels, noise, noise_std."""
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1, 2], [3, 6, 15])
    features = rng.normal(size=(24, 2)) + 0.6 * rng.normal(size=(3, 2))[labels]
    return features, labels, naive_rank.draws(KEY, 2, np.arange(24), 2), 0.8


def measured(small, **arguments):
    features, labels, _, noise_std = small
    return rank_privacy(
        features, labels, noise_std=noise_std, key=KEY, num_draws=2, return_ranks=True, **arguments
    )


def expected_ranks(small, score):
    """Rank of the true class by `score(z, s)` [S, N]."""
    features, labels, normal, noise_std = small
    return np.array(
        [
            [
                1 + sum(score(z, s) > score(z, labels[i]) for s in range(3))
                for i, z in enumerate(features + noise_std * draw)
            ]
            for draw in normal
        ]
    )


def test_equation_1_the_contrastive_loss():
    """d^2 for a similar pair, max(0, margin - d)^2 for a dissimilar one; the mean over the pairs."""
    rng = np.random.default_rng(7)
    features, labels = rng.normal(size=(12, 5)).astype(np.float32), np.arange(12) % 3

    def cost(i, j):
        square = sum((a - b) ** 2 for a, b in zip(*features[[i, j]].tolist(), strict=True))
        return square if labels[i] == labels[j] else max(0.0, 3.0 - math.sqrt(square)) ** 2

    pairs = list(itertools.combinations(range(12), 2))
    costs = [cost(*pair) for pair in pairs]
    assert 0.0 in costs  # some pair lies beyond the margin
    mean, (i, j) = sum(costs) / len(pairs), np.transpose(pairs)
    for convention, factor in (("paper", 1), ("caffe", 1 / 2)):
        settings = {"margin": 3.0, "convention": convention}
        aligned = contrastive(features[i], features[j], labels[i] == labels[j], **settings)
        assert float(aligned) == pytest.approx(factor * mean, rel=1e-6)
        in_batch = contrastive_in_batch(features, labels, **settings)
        assert float(in_batch) == pytest.approx(factor * mean, rel=1e-5)


def test_equations_2_and_3_the_likelihood_is_an_expectation_over_the_class(small):
    """P(z|s) = E_{f ~ P(f|s)}[P(z|f)]: a feature seen three times weighs three times."""
    features, labels, _, noise_std = small
    times = np.random.default_rng(5).integers(1, 4, 24)
    weight = {s: times * (labels == s) / times[labels == s].sum() for s in range(3)}  # P(f|s)

    def expectation(z, s):
        return sum(weight[s][j] * likelihood(z, features[j], noise_std) for j in range(24))

    found = measured(
        small,
        gallery="held_out",
        gallery_features=np.repeat(features, times, axis=0),
        gallery_labels=np.repeat(labels, times),
    )
    np.testing.assert_array_equal(found.ranks[:, 0], expected_ranks(small, expectation))


def test_equation_4_the_expectation_is_the_mean_over_the_classes_features(small):
    features, labels, _, noise_std = small

    def mean(z, s):
        return sum(likelihood(z, f, noise_std) for f in features[labels == s]) / (labels == s).sum()

    def total(z, s):
        return sum(likelihood(z, f, noise_std) for f in features[labels == s])

    found = measured(small).ranks[:, 0]
    np.testing.assert_array_equal(found, expected_ranks(small, mean))
    assert (found != expected_ranks(small, total)).any()


def test_equation_5_the_posterior_is_the_likelihood_times_the_prior(small):
    features, labels, _, noise_std = small
    prior = [0.7, 0.1, 0.2]

    def posterior(z, s):
        members = features[labels == s]
        return sum(likelihood(z, f, noise_std) for f in members) / len(members) * prior[s]

    found = measured(small, prior=prior).ranks[:, 0]
    np.testing.assert_array_equal(found, expected_ranks(small, posterior))
    assert (found != measured(small).ranks[:, 0]).any()


def test_equation_6_privacy_is_the_rank_in_descending_order_over_the_number_of_classes():
    """On a line, without noise, classes rank by distance: worked by hand."""
    gallery = np.array([[0.0], [1.0], [3.0], [7.0]])
    queries, labels = np.array([[0.2], [0.2], [0.2], [0.2], [4.9]]), np.array([0, 1, 2, 3, 1])
    found = rank_privacy(
        queries,
        labels,
        noise_std=0,
        gallery="held_out",
        gallery_features=gallery,
        gallery_labels=np.arange(4),
        num_draws=1,
        return_ranks=True,
    )
    np.testing.assert_array_equal(found.ranks[0, 0] / found.num_classes, [0.25, 0.5, 0.75, 1, 0.75])


def test_equation_7_the_total_privacy_is_the_mean_over_the_samples(small):
    found = measured(small)
    each = [float(rank) / 3 for rank in found.ranks[:, 0].ravel()]
    assert found.privacy[0] == pytest.approx(sum(each) / len(each), rel=1e-12)


# What follows from Eq. 6 and 7, in closed form


@pytest.mark.parametrize("num_classes", [2, 4, 24])
def test_privacy_runs_from_one_over_k_and_chance_is_half_of_k_plus_one(num_classes):
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(num_classes), 240 // num_classes)
    found = rank_privacy(rng.normal(size=(240, 4)), labels, key=KEY, noise_std=[0, 1e3, np.inf])
    chance = (num_classes + 1) / (2 * num_classes)
    assert found.privacy[0] == 1 / num_classes and found.top1[0] == 1  # own feature included
    assert abs(found.privacy[1] - chance) < 5 * 0.29 / math.sqrt(240)
    assert found.privacy[2] == pytest.approx(chance) == found.chance
    assert num_classes != 2 or chance == 0.75


def test_every_sample_its_own_class_is_a_count_of_nearer_features():
    """The authors' code: K = N, equal densities by equal distances, from 1/N to (N + 1)/2N."""
    features = np.random.default_rng(1).normal(size=(200, 4)).astype(np.float32)
    normal = naive_rank.draws(KEY, 2, np.arange(200), 4)
    found = rank_privacy(
        features,
        np.arange(200),
        noise_std=[0, 0.5, np.inf],
        key=KEY,
        num_draws=2,
        return_ranks=True,
    )
    assert found.privacy[0] == 1 / 200 and found.privacy[2] == 201 / 400
    distances = np.linalg.norm((features + 0.5 * normal)[:, :, None] - features, axis=-1)
    own = np.einsum("sii->si", distances)[..., None]
    np.testing.assert_array_equal(found.ranks[:, 1], 1 + (distances < own).sum(axis=-1))


@pytest.mark.parametrize("noise_std", [0, 1e-3])
@pytest.mark.parametrize("dim", [4, 30])
def test_identical_features_share_their_places(noise_std, dim):
    """m identical of N, little noise: (m(m+1)/2 + N - m)/N^2; 100 of 1000 give .00595."""
    m, n = 100, 1000
    features = np.random.default_rng(2).normal(size=(n, dim))
    features[:m] = features[0]
    found = rank_privacy(features, np.arange(n), noise_std=noise_std, key=KEY, num_draws=1)
    assert found.privacy[0] == pytest.approx((m * (m + 1) / 2 + n - m) / n**2) == 0.00595


def test_with_the_own_feature_included_no_information_still_looks_like_much():
    """2,000 features that say nothing of 100 classes: .010 with it, .517 without it."""
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(2000, 8)), rng.permutation(np.arange(2000) % 100)
    arguments = {"noise_std": [0.1, 1], "key": KEY, "num_draws": 2}
    included = rank_privacy(features, labels, gallery="self", **arguments)
    left_out = rank_privacy(features, labels, gallery="leave_one_out", **arguments)
    np.testing.assert_allclose(included.privacy, [0.010, 0.226], atol=0.015)
    np.testing.assert_allclose(left_out.privacy, [0.517, 0.510], atol=0.025)
    assert included.top1[0] > 0.99 and left_out.top1[0] < 0.02


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_names_of_the_classes_do_not_matter(small, order):
    features, labels, _, noise_std = small
    renamed = np.array(order)[labels]
    found = rank_privacy(
        features, renamed, noise_std=noise_std, key=KEY, num_draws=2, return_ranks=True
    )
    np.testing.assert_array_equal(found.ranks, measured(small).ranks)
