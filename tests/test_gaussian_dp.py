"""Gaussian differential privacy: against the closed form, at its limits, and against the best test there is."""

import math

import jax
import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import log_ndtr
from scipy.stats import norm

from hybrid_jax import noise
from hybrid_jax.errors import UserError
from hybrid_jax.privacy import gaussian_dp

INF = math.inf


def log_delta(epsilon, mu):
    """log of Phi(-eps / mu + mu / 2) - e^eps Phi(-eps / mu - mu / 2)."""
    first, second = (log_ndtr(-epsilon / mu + sign * mu / 2) for sign in (1, -1))
    return first + np.log1p(-np.exp(epsilon + second - first))


@pytest.mark.parametrize("delta", [1e-12, 1e-5, 0.1])
@pytest.mark.parametrize("mu", [0.3, 1.0, 7.0, 200.0])
def test_epsilon_is_the_closed_form_inverted(mu, delta):
    expected = brentq(lambda epsilon: log_delta(epsilon, mu) - np.log(delta), 0, mu**2 + 20 * mu)
    found = gaussian_dp(3.0, 6.0 / mu, delta)
    assert found.mu == pytest.approx(mu, rel=1e-14) and found.delta == delta
    assert found.epsilon == pytest.approx(expected, rel=1e-9)


def test_mu_is_the_distance_of_the_farthest_features_over_the_noise():
    assert gaussian_dp(1.5, 0.5).mu == 6
    assert gaussian_dp(1e-20, 1e-20).mu == gaussian_dp(1e20, 1e20).mu == 2  # any unit


# Limits


def test_no_noise_promises_nothing_and_infinite_noise_everything():
    assert gaussian_dp(1.0, 0.0)[:2] == gaussian_dp(1.0, 0)[:2] == (INF, INF)
    assert gaussian_dp(1.0, INF)[:2] == (0, 0)


def test_more_noise_and_a_larger_delta_promise_more_over_all_of_float64():
    grid = np.concatenate([[0.0], np.logspace(-300, 300, 601), [INF]])
    epsilon = [gaussian_dp(1.0, noise_std).epsilon for noise_std in grid]
    assert epsilon == sorted(epsilon, reverse=True) and not np.isnan(epsilon).any()
    assert epsilon[1] == INF and epsilon[-2] == 0
    by_delta = [gaussian_dp(1.0, 1.0, delta).epsilon for delta in (1e-300, 1e-9, 0.1, 0.6, 0.7)]
    assert np.all(np.diff(by_delta)[:3] < 0)
    assert by_delta[3] > 0 == by_delta[4]  # delta(0) = 2 Phi(1) - 1 = 0.683


@pytest.mark.parametrize("delta", [1e-9, 1e-5, 0.3, 0.9])
def test_the_bound_for_large_mu_joins_the_exact_epsilon(delta):
    below, above = (gaussian_dp(0.5, 1e-6 * (1 + step), delta) for step in (1e-9, -1e-9))
    assert below.mu < 1e6 < above.mu and below.epsilon < above.epsilon
    assert above.epsilon == pytest.approx(below.epsilon, rel=1e-8)


# Composition


@pytest.mark.parametrize("uploads", [1, 2, 9, 1000])
def test_uploads_compose_as_their_square_root(uploads):
    together = gaussian_dp(1.0, 5.0, uploads=uploads)
    assert together.mu == pytest.approx(0.4 * math.sqrt(uploads))
    averaged = gaussian_dp(1.0, 5.0 / math.sqrt(uploads))  # what n uploads of one input come to
    np.testing.assert_allclose(together, averaged)


# What it promises


@pytest.mark.parametrize("uploads", [1, 4])
def test_the_best_test_between_two_clipped_features_is_no_better_than_promised(uploads):
    """Neyman and Pearson's: the likelihood ratio, here of features as far apart as clipping lets them be."""
    clip_norm, noise_std, draws = 0.7, 2.0, 50_000
    mu = gaussian_dp(clip_norm, noise_std, uploads=uploads).mu
    rng = np.random.default_rng(0)
    for key, toward in enumerate([-1.0, 0.5]):  # opposite ends, and 60 degrees apart
        one, across = np.linalg.qr(rng.normal(size=(5, 2)))[0].T
        other = toward * one + math.sqrt(1 - toward**2) * across
        one, other = clip_norm * one, clip_norm * other
        index = np.arange(2 * uploads * draws)
        normal = np.asarray(noise.standard_normal(jax.random.key(key), index, 5), np.float64)
        normal = normal.reshape(2, uploads, draws, 5)
        z = np.stack([one, other])[:, None, None] + noise_std * normal
        distances = [((z - feature) ** 2).sum(axis=(1, -1)) for feature in (one, other)]
        ratio = (distances[0] - distances[1]) / (2 * noise_std**2)
        for threshold in np.linspace(-2, 2, 9):
            false_alarms, misses = (ratio[0] > threshold).mean(), (ratio[1] <= threshold).mean()
            promised = norm.cdf(norm.isf(false_alarms) - mu)
            error = 4 / math.sqrt(draws)
            assert misses > promised - error
            if toward == -1:  # the worst case is reached: no smaller mu would do
                assert misses < promised + error


# Errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clip_norm": 0.0}, "clip_norm 0.0: it needs to be positive and finite"),
        ({"clip_norm": INF}, "clip_norm inf: it needs to be positive and finite"),
        ({"clip_norm": math.nan}, "clip_norm nan: it needs to be positive and finite"),
        ({"noise_std": -0.5}, "noise_std -0.5: it needs to be 0 or more"),
        ({"noise_std": math.nan}, "noise_std nan: it needs to be 0 or more"),
        ({"delta": 0}, "delta 0: it needs to be between 0 and 1"),
        ({"delta": 1.0}, "delta 1.0: it needs to be between 0 and 1"),
        ({"uploads": 0}, "uploads 0: it needs to be a whole number from 1"),
        ({"uploads": 2.5}, "uploads 2.5: it needs to be a whole number from 1"),
        ({"uploads": INF}, "uploads inf: it needs to be a whole number from 1"),
    ],
)
def test_errors_name_the_value(arguments, message):
    with pytest.raises(UserError) as error:
        gaussian_dp(**{"clip_norm": 1.0, "noise_std": 1.0} | arguments)
    assert str(error.value) == message
