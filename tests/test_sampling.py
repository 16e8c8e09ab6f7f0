"""Which windows are queries and which are gallery: shares to within one, halves that do not touch."""

import numpy as np
import pytest

from hybrid_jax.data.windows import gap_windows
from hybrid_jax.evaluators.sampling import halves, stratified


def columns(size, seed=0):
    """Two columns of unequal, interleaved values."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 3, size) ** 2, rng.integers(0, 24, size)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("size", "most"), [(1000, 100), (1000, 999), (1000, 501), (997, 1), (77, 30)]
)
def test_every_stratum_has_its_share_to_within_one(size, most, seed):
    strata = columns(size)
    found = stratified(strata, most, seed)
    assert len(found) == most and (np.diff(found) > 0).all()  # ascending, so none twice
    assert found[0] >= 0 and found[-1] < size
    for one in {*zip(*strata, strict=True)}:
        belongs = np.all(
            [column == value for column, value in zip(strata, one, strict=True)], axis=0
        )
        assert abs(belongs[found].sum() - belongs.sum() * most / size) < 1


def test_the_seed_decides_the_items():
    strata = columns(1000)
    np.testing.assert_array_equal(stratified(strata, 100, 7), stratified(strata, 100, 7))
    shared = np.intersect1d(stratified(strata, 100, 7), stratified(strata, 100, 8))
    assert len(shared) < 40  # 10 are expected


def test_every_item_is_taken_as_often_as_any_other():
    """With probability most / N, also in a stratum whose share is no whole number; and neighbours together."""
    strata = [np.repeat([0, 1, 2], [3, 15, 32])]
    taken = np.array([np.isin(np.arange(50), stratified(strata, 10, s)) for s in range(2000)])
    np.testing.assert_allclose(taken.mean(axis=0), 0.2, atol=5 * np.sqrt(0.2 * 0.8 / 2000))
    together = (taken[:, 20:30] & taken[:, 21:31]).mean()
    assert 0.02 < together < 0.06  # .04 if they were independent; 0 in even steps


@pytest.mark.parametrize("most", [0, 50, 51, 10**6])
def test_0_or_as_many_as_there_are_is_everything(most):
    np.testing.assert_array_equal(stratified(columns(50), most, 3), np.arange(50))


def test_one_stratum_is_a_plain_sample():
    found = stratified([np.zeros(100, int)], 10, 0)
    assert len(np.unique(found)) == 10


def test_the_halves_of_a_recording_by_hand():
    first, second = halves(np.zeros(20, int), np.arange(20) * 10, 5)
    np.testing.assert_array_equal(first, np.arange(10))
    np.testing.assert_array_equal(second, np.arange(15, 20))
    first, second = halves(np.zeros(13, int), np.arange(13)[::-1] * 10, 5)  # in another order
    np.testing.assert_array_equal(first, np.arange(7, 13))
    np.testing.assert_array_equal(second, [0, 1])


def test_halves_of_dense_windows_share_no_row():
    first, second = halves(np.zeros(100, int), np.arange(100) * 2, gap_windows(50, 2))
    assert 2 * first[-1] + 50 <= 2 * second[0] == 2 * first[-1] + 52


@pytest.mark.parametrize("seed", range(3))
def test_halves_are_taken_in_each_recording_and_share_no_row(seed):
    """Windows of 50 rows, step 10: the gap keeps all rows of the one from all rows of the other."""
    rng = np.random.default_rng(seed)
    lengths = [40, 1, 2, 11, 12, 25]
    recording = np.repeat(rng.permutation(100)[: len(lengths)], lengths)
    start = np.concatenate([np.arange(n) * 10 for n in lengths])
    order = rng.permutation(len(start))
    recording, start = recording[order], start[order]
    first, second = halves(recording, start, gap_windows(50, 10))
    assert (np.diff(first) > 0).all() and (np.diff(second) > 0).all()
    for one, n in zip(recording[np.argsort(order)][np.cumsum(lengths) - 1], lengths, strict=True):
        a = np.sort(start[first][recording[first] == one]) // 10
        b = np.sort(start[second][recording[second] == one]) // 10
        np.testing.assert_array_equal(a, np.arange(n // 2))
        np.testing.assert_array_equal(b, np.arange(n // 2 + 5, n))
        if len(a) and len(b):
            assert a[-1] * 10 + 50 <= b[0] * 10


def test_recordings_too_short_for_a_second_half_have_none():
    first, second = halves(np.array([4, 4, 9]), np.array([0, 10, 0]), 5)
    np.testing.assert_array_equal(first, [0])
    assert len(second) == 0 and second.dtype.kind == "i"
