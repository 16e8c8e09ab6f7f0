"""Galleries: which samples each query may use, against loops; and what is refused."""

import jax
import naive_rank
import numpy as np
import pytest

from hybrid_jax.errors import UserError
from hybrid_jax.privacy import rank_privacy

KEY, STD, DRAWS = jax.random.key(5), 0.5, 2
RNG = np.random.default_rng(1)
N = 48
LABELS = np.repeat([0, 1, 2, 3], [6, 9, 13, 20])[RNG.permutation(N)]
FEATURES = RNG.normal(size=(N, 3)) + 0.5 * RNG.normal(size=(4, 3))[LABELS]
GROUPS = np.array(["ann", "bob", "cy", "dot", "eve", "fay"])[RNG.integers(0, 6, N)]
RECORDING = RNG.integers(0, 5, N)
START = RNG.integers(0, 8, N) * 10
WINDOW = 25


def check(keep, queries=slice(None), prior_values=None, **arguments):
    """The measure with a gallery rule is the naive one with that rule's pairs."""
    index = np.arange(N)[queries]
    found = rank_privacy(
        FEATURES[queries],
        LABELS[queries],
        noise_std=STD,
        key=KEY,
        num_draws=DRAWS,
        index=index,
        return_ranks=True,
        **arguments,
    )
    expected = naive_rank.ranks(
        FEATURES[queries],
        LABELS[queries],
        naive_rank.draws(KEY, DRAWS, index, 3),
        STD,
        gallery=FEATURES,
        gallery_labels=LABELS,
        keep=keep[queries],
        prior=prior_values,
    )
    np.testing.assert_array_equal(found.ranks[:, 0], expected)
    assert found.n_excluded == np.isnan(expected[0]).sum()
    assert found.n == len(index) - found.n_excluded
    return found


def test_self_is_every_query_with_its_own_feature():
    check(np.ones((N, N), bool), gallery="self")


def test_leave_one_out_drops_the_query_itself():
    check(~np.eye(N, dtype=bool), gallery="leave_one_out")


def keep_apart():
    return np.array(
        [
            [RECORDING[i] != RECORDING[j] or abs(START[i] - START[j]) >= WINDOW for j in range(N)]
            for i in range(N)
        ]
    )


def test_leave_one_out_drops_what_overlaps_the_query():
    assert keep_apart().sum() < N * N - 2 * N
    check(keep_apart(), gallery="leave_one_out", recording=RECORDING, start=START, window=WINDOW)


def test_leave_group_out_drops_the_group():
    keep = GROUPS[:, None] != GROUPS[None, :]
    check(keep, gallery="leave_group_out", groups=GROUPS, recording=RECORDING)


def test_leave_group_out_goes_by_recording_where_there_are_no_groups():
    keep = RECORDING[:, None] != RECORDING[None, :]
    check(keep, gallery="leave_group_out", recording=RECORDING)


@pytest.mark.parametrize("gallery", ["self", "leave_one_out", "leave_group_out", "held_out"])
def test_queries_may_be_a_part_of_the_gallery(gallery):
    queries = np.array([30, 2, 17, 5])
    keep = {
        "self": np.ones((N, N), bool),
        "held_out": np.ones((N, N), bool),
        "leave_one_out": keep_apart(),
        "leave_group_out": GROUPS[:, None] != GROUPS[None, :],
    }[gallery]
    check(
        keep,
        queries,
        gallery=gallery,
        gallery_features=FEATURES,
        gallery_labels=LABELS,
        groups=GROUPS[queries],
        gallery_groups=GROUPS,
        window=WINDOW,
        recording=RECORDING[queries],
        gallery_recording=RECORDING,
        start=START[queries],
        gallery_start=START,
    )


def test_the_prior_keeps_the_full_counts_when_the_query_is_dropped():
    """Counted after removal it would rank the true class too low when features say nothing."""
    check(
        ~np.eye(N, dtype=bool),
        gallery="leave_one_out",
        prior="empirical",
        prior_values=np.bincount(LABELS) / N,
    )
    labels = np.repeat([0, 1], 20)
    found = rank_privacy(
        np.zeros((40, 2)),
        labels,
        noise_std=1,
        key=KEY,
        num_draws=1,
        gallery="leave_one_out",
        prior="empirical",
    )
    assert found.rank == 1.5 and found.privacy_index == 1


