"""Several uploads together: against loops, and what privacy does as they grow more."""

import math

import jax
import naive_rank
import numpy as np
import pytest
from rank_samples import DIM, DRAWS, FEATURES, KEY, LABELS, K, N

from hybrid_jax.privacy import leakage, log_ratios, repeated_uploads, sessions
from hybrid_jax.privacy.blocks import cut
from hybrid_jax.privacy.gallery import Samples

COMMON = {"key": KEY, "num_draws": DRAWS}
PRIOR = np.array([0.5, 0.1, 0.4])


def assert_same(found, expected, level=0):
    for name, of in expected.measures.items():
        np.testing.assert_allclose(found[name].chance, of.chance, err_msg=name)
        for field in ("value", "stderr", "ci_low", "ci_high"):
            values = getattr(found[name], field), getattr(of, field)[level : level + 1]
            np.testing.assert_allclose(*values, rtol=1e-4, atol=1e-6, err_msg=f"{name} {field}")
    assert (found.n, found.n_excluded) == (expected.n, expected.n_excluded)
    np.testing.assert_allclose(found.noise_std, expected.noise_std[level])


# One sample again and again


@pytest.mark.parametrize("uploads", [1, 3, 10])
def test_the_sum_over_n_draws_is_one_draw_of_less_noise(uploads):
    noise_std, normal = 0.8, np.random.default_rng(1).normal(size=(uploads, N, DIM))
    together = np.empty((N, K))
    for i in range(N):
        uploaded = [FEATURES[i] + noise_std * n[i] for n in normal]
        for c in range(K):
            logs = [
                sum(-((z - g) ** 2).sum() / (2 * noise_std**2) for z in uploaded)
                for g, label in zip(FEATURES, LABELS, strict=True)
                if label == c
            ]
            together[i, c] = np.logaddexp.reduce(logs) - math.log(len(logs))
    zeros = np.zeros(N, np.int32)
    everyone = Samples(FEATURES.astype(np.float32), LABELS.astype(np.int32), zeros, zeros)
    once = jax.jit(log_ratios)(
        (normal.sum(axis=0) / math.sqrt(uploads)).astype(np.float32),
        everyone,
        cut(everyone, K, 8, 64),
        None,
        np.array([noise_std / math.sqrt(uploads)], np.float32),
    )
    expected = together - together[np.arange(N), LABELS][:, None]
    np.testing.assert_allclose(once[0], expected, rtol=1e-5, atol=1e-4)


def test_repeated_uploads_are_leakage_over_the_noise_that_is_left():
    rng = np.random.default_rng(2)
    seen = {
        "primary": rng.integers(0, 2, N),
        "prediction": rng.integers(0, 2, (DRAWS, 3, N)),
        "gallery": "leave_one_out",
        "prior": "empirical",
    }
    found = repeated_uploads(FEATURES, LABELS, noise_std=0.6, uploads=[4, 1, 9], **seen, **COMMON)
    assert list(found) == [4, 1, 9]
    expected = leakage(FEATURES, LABELS, noise_std=[0.3, 0.6, 0.2], **seen, **COMMON)
    for level, of in enumerate(found.values()):
        assert_same(of, expected, level)
        for name in expected.measures:
            kept = of.label_floor[name].value, of.prediction_floor[name].value
            floor = expected.prediction_floor[name].value
            assert kept == (expected.label_floor[name].value, floor[level])
        assert len(of.excess("privacy")) == len(of.excess("privacy", "label_floor")) == 1


@pytest.mark.parametrize("noise_std", [0, np.inf])
def test_uploads_without_noise_and_with_nothing_else_are_all_the_same(noise_std):
    found = repeated_uploads(FEATURES, LABELS, noise_std=noise_std, uploads=[1, 7], **COMMON)
    assert_same(found[7], found[1])


# A session's windows

