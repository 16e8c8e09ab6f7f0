"""Rank privacy at its limits: no noise, noise without end, one class, one sample, ties."""

import math

import numpy as np
import pytest
from rank_samples import DIM, DRAWS, LABELS, NOT_SELF, PRIOR, K, N, measure

# The limits of the noise


def naive_noise_free(features, keep, prior):
    """Nearest distance, then multiplicity at it times prior over count, in whole numbers."""
    ranks = []
    for i in range(N):
        scores = []
        for c in range(K):
            near = [
                ((features[i] - features[j]) ** 2).sum()
                for j in range(N)
                if LABELS[j] == c and keep[i, j]
            ]
            possible = prior[c] > 0
            scores.append(
                (-min(near), near.count(min(near)) * prior[c] / len(near))
                if possible
                else (-math.inf, 0)
            )
        own = scores[LABELS[i]]
        tied = [s[0] == own[0] and abs(s[1] - own[1]) < 1e-9 for s in scores]
        above = [s > own and not t for s, t in zip(scores, tied, strict=True)]
        ranks.append(sum(above) + (sum(tied) + 1) / 2)
    return np.array(ranks)


@pytest.mark.parametrize("gallery", ["self", "leave_one_out"])
@pytest.mark.parametrize("prior", [np.full(K, 1 / K), PRIOR])
def test_no_noise_is_the_nearest_distance_then_its_multiplicity(gallery, prior):
    keep = np.ones((N, N), bool) if gallery == "self" else NOT_SELF
    whole = np.random.default_rng(4).integers(0, 3, (N, DIM))  # many equal distances
    expected = naive_noise_free(whole, keep, prior)
    assert len(set(expected)) > 2
    # Thirds are no floats: centring breaks equal distances in their last bits.
    for features in (whole, whole / 3, (whole / 3).astype(np.float32)):
        found = measure(features, gallery=gallery, prior=prior)
        np.testing.assert_array_equal(found.ranks[:, 0], np.stack([expected] * DRAWS))


@pytest.mark.parametrize("gallery", ["self", "leave_one_out"])
def test_small_noise_goes_to_the_limit_of_none(gallery):
    found = measure(noise_std=[0, 1e-30, 1e-12, 1e-10, 1e-8, 1e-7, 1e-6], gallery=gallery)
    np.testing.assert_array_equal(found.ranks, np.repeat(found.ranks[:, :1], 7, axis=1))


@pytest.mark.parametrize("prior", ["uniform", "empirical", PRIOR])
@pytest.mark.parametrize("ties", ["average", "min", "max"])
def test_at_infinite_noise_only_the_prior_speaks(prior, ties):
    grid = [np.inf, 1e200, 1e14, 1e13, 1e12, 1e11, 1e10]
    found = measure(noise_std=grid, prior=prior, ties=ties)
    np.testing.assert_allclose(found.rank, found.chance_rank, rtol=1e-12)


def test_without_information_an_empirical_prior_reads_its_own_chance():
    """Gender with 57 % men: .715, not .75."""
    labels = np.repeat([1, 0], [57, 43])
    found = measure(np.zeros((100, 2)), labels, prior="empirical", gallery="leave_one_out")
    assert found.chance == pytest.approx(0.715)
    np.testing.assert_allclose(found.privacy, 0.715)
    np.testing.assert_allclose(found.privacy_index, 1)
    assert measure(np.zeros((100, 2)), labels).chance == 0.75


def test_zero_prior_classes_come_last_whatever_the_feature_says():
    found = measure(np.eye(K)[LABELS][:, :DIM], prior=[0.5, 0.3, 0.2, 0])
    assert (found.ranks[..., LABELS == 3] == 4).all()
    assert (found.ranks[:, :3, LABELS != 3] == 1).all()
    found = measure(prior=PRIOR * [1, 1, 1, 0] / 0.7, ties="max")
    assert (found.ranks[..., (LABELS == 2) | (LABELS == 3)] == 4).all()


def test_a_likelihood_beyond_float32_beats_the_smallest_prior():
    """A query of class 0, by far the most probable, that lies where class 1 is."""
    line, tiny = np.outer([0, 0.1, 5, 9], np.ones(DIM)), 1e-12
    found = measure(
        line[LABELS],
        LABELS * (LABELS != 1),
        [0, 0.001, 0.002, 0.003, 0.004, 0.005],
        gallery="held_out",
        gallery_features=line,
        gallery_labels=np.arange(K),
        prior=[1 - 3 * tiny, tiny, tiny, tiny],
    )
    assert (found.ranks == 1 + (LABELS == 1)).all()


# Few samples, few classes


def test_one_class_is_always_first_and_at_chance():
    found = measure(labels=np.zeros(N, int))
    assert found.chance_rank == found.chance == 1
    assert (found.rank == 1).all() and (found.privacy_index == 1).all() and (found.top1 == 1).all()


def test_one_sample():
    found = measure(np.ones((1, 2)), np.zeros(1, int), num_draws=1)
    assert (found.rank == 1).all() and np.isnan(found.rank_stderr).all()


def test_ties_min_with_a_uniform_prior_has_no_chance_to_compare_with():
    found = measure(ties="min")
    assert found.chance_rank == 1
    assert found.privacy_index[0] == found.privacy_index[-1] == 1
    assert found.privacy_index[4] == np.inf and not np.isnan(found.privacy_index).any()


@pytest.mark.parametrize("ties, rank", [("average", 2), ("min", 1), ("max", 3)])
def test_equal_classes_tie_at_every_noise(ties, rank):
    features = np.random.default_rng(1).normal(size=(20, 5))
    found = measure(np.tile(features, (3, 1)), np.repeat(np.arange(3), 20), ties=ties)
    assert (found.ranks == rank).all() and (found.top1 == (rank == 1)).all()
