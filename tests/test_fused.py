"""The loops that Numba compiles, against XLA's logarithms; what leaves float32 is NaN, and then not used."""

import jax
import numpy as np
import pytest
from rank_samples import KEY

from hybrid_jax.privacy import (
    fused,
    leakage,
    likelihood,
    loops,
    rank_privacy,
)
from hybrid_jax.privacy.blocks import cut, samples_left
from hybrid_jax.privacy.gallery import Samples

pytest.importorskip("numba", reason="narrow features then stay with XLA")

CLASSES, SIZE, DIM = 3, 300, 4
LABELS = np.random.default_rng(0).permutation(np.arange(SIZE, dtype=np.int32) % CLASSES)


def samples(features, labels=LABELS):
    features = np.asarray(features, np.float32)
    unit = np.arange(len(features), dtype=np.int32)
    return Samples(features, labels[: len(features)], unit // 5, unit % 5)


def features_of(seed):
    return np.random.default_rng(seed).normal(size=(SIZE, DIM))


def both(everyone, noise_std, window=0, by="densities", num_draws=1, num_classes=CLASSES):
    """[S, G, Q, K] by `fused`, and by XLA's logarithms."""
    shape = (num_draws, *everyone.features.shape)
    normal = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    noise_std = np.asarray(noise_std, np.float32)
    gallery = fused.arrange(everyone, num_classes, window)
    sums = fused.class_sums(normal, everyone, gallery, noise_std, by=by)
    blocks, window = cut(everyone, num_classes, 8, 16), np.int32(window) if window else None
    left = samples_left(everyone, blocks, window)
    asked = (everyone, blocks, window, noise_std)
    return (
        np.asarray(fused.log_ratios(sums, left, everyone.labels)),
        np.stack([jax.jit(likelihood.log_ratios)(draw, *asked) for draw in normal]),
    )


@pytest.mark.parametrize("by", ["densities", "logarithms"])
@pytest.mark.parametrize("window", [0, 2])
@pytest.mark.parametrize("num_draws", [1, 3])
def test_equal_to_xla(by, window, num_draws):
    """More queries than `LANES`, and not a whole number of them; also where exponentials of nearly 1 are added."""
    found, expected = both(samples(features_of(0)), [0.5, 3.0, 1000.0], window, by, num_draws)
    assert SIZE % loops.LANES and SIZE > loops.LANES
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=3e-6)
    np.testing.assert_allclose(found[:, 2], expected[:, 2], atol=3e-7)


@pytest.mark.parametrize("noise_std", [1.0, 3.0, 50.0])
def test_a_product_is_as_good_where_squared_norms_may_cancel(noise_std):
    found, expected = both(samples(features_of(0)), [noise_std], by="product")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=3e-5)


@pytest.mark.parametrize("noise_std", [1e-12, 1e-6, 1e-3, 0.03])
def test_logarithms_reach_as_far_as_those_of_xla(noise_std):
    found, expected = both(samples(features_of(0)), [noise_std], 1, "logarithms")
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


def test_equal_features_tie_to_the_last_bit():
    pair = samples(np.ones((8, DIM)), np.tile(np.array([0, 1], np.int32), 4))
    for by in ("densities", "logarithms"):
        found, _ = both(pair, [1e-6, 0.1, 10.0], by=by, num_classes=2)
        np.testing.assert_array_equal(found, 0)


def test_the_exponential_is_right_to_float32():
    """By a gallery of one sample at each distance, beside a query's own."""
    distances = np.linspace(0.01, 9, 200)
    features = np.concatenate([[0.0], distances])[:, None]
    labels = np.arange(len(features), dtype=np.int32)
    everyone = samples(features, labels)
    gallery = fused.arrange(everyone, len(labels))
    sums = fused.class_sums(
        np.zeros((1, len(labels), 1), np.float32),
        everyone,
        gallery,
        np.ones(1, "f"),
        by="densities",
    )
    padding = np.exp2(-126.0) * (loops.SAMPLES - 1)
    exact = np.exp(-(np.float64(everyone.features[1:, 0]) ** 2) / 2)
    np.testing.assert_allclose(sums.rest[1:, 0, 0, 0], exact + padding, rtol=4e-6)
    np.testing.assert_allclose(sums.rest[1:20, 0, 0, 0], exact[:19], rtol=5e-7)
    assert sums.rest[0, 0, 0, 0] == 1


def test_a_class_that_underflows_is_far_below_all_and_the_rest_stays():
    features = features_of(1)
    features[LABELS == 2] += 40
    found, expected = both(samples(features), [1.0])
    asked = LABELS < 2
    assert (found[0, 0, asked, 2] < -80).all() and (expected[0, 0, asked, 2] < -88).all()
    np.testing.assert_allclose(found[0, 0, asked, :2], expected[0, 0, asked, :2], atol=1e-5)