# Sessions of 1 to 10 windows of two recordings, shuffled; steps of half a window, with a jump.
RNG = np.random.default_rng(3)
SESSION = np.repeat(np.arange(8) * 11, [10, 9, 8, 7, 6, 5, 4, 1])
OF_SESSION = np.array([0, 1, 0, 1, 0, 1, 2, 2])
SIZE = len(SESSION)
ROWS = RNG.permutation(SIZE)
ORDER = np.arange(SIZE)[ROWS]
SESSION = SESSION[ROWS]
SUBJECTS = OF_SESSION[SESSION // 11]
RECORDING = 2 * SESSION + ORDER % 2
START = 25 * (ORDER // 2) + 1000 * (ORDER % 9 == 0)
WINDOWS = RNG.normal(size=(SIZE, DIM)) + 0.6 * RNG.normal(size=(3, DIM))[SUBJECTS]
GROUPS = RNG.integers(0, 3, SIZE)
PLACES = {"recording": RECORDING, "start": START, "window": 50}
TOGETHER = {"session": SESSION, "order": ORDER, **COMMON}
HELD = {
    "gallery_features": WINDOWS[:30] + 0.1,
    "gallery_labels": SUBJECTS[:30],
    "gallery_groups": np.where(SUBJECTS[:30] == 2, 0, GROUPS[:30]),  # class 2 in group 0 alone
}
SEPARATE = {"self": {}, "leave_one_out": {}, "leave_group_out": HELD, "held_out": HELD}
HELD_OUT = {"gallery": "held_out", **HELD}


def windows_in_order(apart):
    """Each session's rows, one after another; without those too near one taken before."""
    found = {}
    for row in np.argsort(ORDER):
        taken = found.setdefault(SESSION[row], [])
        near = [
            other
            for other in taken
            if RECORDING[other] == RECORDING[row] and START[row] - START[other] < 50
        ]
        if not (apart and near):
            taken.append(int(row))
    return found


def naive_sessions(n, noise_std, keep, prior, apart, held=WINDOWS, held_labels=SUBJECTS):
    """Mean rank, conditional entropy (bits, by the prior's share) and how many runs counted and not."""
    normal = naive_rank.draws(KEY, DRAWS, np.arange(SIZE), DIM)
    ranks, surprises, labels, excluded = [], [], [], 0
    for rows in windows_in_order(apart).values():
        for begin in range(0, len(rows) - n + 1, n):
            run, true = rows[begin : begin + n], SUBJECTS[rows[0]]
            if not all((keep[row] & (held_labels == true)).any() for row in run):
                excluded += 1
                continue
            labels.append(true)
            for draw in normal:
                scores = np.log(prior)
                for row in run:
                    z = WINDOWS[row] + noise_std * draw[row]
                    scores = scores + naive_rank.log_posteriors(
                        z, held, held_labels, keep[row], noise_std, np.ones(3)
                    )
                ranks.append(naive_rank.rank_of(scores, true))
                surprises.append((np.logaddexp.reduce(scores) - scores[true]) / math.log(2))
    labels = np.array(labels)
    share = prior[labels] / np.bincount(labels, minlength=3)[labels]
    surprise = np.reshape(surprises, (-1, DRAWS)).mean(axis=1)
    return np.mean(ranks), (surprise * share).sum() / share.sum(), len(labels), excluded


KEEP = {
    "self": np.ones((SIZE, SIZE), bool),
    "leave_one_out": (RECORDING[:, None] != RECORDING)
    | (np.abs(START[:, None] - START) >= PLACES["window"]),
    "leave_group_out": GROUPS[:, None] != HELD["gallery_groups"],
    "held_out": np.ones((SIZE, 30), bool),
}


@pytest.mark.parametrize("gallery", KEEP)
@pytest.mark.parametrize("apart", [True, False])
def test_sessions_equal_the_loops(gallery, apart):
    keep = KEEP[gallery]
    if (
        gallery == "leave_one_out" and not apart
    ):  # places unknown: only the query itself is left out
        keep = ~np.eye(SIZE, dtype=bool)
    columns = {"gallery": gallery, "groups": GROUPS} | (PLACES if apart else {}) | SEPARATE[gallery]
    held = {"held": WINDOWS[:30] + 0.1, "held_labels": SUBJECTS[:30]} if SEPARATE[gallery] else {}
    found = sessions(
        WINDOWS, SUBJECTS, noise_std=0.7, uploads=[1, 3, 4], prior=PRIOR, **TOGETHER, **columns
    )
    for n, of in found.items():
        rank, entropy, counted, excluded = naive_sessions(n, 0.7, keep, PRIOR, apart, **held)
        assert (of.n, of.n_excluded) == (counted, excluded)
        np.testing.assert_allclose(of["rank"].value, rank)
        np.testing.assert_allclose(of["conditional_entropy"].value, entropy, rtol=1e-4)
        assert (of.gallery, of.prior, of.mode, of.label_floor) == (
            gallery,
            "given",
            "classes",
            None,
        )
    assert gallery != "leave_group_out" or found[1].n_excluded > 0


@pytest.mark.parametrize("noise_std", [0, 0.7, np.inf])
@pytest.mark.parametrize("gallery", ["self", "leave_group_out", "held_out"])
def test_sessions_of_one_window_are_leakage(noise_std, gallery):
    columns = {"gallery": gallery, "groups": GROUPS} | SEPARATE[gallery]
    common = {"noise_std": noise_std, "prior": "empirical", "ties": "max"} | columns
    (found,) = sessions(WINDOWS, SUBJECTS, uploads=1, **common, **TOGETHER).values()
    assert_same(found, leakage(WINDOWS, SUBJECTS, resample=SESSION, **common, **COMMON))


def test_without_noise_the_least_sum_of_nearest_distances_comes_first():
    """Which one window says for certain, and another otherwise, is decided by how much."""
    found = sessions(WINDOWS, SUBJECTS, noise_std=0, uploads=3, **TOGETHER, **HELD_OUT)[3]
    each = ((WINDOWS[:, None] - HELD["gallery_features"]) ** 2).sum(axis=-1)
    nearest = np.stack([each[:, SUBJECTS[:30] == c].min(axis=1) for c in range(3)], axis=1)
    ranks, contrary = [], 0
    for rows in windows_in_order(False).values():
        for begin in range(0, len(rows) - 2, 3):
            run = rows[begin : begin + 3]
            contrary += len(set(nearest[run].argmin(axis=1))) > 1
            ranks.append(naive_rank.rank_of(-nearest[run].sum(axis=0), SUBJECTS[run[0]]))
    assert contrary > 3 and len(set(ranks)) > 1
    np.testing.assert_allclose(found["rank"].value, np.mean(ranks))
    assert found["conditional_entropy"].value == np.inf and found.noise_std == 0
    tiny = sessions(WINDOWS, SUBJECTS, noise_std=1e-6, uploads=3, **TOGETHER, **HELD_OUT)[3]
    np.testing.assert_allclose(tiny["rank"].value, found["rank"].value)


def test_windows_that_overlap_one_before_are_left_out():
    recording = np.array(["a", "a", "a", "b", "a", "a", "b", "a"])
    start = np.array([0, 49, 50, 60, 99, 100, 90, 40], np.uint8)
    taken = np.array([0, 2, 3, 5])  # 7 comes last, and starts before what was taken
    order = np.array([0, 1, 2, 3, 4, 5, 6, 7]) / 8
    features, labels = WINDOWS[:8], np.zeros(8, int)
    held = HELD_OUT | {"num_classes": 3}
    told = []
    found = sessions(
        features,
        labels,
        noise_std=0.7,
        session=labels,
        order=order,
        uploads=[4, 1],
        recording=recording,
        start=start,
        window=50,
        on_progress=lambda *done: told.append(done),
        **COMMON,
        **held,
    )
    assert found[4].n == 1 and found[1].n == 4 and told == [(4, 4)]
    some = {"noise_std": 0.7, "index": taken, "resample": labels[taken]}
    assert_same(found[1], leakage(features[taken], labels[taken], **some, **COMMON, **held))


def test_the_bootstrap_draws_whole_groups_of_sessions():
    arguments = {"noise_std": 0.7, "uploads": 4, **TOGETHER, **HELD_OUT}
    alone, pairs = (
        sessions(WINDOWS, SUBJECTS, resample=resample, **arguments)[4]["privacy"]
        for resample in (SESSION, SESSION // 22)
    )
    default = sessions(WINDOWS, SUBJECTS, **arguments)[4]["privacy"]
    assert default == alone and pairs.value == alone.value and pairs.ci_low != alone.ci_low
