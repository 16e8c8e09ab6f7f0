"""Rank privacy: against loops, and what must not change it."""

import math

import jax
import naive_rank
import numpy as np
import pytest
from rank_samples import (
    DIM,
    DRAWS,
    FEATURES,
    GRID,
    KEY,
    LABELS,
    NOT_SELF,
    PRIOR,
    K,
    N,
    features_of,
    measure,
)


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
