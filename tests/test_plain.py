"""Plain densities against logarithms: equal where float32 reaches, NaN where it does not, and then not used."""

import jax
import numpy as np
import pytest
from rank_samples import KEY

from hybrid_jax.privacy import engine, likelihood, plain, rank_privacy
from hybrid_jax.privacy.blocks import cut
from hybrid_jax.privacy.gallery import Samples

CLASSES, SIZE, DIM = 3, 60, 4
LABELS = np.arange(SIZE, dtype=np.int32) % CLASSES


def samples(features):
    features = np.asarray(features, np.float32)
    unit = np.arange(len(features), dtype=np.int32)
    labels = LABELS[: len(features)]
    return Samples(features, labels, unit, np.zeros_like(unit))


def both(features, noise_std, window=None, coarse=False):
    """[1, Q, K] by plain densities, and by logarithms."""
    everyone = samples(features)
    normal = np.random.default_rng(1).normal(size=everyone.features.shape).astype(np.float32)
    gallery = cut(everyone, CLASSES, 8, 16)
    asked = (normal, everyone, gallery, window, np.array([noise_std], np.float32))
    return (
        np.asarray(jax.jit(plain.log_ratios, static_argnames="coarse")(*asked, coarse=coarse)),
        np.asarray(jax.jit(likelihood.log_ratios)(*asked)),
    )


def features_of(seed):
    return np.random.default_rng(seed).normal(size=(SIZE, DIM))


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("window", [None, 1])
@pytest.mark.parametrize("noise_std", [0.5, 3.0, 1000.0])
def test_equal_to_logarithms(noise_std, window, coarse):
    window = None if window is None else np.int32(window)
    found, expected = both(features_of(0), noise_std, window, coarse)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 if coarse else 2e-6)


def test_a_class_that_underflows_is_below_all_and_the_rest_stays():
    features = features_of(1)
    features[LABELS == 2] += 40
    found, expected = both(features, 1.0)
    asked = LABELS < 2
    assert (found[0, asked, 2] == -np.inf).all() and (expected[0, asked, 2] < -88).all()
    np.testing.assert_allclose(found[0, asked, :2], expected[0, asked, :2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("coarse", [False, True])
def test_nan_where_all_that_exclusion_leaves_of_the_true_class_is_too_far(coarse):
    features = features_of(2)
    features[0] += 6.5
    found, expected = both(features, 1.0, np.int32(1), coarse)
    assert np.isnan(found[0, 0]).all() and np.isfinite(expected).all()
    assert np.isfinite(found[0, 1:]).all()


def test_nan_where_another_class_overflows():
    """A query whose noise carries it into another class, 20 standard deviations away."""
    features = np.zeros((2, 1))
    features[1] = 20
    pair = samples(features)._replace(labels=np.arange(2, dtype=np.int32))
    asked = (np.full((2, 1), 20, np.float32), pair, cut(pair, 2, 1, 2), None, np.ones(1, "f"))
    found, expected = plain.log_ratios(*asked), likelihood.log_ratios(*asked)
    assert np.isnan(found[0, 0]).all() and expected[0, 0, 1] == pytest.approx(200)
    np.testing.assert_allclose(found[0, 1], [-np.inf, 0])


@pytest.mark.parametrize("num_draws", [1, 2])
@pytest.mark.parametrize("far", [0, SIZE - 1])
def test_the_engine_goes_on_by_logarithms_from_the_query_that_needs_them(
    far, num_draws, monkeypatch
):
    """One draw: by a product, of the others. Two: by densities, of a gallery that lacks the one far away."""
    features = features_of(3)
    features[far] += 14.5
    asked = {"noise_std": 2.0, "key": KEY, "num_draws": num_draws, "gallery": "leave_one_out"}
    if num_draws == 2:
        others = np.arange(SIZE) != far
        asked |= {"gallery": "self", "gallery_features": features[others]}
        asked["gallery_labels"] = LABELS[others]
    asked |= {"query_block": 7, "return_ranks": True}
    found = rank_privacy(features, LABELS, **asked)
    monkeypatch.setattr(engine, "takes_product", lambda request: False)
    monkeypatch.setattr(plain, "log_ratios", likelihood_alone)
    jax.clear_caches()
    np.testing.assert_array_equal(found.ranks, rank_privacy(features, LABELS, **asked).ranks)


def likelihood_alone(*asked, coarse):
    return likelihood.log_ratios(*asked)