@pytest.mark.parametrize("noise_std", [0, 1, np.inf])
def test_an_emptied_class_ranks_last_and_an_emptied_true_class_is_left_out(noise_std):
    features = np.array([[0], [0], [1], [1], [0]])
    labels, groups = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 0])
    found = rank_privacy(
        features,
        labels,
        noise_std=noise_std,
        key=KEY,
        num_draws=1,
        ties="max",
        gallery="leave_group_out",
        groups=groups,
        return_ranks=True,
        prior=[0.25, 0.25, 0.5],
    )
    # Queries 0 and 2 have lost class 2, which prior and distance favour; query 4 its own class.
    assert (found.ranks[0, 0, [0, 2]] <= 2).all()
    assert np.isnan(found.ranks[0, 0, 4]) and (found.n, found.n_excluded) == (4, 1)
    assert found.rank == found.ranks[0, 0, :4].mean()


def test_an_emptied_class_and_one_of_zero_prior_share_the_last_places():
    found = rank_privacy(
        np.zeros((4, 1)),
        np.array([0, 0, 1, 2]),
        noise_std=[0, 1, np.inf],
        key=KEY,
        num_draws=1,
        gallery="leave_group_out",
        groups=np.array([0, 1, 1, 0]),
        prior=[0, 0.5, 0.5],
        return_ranks=True,
    )
    assert (found.ranks[0, :, 0] == 2.5).all()  # class 1, then 0 (never) and 2 (nothing left)


def test_no_query_left_is_an_error():
    with pytest.raises(UserError, match="leaves no query"):
        rank_privacy(np.eye(3), np.arange(3), noise_std=0, gallery="leave_one_out")


HELD = {"gallery_features": FEATURES, "gallery_labels": LABELS}
REFUSED = {
    "unknown gallery 'leave_one_uot': did you mean 'leave_one_out'": {"gallery": "leave_one_uot"},
    "unknown ties 'first'": {"ties": "first"},
    "unknown prior 'unifrom'": {"prior": "unifrom"},
    "pass the K probabilities": {"prior": "given"},
    "one value for each of the 4": {"prior": [0.5, 0.5]},
    "is not a distribution": {"prior": [0.5, 0.7, -0.2, 0.0]},
    "sum 1": {"prior": [1, 1, 1, 1]},
    "noise_std -1.0": {"noise_std": [0.1, -1]},
    "noise_std nan": {"noise_std": np.nan},
    "needs one value, or a vector": {"noise_std": []},
    "key is missing": {"key": None},
    "num_draws 0": {"num_draws": 0},
    "row 3 holds NaN": {"features": np.where(np.arange(N)[:, None] == 3, np.nan, FEATURES)},
    "features has shape": {"features": FEATURES[:, 0]},
    "labels has shape": {"labels": LABELS[:-1]},
    "classes 0..K-1": {"labels": LABELS.astype(float)},
    "hold -1": {"labels": LABELS - 1},
    "class 0 of 5 has no sample": {"labels": LABELS + 1},
    "class 4 of 6 has no sample": {"num_classes": 6},
    "label 3 is outside": {"num_classes": 3},
    "index has shape": {"index": np.arange(3)},
    "index runs from -1": {"index": np.arange(N) - 1},
    "groups has shape": {"groups": GROUPS[:5]},
    "'held_out' needs gallery_features": {"gallery": "held_out"},
    "without gallery_labels": {"gallery": "held_out", "gallery_features": FEATURES},
    "gallery_features have width 2": HELD | {"gallery_features": FEATURES[:, :2]},
    "needs recording": {"gallery": "leave_group_out"},
    "needs gallery_groups": HELD | {"gallery": "leave_group_out", "groups": GROUPS},
    "window None": HELD | {"gallery": "leave_one_out"},
    "window 0": {"gallery": "leave_one_out", "recording": RECORDING, "start": START, "window": 0},
    "needs start": {"gallery": "leave_one_out", "recording": RECORDING, "window": 5},
    "needs gallery_recording": HELD
    | {"gallery": "leave_one_out", "recording": RECORDING, "start": START, "window": 5},
    "not whole numbers": {
        "gallery": "leave_one_out",
        "recording": RECORDING,
        "start": START / 7,
        "window": 5,
    },
}


@pytest.mark.parametrize("message", REFUSED)
def test_mistakes_are_refused(message):
    right = {"features": FEATURES, "labels": LABELS, "noise_std": STD, "key": KEY}
    with pytest.raises(UserError) as error:
        rank_privacy(**right | REFUSED[message])
    assert message in str(error.value) and "\n" not in str(error.value)
