"""What is read off predictions and off trade-off curves: pure NumPy, no state."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

Name = TypeVar("Name", bound=Hashable)
Curve = tuple[np.ndarray, np.ndarray]  # privacy_index [G], accuracy [G]


def accuracy(predictions, labels) -> float:
    """Share of right predictions, in [0, 1]; nan when there are none.

    Args:
        predictions, labels: class numbers [N].

    Raises:
        ValueError: the shapes differ.
    """
    predictions, labels = _pair(predictions, labels)
    return float(np.mean(predictions == labels)) if labels.size else float("nan")


def balanced_accuracy(predictions, labels) -> float:
    """Mean over the classes that occur in `labels` of the share found, in [0, 1]; nan when empty.

    Args:
        predictions, labels: class numbers [N].

    >>> always_0, labels = [0, 0, 0, 0], [0, 0, 0, 1]
    >>> accuracy(always_0, labels), balanced_accuracy(always_0, labels)
    (0.75, 0.5)
    """
    predictions, labels = _pair(predictions, labels)
    recalls = [np.mean(predictions[labels == c] == c) for c in np.unique(labels)]
    return float(np.mean(recalls)) if recalls else float("nan")


def f1(predictions, labels) -> float:
    """Macro F1: mean over all classes seen in either array of 2 TP / (2 TP + FP + FN), in [0, 1].

    A class that is only predicted, or never predicted, counts as 0. nan when empty.

    Args:
        predictions, labels: class numbers [N].
    """
    predictions, labels = _pair(predictions, labels)
    scores = [
        2
        * np.sum((predictions == c) & (labels == c))
        / (np.sum(predictions == c) + np.sum(labels == c))
        for c in np.union1d(predictions, labels)
    ]
    return float(np.mean(scores)) if scores else float("nan")


def accuracy_at(curve: Curve, privacy_index):
    """Accuracy of a trade-off curve where its privacy is `privacy_index`, interpolated linearly.

    The curve is taken as a function of privacy: points are sorted by privacy_index, points of
    equal privacy_index are averaged. (More noise gives more privacy but for the error of the
    draws, so near chance, where the curve is vertical, neighbours may change places.) Points with
    a non-finite coordinate are dropped.

    Args:
        curve: privacy_index [G] and accuracy [G], in any order.
        privacy_index: scalar or array.

    Returns:
        float or array like `privacy_index`; nan outside of what the curve reaches: a trade-off
        that was not measured is not extrapolated.

    >>> curve = np.array([0.25, 0.75]), np.array([0.75, 0.25])
    >>> accuracy_at(curve, 0.5), accuracy_at(curve, 0.8)
    (0.5, nan)
    """
    x, y = _as_function(curve)
    if not x.size:
        x, y = np.array([np.nan]), np.array([np.nan])
    values = np.interp(privacy_index, x, y, left=np.nan, right=np.nan)
    return float(values) if np.ndim(values) == 0 else values


def tradeoff_areas(
    curves: Mapping[Name, Curve], over: Sequence[Name] | None = None
) -> dict[Name, float]:
    """Area under accuracy against privacy_index, over the range that all compared curves reach.

    Each curve is the piecewise linear function of `accuracy_at`; its area between the common ends
    is exact (trapezoids, with the ends interpolated).

    Args:
        curves: name -> (privacy_index [G], accuracy [G]).
        over: names of the curves that set the common range (default: all); another one that does
            not reach all of it gets nan.

    Returns:
        name -> area, nan for all when there is no common range (a single point has none).
    """
    functions = {name: _as_function(curve) for name, curve in curves.items()}
    nothing = dict.fromkeys(curves, float("nan"))
    setting = [functions[name][0] for name in (curves if over is None else over)]
    if not setting or any(x.size == 0 for x in setting):
        return nothing
    low, high = max(x[0] for x in setting), min(x[-1] for x in setting)
    if not low < high:
        return nothing

    def area(x, y):
        inside = x[(x > low) & (x < high)]
        at = np.concatenate([[low], inside, [high]])
        return float(np.trapezoid(accuracy_at((x, y), at), at))

    return {name: area(x, y) for name, (x, y) in functions.items()}


def operating_noise(noise_relative, accuracy, tolerance: float = 0.02) -> float:
    """The largest noise whose accuracy is within `tolerance` of the noise-free one.

    Args:
        noise_relative: the grid [G], in any order; must hold 0.
        accuracy: validation accuracy [G] in [0, 1]; nan never qualifies.
        tolerance: accuracy given up at most, in [0, 1].

    Raises:
        ValueError: the grid has no noise-free point.

    >>> operating_noise([0, 0.5, 1, 2], [0.93, 0.93, 0.92, 0.85])
    1.0
    """
    noise_relative, accuracy = _pair(noise_relative, accuracy)
    free = accuracy[noise_relative == 0]
    if free.size == 0:
        raise ValueError(f"the noise grid {noise_relative.tolist()} has no noise-free point (0)")
    # 1e-9: a difference of exactly `tolerance` must not fail by the last bit of a float.
    within = accuracy >= free[0] - tolerance - 1e-9
    return float(noise_relative[within].max(initial=0.0))


def _as_function(curve: Curve) -> Curve:
    """Sorted, finite, one point per privacy_index."""
    x, y = _pair(*(np.asarray(c, np.float64) for c in curve))
    finite = np.isfinite(x) & np.isfinite(y)
    unique, group = np.unique(x[finite], return_inverse=True)
    total = np.bincount(group, weights=y[finite], minlength=unique.size)
    return unique, total / np.maximum(np.bincount(group, minlength=unique.size), 1)


def _pair(a, b) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"expected two arrays of one shape [N], got {a.shape} and {b.shape}")
    return a, b
