"""Leakage against what others compute: quadrature, the library qif, NumPy's distances, closed forms."""

import jax
import naive_leakage
import naive_rank
import numpy as np
import pytest
from leakage_samples import measure, same
from rank_samples import N, features_of
from scipy import integrate, stats
from scipy.spatial.distance import cdist

from hybrid_jax.privacy import instance, leakage
from hybrid_jax.privacy.measures import BY_RANK
from hybrid_jax.privacy.request import Request

KEY = jax.random.key(11)
MANY = 96  # draws, a multiple of those in flight
LINE = np.array([[0.0], [1.0], [2.5]])
ASLANT, PLANE = LINE * [0.6, 0.8], np.array([[0.0, 0.0], [1.5, 0.5], [0.3, 1.2]])


def by_quadrature(centres, prior, queries, noise_std):
    """Measures of Gaussian classes, of `queries` queries of each class [K], in one or two dimensions."""
    axis = np.linspace(
        -8 * noise_std, 8 * noise_std + centres.max(), (4001, 401)[len(centres[0]) - 1]
    )
    z = np.stack(np.meshgrid(*[axis] * len(centres[0]), indexing="ij"), axis=-1)
    density = np.array([stats.multivariate_normal(c, noise_std**2).pdf(z) for c in centres])
    joint = np.array(prior).reshape(-1, *[1] * (z.ndim - 1)) * density
    rank = 1 + (joint[None] > joint[:, None]).sum(axis=1)
    posterior = joint / joint.sum(axis=0)
    bits = -np.log2(posterior, out=np.zeros_like(posterior), where=posterior > 0)

    def mean(each, shares):
        total = sum(s * d * e for s, d, e in zip(shares, density, each, strict=True))
        for _ in range(z.shape[-1]):
            total = integrate.trapezoid(total, axis, axis=-1)
        return float(total)

    shares, entropy = np.array(queries) / sum(queries), stats.entropy(prior, base=2)
    conditional = mean(bits, prior)
    return {
        "rank": mean(rank, shares),
        "top1": mean(rank == 1, shares),
        "bayes_vulnerability": mean(rank == 1, prior),
        "conditional_entropy": conditional,
        "mutual_information": entropy - conditional,
    }


def agrees(found, expected, level=0):
    for name, value in expected.items():
        error = 5 * found[name].stderr[level] + 2e-4
        assert found[name].value[level] == pytest.approx(value, abs=error), name
        assert error < 0.03, name


@pytest.mark.parametrize(
    "centres, prior, queries",
    [
        (ASLANT, [0.5, 0.3, 0.2], [100, 100, 100]),
        (ASLANT, [0.7, 0.3, 0.0], [150, 150, 0]),
        (PLANE, [0.2, 0.3, 0.5], [100, 100, 100]),
    ],
)
def test_gaussian_classes_agree_with_quadrature(centres, prior, queries):
    labels, levels = np.repeat(np.arange(3), queries), [0.4, 1.1]
    found = leakage(
        centres[labels],
        labels,
        noise_std=levels,
        key=KEY,
        num_draws=MANY,
        gallery="held_out",
        prior=prior,
        resample=labels,
        gallery_features=centres,
        gallery_labels=np.arange(3),
    )
    for level, noise_std in enumerate(levels):
        agrees(found, by_quadrature(centres, prior, queries, noise_std), level)


CHANNEL_STD, POPULATION = 0.7, (75, 45, 30)


@pytest.fixture(scope="module")
def channel():
    """The prior and P(z|s), z in 2,000 bins, of Gaussians on a line."""
    edges = np.concatenate([[-np.inf], np.linspace(-4, 7, 1999), [np.inf]])
    return np.array(POPULATION) / 150, np.diff(stats.norm.cdf(edges, LINE, CHANNEL_STD))


def test_a_channel_has_the_leakage_of_its_definition(channel):
    labels = np.repeat(np.arange(3), POPULATION)
    found = leakage(
        LINE[labels],
        labels,
        noise_std=CHANNEL_STD,
        key=KEY,
        num_draws=2 * MANY,
        prior="empirical",
        resample=labels,
    )
    agrees(found, naive_leakage.of_channel(*channel))
    agrees(found, by_quadrature(LINE, channel[0], POPULATION, CHANNEL_STD))


def test_the_definition_is_that_of_qif(channel):
    qif = pytest.importorskip("qif", reason="needs qif==1.6.0: Linux x86-64, macOS 15, Windows")
    expected = {
        "rank": qif.measure.guessing.posterior(*channel),
        "bayes_vulnerability": qif.measure.bayes_vuln.posterior(*channel),
        "conditional_entropy": qif.measure.shannon.posterior(*channel),
    }
    assert naive_leakage.of_channel(*channel) == pytest.approx(expected, rel=1e-9)


