import numpy as np
import pytest

from hybrid_jax import metrics

RNG = np.random.default_rng(0)


def test_accuracy_balanced_accuracy_and_f1_equal_naive_counts():
    labels, predictions = RNG.integers(0, 4, 200), RNG.integers(0, 5, 200)
    right = [p == t for p, t in zip(predictions, labels, strict=True)]
    recalls, scores = [], []
    for c in range(5):
        tp = sum(p == c and t == c for p, t in zip(predictions, labels, strict=True))
        fp = sum(p == c and t != c for p, t in zip(predictions, labels, strict=True))
        fn = sum(p != c and t == c for p, t in zip(predictions, labels, strict=True))
        if tp + fn:
            recalls.append(tp / (tp + fn))
        scores.append(2 * tp / (2 * tp + fp + fn))
    assert metrics.accuracy(predictions, labels) == pytest.approx(sum(right) / 200)
    assert metrics.balanced_accuracy(predictions, labels) == pytest.approx(np.mean(recalls))
    assert metrics.f1(predictions, labels) == pytest.approx(np.mean(scores))


@pytest.mark.parametrize("metric", [metrics.accuracy, metrics.balanced_accuracy, metrics.f1])
def test_limits_of_the_classification_metrics(metric):
    labels = np.array([0, 1, 1, 2])
    assert metric(labels, labels) == 1
    assert metric((labels + 1) % 3, labels) == 0
    assert metric([7], [7]) == 1
    assert np.isnan(metric([], []))
    with pytest.raises(ValueError, match="one shape"):
        metric([1, 2], [1])


def test_balanced_accuracy_of_a_constant_answer_is_chance_whatever_the_class_sizes():
    labels = np.repeat([0, 1, 2], [90, 9, 1])
    assert metrics.accuracy(np.zeros(100, int), labels) == 0.9
    assert metrics.balanced_accuracy(np.zeros(100, int), labels) == pytest.approx(1 / 3)


def test_accuracy_at_interpolates_in_any_order_and_extrapolates_nothing():
    curve = np.array([0.5, 0.1, 0.3]), np.array([0.6, 1.0, 0.9])
    assert metrics.accuracy_at(curve, 0.2) == pytest.approx(0.95)
    assert metrics.accuracy_at(curve, 0.5) == pytest.approx(0.6)
    inside = metrics.accuracy_at(curve, np.array([0.09, 0.4, 0.51]))
    np.testing.assert_allclose(inside, [np.nan, 0.75, np.nan])
    assert np.isnan(metrics.accuracy_at((np.array([]), np.array([])), 0.5))


def test_points_of_one_privacy_are_averaged_and_points_without_a_value_are_dropped():
    curve = np.array([0.0, 0.5, 0.5, 0.7, 1.0]), np.array([1.0, 0.9, 0.7, np.nan, 0.4])
    assert metrics.accuracy_at(curve, 0.5) == pytest.approx(0.8)
    assert metrics.accuracy_at(curve, 0.75) == pytest.approx(0.6)


def test_areas_equal_a_fine_sum_over_the_range_that_all_curves_reach():
    curves = {
        name: (np.sort(RNG.uniform(low, high, 9)), RNG.uniform(0.3, 1, 9))
        for name, low, high in (("a", 0.0, 0.9), ("b", 0.2, 1.1), ("c", 0.1, 1.0))
    }
    low = max(x[0] for x, _ in curves.values())
    high = min(x[-1] for x, _ in curves.values())
    middles = low + (high - low) * (np.arange(200_000) + 0.5) / 200_000
    for name, area in metrics.tradeoff_areas(curves).items():
        fine = np.mean(np.interp(middles, *curves[name])) * (high - low)
        assert area == pytest.approx(fine, abs=1e-6)


def test_areas_are_linear_additive_and_ordered_as_the_curves_are():
    x, y = np.linspace(0, 1, 7), RNG.uniform(0.3, 0.9, 7)
    areas = metrics.tradeoff_areas({"low": (x, y), "high": (x[::-1], y[::-1] + 0.1)})
    assert areas["high"] == pytest.approx(areas["low"] + 0.1)
    parts = [metrics.tradeoff_areas({0: (x[s], y[s])})[0] for s in (slice(0, 4), slice(3, 7))]
    assert sum(parts) == pytest.approx(areas["low"])


def test_a_curve_outside_the_compared_ones_does_not_narrow_their_range():
    wide = np.array([0.0, 1.0]), np.array([1.0, 1.0])
    short = np.array([0.0, 0.5]), np.array([1.0, 1.0])
    assert metrics.tradeoff_areas({"a": wide, "b": short}) == {"a": 0.5, "b": 0.5}
    areas = metrics.tradeoff_areas({"a": wide, "b": short}, over=["a"])
    assert areas["a"] == 1.0 and np.isnan(areas["b"])


@pytest.mark.parametrize(
    "other",
    [
        (np.array([0.5]), np.array([0.9])),  # a single point
        (np.array([2.0, 3.0]), np.array([0.9, 0.8])),  # out of reach
        (np.array([1.0, 2.0]), np.array([0.9, 0.8])),  # they only touch
        (np.array([np.nan, np.nan]), np.array([0.9, 0.8])),
        (np.array([]), np.array([])),
    ],
)
def test_without_a_common_range_there_is_no_area(other):
    areas = metrics.tradeoff_areas({"a": (np.array([0.0, 1.0]), np.array([0.9, 0.8])), "b": other})
    assert np.isnan(list(areas.values())).all()
    assert metrics.tradeoff_areas({}) == {}


def test_operating_noise_is_the_largest_within_the_tolerance():
    noise = [0.0, 0.1, 0.2, 0.4]
    # 14 of 700 are two points exactly, which in floats is a bit more
    right = np.array([353, 353, 339, 338]) / 700
    assert right[2] < right[0] - 0.02 and metrics.operating_noise(noise, right) == 0.2
    assert metrics.operating_noise(noise, [0.95, 0.90, 0.94, 0.5]) == 0.2  # it need not be monotone
    assert metrics.operating_noise(noise, [0.95, 0.1, 0.1, 0.1]) == 0.0
    assert metrics.operating_noise(noise, [0.5, 0.9, 0.9, 0.9]) == 0.4
    assert metrics.operating_noise(noise[::-1], [0.9, 0.93, 0.95, 0.95]) == 0.2
    assert metrics.operating_noise(noise, [0.95, 0.95, np.nan, np.nan]) == 0.1
    assert metrics.operating_noise(noise, [0.95, 0.95, 0.93, 0.929], tolerance=0.0) == 0.1
    with pytest.raises(ValueError, match="no noise-free point"):
        metrics.operating_noise([0.1, 0.2], [0.9, 0.9])
