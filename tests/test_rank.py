"""Rank privacy: against loops, at every limit, and what must not change it."""

import math

import jax
import naive_rank
import numpy as np
import pytest

from hybrid_jax.privacy import rank_privacy

# Most tests share these shapes, and so one compiled program.
KEY = jax.random.key(7)
N, DIM, K, DRAWS = 50, 3, 4, 2
GRID = [0, 0.003, 0.1, 0.5, 2, 30, np.inf]
LABELS = np.concatenate([np.arange(K), np.random.default_rng(0).integers(0, K, N - K)])
PRIOR = np.array([0.1, 0.6, 0.0, 0.3])
NOT_SELF = ~np.eye(N, dtype=bool)


def features_of(dim):
    rng = np.random.default_rng(dim)
    return rng.normal(size=(N, dim)) + 0.5 * rng.normal(size=(K, dim))[LABELS]


FEATURES = features_of(DIM)


def measure(features=FEATURES, labels=LABELS, noise_std=GRID, **arguments):
    common = {"noise_std": noise_std, "key": KEY, "num_draws": DRAWS, "return_ranks": True}
    return rank_privacy(features, labels, **common | arguments)


@pytest.mark.parametrize("dim", [DIM, 1, 20])  # 20: by GEMM
def test_equals_the_loops(dim):
    features = features_of(dim)
    normal = naive_rank.draws(KEY, DRAWS, np.arange(N), dim)
    cases = [{}, {"ties": "min", "prior": PRIOR}, {"ties": "max", "gallery": "leave_one_out"}]
    for case in cases[: 3 if dim == DIM else 1]:
        found = measure(features, **case)
        for level, noise_std in list(enumerate(GRID))[1:-1]:
            expected = naive_rank.ranks(
                features,
                LABELS,
                normal,
                noise_std,
                prior=case.get("prior"),
                keep=NOT_SELF if "gallery" in case else None,
                ties=case.get("ties", "average"),
            )
            np.testing.assert_array_equal(found.ranks[:, level], expected)


@pytest.mark.parametrize("dim", [8, 64])
def test_many_samples_equal_float64_over_five_decades_of_noise(dim):
    """Where linear densities underflow, and one shift for all classes of a row misranks."""
    rng = np.random.default_rng(0)
    labels, features = rng.integers(0, 6, 500), rng.normal(size=(500, dim)).astype(np.float32)
    grid = [0.003, 0.03, 0.3, 3, 30, 300]
    found = measure(features, labels, grid, gallery="leave_one_out")
    f, equal = features.astype(np.float64), []
    counts = np.bincount(labels) - np.eye(6)[labels]
    for s, normal in enumerate(naive_rank.draws(KEY, DRAWS, np.arange(500), dim)):
        for level, noise_std in enumerate(grid):
            z = f + noise_std * normal
            logs = -(((z[:, None] - f[None]) / noise_std) ** 2).sum(-1) / 2
            np.fill_diagonal(logs, -np.inf)
            scores = np.stack(
                [np.logaddexp.reduce(logs[:, labels == c], axis=1) for c in range(6)], axis=1
            ) - np.log(counts)
            own = scores[np.arange(500), labels][:, None]
            equal.append((found.ranks[s, level] == 1 + (scores > own).sum(axis=1)).mean())
    assert min(equal) >= 0.996 and np.mean(equal) > 0.999


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


# What must not change it


@pytest.mark.parametrize(
    "dim, query_block, gallery_block, draw_block",
    [(DIM, 7, 11, 1), (20, N, 1, 2), (DIM, 1, 1000, 1)],
)
def test_blocks_and_a_loop_over_the_draws_change_nothing(
    dim, query_block, gallery_block, draw_block
):
    arguments = {"features": features_of(dim), "gallery": "leave_one_out", "num_draws": 3}
    whole = measure(**arguments)
    parts = measure(
        **arguments, query_block=query_block, gallery_block=gallery_block, draw_block=draw_block
    )
    np.testing.assert_array_equal(parts.ranks, whole.ranks)


def test_each_level_of_a_grid_is_what_it_is_alone():
    whole = measure()
    for level in (0, 3, 6):
        np.testing.assert_array_equal(
            measure(noise_std=GRID[level]).ranks[:, 0], whole.ranks[:, level]
        )


def test_a_draw_depends_on_the_key_its_number_and_the_sample():
    whole = measure(num_draws=3)
    np.testing.assert_array_equal(measure().ranks, whole.ranks[:DRAWS])
    some = np.array([20, 4, 31])
    part = measure(
        FEATURES[some],
        LABELS[some],
        num_draws=3,
        index=some,
        gallery="held_out",
        gallery_features=FEATURES,
        gallery_labels=LABELS,
    )
    np.testing.assert_array_equal(part.ranks, whole.ranks[..., some])
    assert (measure(key=jax.random.key(8)).ranks != whole.ranks[:DRAWS]).any()


def test_an_offset_and_the_unit_change_nothing():
    whole = measure(gallery="leave_one_out")
    moved = measure(FEATURES + 1e6, gallery="leave_one_out")
    np.testing.assert_array_equal(moved.ranks, whole.ranks)
    for unit in (1e-30, 1e30):
        scaled = measure(FEATURES * unit, noise_std=np.array(GRID) * unit, gallery="leave_one_out")
        np.testing.assert_array_equal(scaled.ranks, whole.ranks)


def test_the_order_of_the_gallery_changes_nothing():
    order = np.random.default_rng(2).permutation(N)
    whole = measure(gallery="held_out", gallery_features=FEATURES, gallery_labels=LABELS)
    shuffled = measure(
        gallery="held_out", gallery_features=FEATURES[order], gallery_labels=LABELS[order]
    )
    np.testing.assert_array_equal(shuffled.ranks, whole.ranks)


def test_numpy_and_jax_arrays_and_any_integer_type_are_welcome():
    features = FEATURES.astype(np.float32)
    whole = measure(features)
    device = measure(jax.numpy.asarray(features), jax.numpy.asarray(LABELS))
    np.testing.assert_array_equal(device.ranks, whole.ranks)
    np.testing.assert_array_equal(measure(features, LABELS.astype(np.uint8)).ranks, whole.ranks)


# The result


def test_the_result_is_the_mean_of_the_ranks():
    found = measure(num_draws=3)
    assert found.ranks.shape == (3, len(GRID), N) and found.num_draws == 3
    np.testing.assert_allclose(found.rank_per_draw, found.ranks.mean(axis=-1))
    np.testing.assert_allclose(found.privacy, found.ranks.mean(axis=(0, -1)) / K)
    np.testing.assert_allclose(found.top1, (found.ranks == 1).mean(axis=(0, -1)))
    np.testing.assert_allclose(found.privacy_index, (found.rank - 1) / (found.chance_rank - 1))
    np.testing.assert_allclose(
        found.privacy_stderr, found.privacy_per_draw.std(axis=0, ddof=1) / math.sqrt(3)
    )
    np.testing.assert_allclose(
        found.privacy_index_stderr, found.rank_stderr / (found.chance_rank - 1)
    )
    assert found.rank_stderr[0] == found.rank_stderr[-1] == 0 and found.rank_stderr[3] > 0
    assert (found.n, found.num_classes, found.chance) == (N, K, 0.625)
    assert measure(return_ranks=False).ranks is None


def test_progress_is_told_after_every_block():
    told = []
    measure(query_block=20, on_progress=lambda *done_and_total: told.append(done_and_total))
    assert told == [(20, N), (40, N), (N, N)]
