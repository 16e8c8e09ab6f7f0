import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_jax.data import GAP, TEST, TRAIN, VALIDATION, gather, windows
from hybrid_jax.data.windows import Recording, make_windows
from hybrid_jax.errors import UserError

CLASSES = {"activity": ("a", "b"), "gender": ("f", "m"), "identity": ("1", "2", "3")}


def recording(num_rows, *, activity=0, gender=0, identity=0, trial=1, seed=0):
    rows = np.random.default_rng([seed, num_rows]).normal(3, 2, (num_rows, 4)).astype(np.float32)
    return Recording(rows, activity, gender, identity, trial, 170.0 + identity, 60.0, 30.0)


def by_trial(r):
    return TEST if r.trial > 10 else TRAIN


def make(recordings, **changes):
    options = {"dataset": "toy", "classes": CLASSES, "split_kind": "trial", "split_of": by_trial,
               "window": 6, "step": 2, "strict": True}  # fmt: skip
    return make_windows(recordings, **options | changes)


SOME = [recording(50, seed=1), recording(31, activity=1, trial=11, seed=2),
        recording(64, gender=1, identity=1, seed=3), recording(5, identity=2, seed=4),
        recording(27, identity=2, gender=1, trial=12, seed=5)]  # fmt: skip


def test_gather_is_the_naive_loop():
    rows = np.arange(60, dtype=np.float32).reshape(20, 3)
    starts = np.array([0, 15, 7, 7], np.int32)
    naive = np.stack([rows[s : s + 5].T for s in starts])
    np.testing.assert_array_equal(gather(rows, starts, 5), naive)
    jitted = jax.jit(gather, static_argnums=2)
    np.testing.assert_array_equal(jitted(jnp.asarray(rows), jnp.asarray(starts), 5), naive)


@pytest.mark.parametrize(("num_rows", "expected"), [(5, []), (6, [0]), (9, [0]), (10, [0, 4])])
def test_strict_windows_end_on_the_last_row(num_rows, expected):
    assert windows.strict_starts(num_rows, 6, 4).tolist() == expected


@pytest.mark.parametrize("num_rows", range(6, 60, 3))
def test_published_windows_are_the_naive_loop(num_rows):
    labels = np.random.default_rng(num_rows).integers(0, 2, (num_rows, 2)).cumsum(0) // 9
    naive = []
    for i in range(0, num_rows - 6, 4):
        if i // 4 >= round((num_rows - 6) / 4):
            break
        if (labels[i] == labels[i + 5]).all():
            naive.append(i)
    assert windows.published_starts(labels, 6, 4).tolist() == naive