def test_nan_where_all_that_exclusion_leaves_of_the_true_class_is_too_far():
    features = features_of(2)
    features[0] += 8
    found, expected = both(samples(features), [1.0], 9)
    assert np.isnan(found[0, 0, 0]).all() and np.isfinite(expected).all()
    assert np.isfinite(found[0, 0, 1:]).all()


def test_no_draw_of_narrow_features_overflows():
    """A query that noise carries right into another class, as far as |n|^2 / 2 = 80: one in 10^24 draws goes there."""
    length = 2 * 80**0.5 / 2**0.5
    pair = samples(
        [[0.0] * fused.WIDEST, [length] + [0.0] * (fused.WIDEST - 1)], np.arange(2, dtype=np.int32)
    )
    normal = np.zeros((1, 2, fused.WIDEST), np.float32)
    normal[0, 0, 0] = length
    sums = fused.class_sums(normal, pair, fused.arrange(pair, 2), np.ones(1, "f"), by="densities")
    found = np.asarray(fused.log_ratios(sums, np.ones((2, 2), "f"), pair.labels))
    np.testing.assert_allclose(found[0, 0, 0], [0, 80], rtol=1e-6)


@pytest.mark.parametrize(
    ("asked", "ways"),
    [
        ({"num_draws": 1, "noise_std": 2.0}, ["product"]),
        ({"num_draws": 1, "noise_std": [2.0, 3.0]}, ["densities"]),
        ({"num_draws": 2, "noise_std": 2.0}, ["densities"]),
        ({"num_draws": 1, "noise_std": 0.05}, ["densities"]),
        ({"num_draws": 1, "noise_std": 500.0}, ["densities"]),
        ({"num_draws": 1, "noise_std": 2.0, "gallery": "leave_one_out"}, ["logarithms"]),
        ({"num_draws": 1, "noise_std": 2.0, "far": True}, ["product", "logarithms"]),
        ({"num_draws": 2, "noise_std": 2.0, "far": True}, ["densities", "logarithms"]),
    ],
)
@pytest.mark.parametrize("mode", ["classes", "instance"])
def test_the_engine_takes_the_fastest_way_that_float32_allows(mode, asked, ways, monkeypatch):
    """A gallery that lacks the only one of a class which is near leaves float32 at the block that asks for it."""
    features, asked = features_of(3), dict(asked)
    if mode == "instance" and (asked.get("far") or "gallery" in asked):
        pytest.skip("counting asks for no gallery of another kind")
    if asked.pop("far", False):
        features[-1] += 14.5
        asked |= {"gallery_features": features[:-1], "gallery_labels": LABELS[:-1]}
    asked |= {"key": KEY, "query_block": 7, "return_ranks": True, "mode": mode}
    taken, sums, counts = [], fused.class_sums, fused.counts
    monkeypatch.setattr(fused, "class_sums", lambda *a, by: taken.append(by) or sums(*a, by=by))
    monkeypatch.setattr(fused, "counts", lambda *a: taken.append("counts") or counts(*a))
    found = rank_privacy(features, LABELS, **asked)
    assert list(dict.fromkeys(taken)) == (ways if mode == "classes" else ["counts"])
    monkeypatch.setattr(fused, "serves", lambda dim: False)
    taken.clear()
    np.testing.assert_array_equal(found.ranks, rank_privacy(features, LABELS, **asked).ranks)
    assert not taken


@pytest.mark.parametrize("gallery", ["self", "leave_group_out", "leave_one_out"])
def test_leakage_is_that_of_xla(gallery, monkeypatch):
    asked = {"noise_std": [0.0, 0.2, 1.0, 100.0], "key": KEY, "num_draws": 2, "gallery": gallery}
    groups = np.arange(SIZE) // 6
    found = leakage(features_of(4), LABELS, groups=groups, **asked)
    monkeypatch.setattr(fused, "serves", lambda dim: False)
    expected = leakage(features_of(4), LABELS, groups=groups, **asked)
    for name in ("privacy", "mutual_information", "bayes_vulnerability"):
        np.testing.assert_allclose(found[name].value, expected[name].value, atol=2e-6)


def test_wide_features_and_other_devices_stay_with_xla(monkeypatch):
    assert fused.serves(fused.WIDEST) and not fused.serves(fused.WIDEST + 1)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert not fused.serves(1)


def test_a_mistake_in_a_loop_is_not_lost():
    def work(draw, part):
        raise ZeroDivisionError(draw, part)

    with pytest.raises(ZeroDivisionError):
        fused.share(work, 1, 10)


@pytest.mark.parametrize(("num_draws", "num_queries"), [(1, 1), (1, 255), (3, 257), (40, 5000)])
def test_each_query_of_each_draw_is_worked_on_once(num_draws, num_queries):
    seen = np.zeros((num_draws, num_queries), int)

    def work(draw, part):
        seen[draw, slice(*part)] += 1

    fused.share(work, num_draws, num_queries)
    assert (seen == 1).all()