def test_with_the_own_feature_included_no_information_still_looks_like_much():
    """2,000 features that say nothing of 100 classes: privacy .010 with it, .517 without it."""
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(2000, 8)), rng.permutation(np.arange(2000) % 100)
    common = {"noise_std": [0.1, 1], "key": KEY, "num_draws": 2, "resample": labels}
    included = leakage(features, labels, gallery="self", **common)
    left_out = leakage(features, labels, gallery="leave_one_out", **common)
    np.testing.assert_allclose(included["privacy"].value, [0.010, 0.226], atol=0.015)
    np.testing.assert_allclose(left_out["privacy"].value, [0.517, 0.510], atol=0.025)
    assert included["top1"].value[0] > 0.99 and (left_out["top1"].value < 0.02).all()
    assert included["mutual_information"].value[0] == pytest.approx(np.log2(100), rel=0.01)
    assert (left_out["mutual_information"].value < 0).all()


# Every sample a class of its own

VARIANCES = [1e-4, 0.01, 0.1, 0.25, 0.5, 0.8, 1, 2, 4, 9]
STDS = [0, 1e-3, *np.sqrt(VARIANCES), np.inf]
MANY_SAMPLES, ALIKE = 1000, 100


def of_samples(dim):
    features = np.random.default_rng(dim).normal(size=(MANY_SAMPLES, dim))
    features[:ALIKE] = features[0]
    return features


@pytest.mark.parametrize("dim", [4, 30])
def test_an_instance_is_found_by_counting_nearer_ones_ties_shared(dim):
    features, everyone = of_samples(dim), np.arange(MANY_SAMPLES)
    request = Request.check(
        features,
        everyone,
        noise_std=STDS,
        key=KEY,
        num_draws=2,
        index=None,
        gallery="self",
        prior="uniform",
    )
    found = instance.outcomes(request)
    for s, normal in enumerate(naive_rank.draws(KEY, 2, everyone, dim)):
        for level, noise_std in list(enumerate(STDS))[:-1]:
            distances = cdist(features + noise_std * normal, features)
            own = np.diag(distances)[:, None]
            above, tied = (distances < own).sum(axis=1), (distances == own).sum(axis=1)
            wrong = (found.above[s, level] != above) | (found.tied[s, level] != tied)
            assert wrong.mean() <= 0.005 and np.abs(found.above[s, level] - above).max() <= 1
    assert (found.above[:, -1] == 0).all() and (found.tied[:, -1] == MANY_SAMPLES).all()


@pytest.mark.parametrize("dim", [4, 30])
def test_privacy_of_instances_grows_with_the_variance_from_that_of_equal_ones_to_chance(dim):
    """m equal of N have (m (m + 1) / 2 + N - m) / N^2: 100 of 1,000 give .00595."""
    found = leakage(of_samples(dim), None, noise_std=STDS, key=KEY, num_draws=2, mode="instance")
    m, n = ALIKE, MANY_SAMPLES
    privacy, top1 = found["privacy"].value, found["top1"].value
    assert privacy[0] == privacy[1] == pytest.approx((m * (m + 1) / 2 + n - m) / n**2)
    assert privacy[0] == pytest.approx(0.00595)
    assert top1[0] == top1[1] == pytest.approx((n - m + 1) / n)
    assert (np.diff(privacy) >= 0).all() and (np.diff(top1) <= 0).all()
    assert (np.diff(privacy[-5:]) > 0).all() and (np.diff(top1[-5:]) < 0).all()
    assert privacy[-1] == pytest.approx((n + 1) / (2 * n)) and top1[-1] == pytest.approx(1 / n)
    assert found.measures.keys() == set(BY_RANK)


def test_instances_are_classes_of_one_sample():
    features = features_of(20)
    features[1] = features[2]
    found = measure(features, None, mode="instance")
    classes = measure(features, np.arange(N))
    assert (found.num_classes, found.mode, classes.num_classes) == (N, "instance", N)
    same(found, classes, names=BY_RANK)


@pytest.mark.parametrize("far", [0, 3000])
def test_without_noise_only_equal_instances_tie_however_far_away_another_lies(far):
    features = features_of(3)
    features[0] += far
    features[1] = features[2]
    features[:, 0] = 0.0  # also their mean, so that a sign of 0 stays
    features[1, 0] = -0.0
    found = measure(features, None, [0, np.inf], mode="instance")
    assert found["rank"].value[0] == pytest.approx((N - 2 + 2 * 1.5) / N)
    assert found["top1"].value[0] == pytest.approx((N - 1) / N)