@pytest.mark.parametrize("num", [0, 1, 9, 10, 15, 33, 100, 347])
@pytest.mark.parametrize(("window", "step"), [(50, 10), (50, 50), (100, 10), (7, 3)])
def test_validation_tail(num, window, step):
    split = windows.validation_tail(num, window, step)
    held = np.flatnonzero(split == VALIDATION)
    np.testing.assert_array_equal(held, np.arange(num - num // 10, num))
    used = np.flatnonzero(split == TRAIN)
    if len(held) and len(used):
        assert used[-1] * step + window <= held[0] * step  # no row in common
        assert held[0] - used[-1] - 1 >= 5
    if num == 100:
        assert (split == GAP).sum() == max(5, -(-window // step))
    if num < 10:
        assert (split == TRAIN).all()


def test_strict_windows_stay_in_their_recording():
    made = make(SOME)
    training = np.concatenate([SOME[i].rows for i in (0, 2, 3)]).astype(np.float64)
    mean, std = training.mean(0), training.std(0)
    order = [SOME[i] for i in (0, 2, 3, 1, 4)]  # training first
    expected = [(n, s) for n, r in enumerate(order) for s in range(0, len(r.rows) - 5, 2)]
    assert list(zip(*(made.columns[c].tolist() for c in ("recording", "start")), strict=True)) == (
        expected
    )
    batch = np.asarray(gather(made.rows, made.starts, 6))
    for i, (n, s) in enumerate(expected):
        source = order[n]
        np.testing.assert_allclose(batch[i], ((source.rows[s : s + 6] - mean) / std).T, atol=1e-6)
        for name in ("activity", "gender", "identity", "trial", "height", "weight", "age"):
            assert made.columns[name][i] == getattr(source, name)
    np.testing.assert_allclose(made.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(made.std, std, rtol=1e-6)
    assert made.rows.dtype == np.float32 and made.starts.dtype == np.int32


def test_every_window_is_in_one_split():
    made = make(SOME)
    parts = [made.indices(part) for part in (TRAIN, VALIDATION, TEST, GAP)]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(made.starts)))
    assert all((np.diff(part) > 0).all() and part.dtype == np.int32 for part in parts)
    np.testing.assert_array_equal(made.columns["trial"] > 10, made.split == TEST)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(("window", "step"), [(6, 2), (12, 2), (6, 1), (4, 3)])
def test_splits_share_no_row(strict, window, step):
    same = [recording(n, trial=t, seed=n) for n, t in ((90, 1), (95, 2), (83, 3), (60, 11))]
    made = make(same, strict=strict, window=window, step=step)
    seen = {
        part: set((made.starts[made.indices(part)][:, None] + np.arange(window)).ravel().tolist())
        for part in (TRAIN, VALIDATION, TEST)
    }
    assert all(seen.values())
    assert not seen[TRAIN] & seen[VALIDATION]
    assert not seen[TEST] & (seen[TRAIN] | seen[VALIDATION])


def test_published_windows_straddle_recordings_with_equal_labels_only():
    same = [recording(20), recording(21, identity=1), recording(40, activity=1),
            recording(30, trial=11)]  # fmt: skip
    made = make(same, strict=False)
    ends = made.columns["start"] + 6 > np.array([20, 21, 40, 30])[made.columns["recording"]]
    assert set(made.columns["recording"][ends].tolist()) == {0}
    assert (made.columns["identity"][ends] == 0).all()  # of its first row
    row_labels = np.repeat([0, 0, 1], [20, 21, 40])
    expected = [s for s in range(0, 75, 2) if row_labels[s] == row_labels[s + 5]]
    assert made.starts[made.split != TEST].tolist() == expected


def test_held_out_subjects_leave_whole_recordings():
    people = [recording(40, identity=i, trial=t, seed=t) for i in range(3) for t in (1, 11)]
    made = make(people, split_kind="subject", split_of=lambda r: (TEST, TRAIN, VALIDATION)[
        r.identity])  # fmt: skip
    np.testing.assert_array_equal(made.split, np.array([TEST, TRAIN, VALIDATION])[
        made.columns["identity"]])  # fmt: skip
    training = np.concatenate([r.rows for r in people if r.identity == 1])
    np.testing.assert_allclose(made.mean, training.mean(0, dtype=np.float64), rtol=1e-6)


def test_a_channel_that_never_changes_stays_finite():
    flat = dataclasses.replace(SOME[0], rows=SOME[0].rows * np.float32([1, 0, 1, 1]))
    made = make([flat, SOME[1]])
    assert np.isfinite(made.rows).all() and made.std[1] == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split_kind": "trail"}, "unknown split_kind 'trail': did you mean 'trial'"),
        ({"window": 0}, "window 0: give a whole number"),
        ({"step": -2}, "step -2: give a whole number"),
        ({"window": 6.0}, "window 6.0: give a whole number"),
        (
            {"window": 65},
            "toy: no training window of 65 rows; parts of recordings for training have at most 64",
        ),
        ({"split_of": lambda r: TRAIN}, "toy: no test window of 6 rows"),
    ],
)
def test_wrong_sizes_are_named(changes, message):
    with pytest.raises(UserError, match=message):
        make(SOME, **changes)


def test_sizes_may_be_numpys():
    found, expected = make(SOME, window=np.int64(6), step=np.int32(2)), make(SOME, window=6, step=2)
    np.testing.assert_array_equal(found.starts, expected.starts)
