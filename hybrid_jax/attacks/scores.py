"""How good an attack is: accuracy, balanced accuracy, F1 and AUC, with intervals over the people it was tried on."""

from typing import NamedTuple

import numpy as np

from hybrid_jax.attacks import auc
from hybrid_jax.privacy.bootstrap import LEVEL, RESAMPLES

METRICS = ("accuracy", "balanced_accuracy", "f1", "auc")


class Score(NamedTuple):
    """One metric in [0, 1].

    Attributes:
        value: on all that was tried; NaN of AUC where that is of one class.
        chance: its value when the feature says nothing: of accuracy and F1 that of always naming the class which is
            the most frequent, of balanced accuracy one over the classes that occur, of AUC 1/2.
        stderr: standard deviation over a bootstrap of groups; NaN for a single group, and where `value` is.
        ci_low, ci_high: its 95 % percentile interval; NaN likewise.
    """

    value: float
    chance: float
    stderr: float
    ci_low: float
    ci_high: float


def scores(probabilities: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> dict[str, Score]:
    """The metrics of an attacker's predictions.

    Balanced accuracy, F1 and AUC are means over the classes that occur (macro averages); AUC is each class's against
    the rest, ties worth a half.

    Args:
        probabilities: [n, K].
        labels: [n] the true classes.
        groups: [n] which person each is of. Whole people are drawn in the bootstrap (`privacy.bootstrap`), as their
            windows are alike.
    """
    names, of_group = np.unique(groups, return_inverse=True)
    size, num_classes = len(names), probabilities.shape[1]
    judged = _judged(probabilities, labels, of_group, size)
    drawn = np.random.default_rng(0).integers(0, size, (RESAMPLES, size))
    counts = np.stack([np.bincount(d, minlength=size) for d in drawn]).astype(float)
    found = {}
    value, spread = _measures(np.ones((1, size)), judged), _measures(counts, judged)
    chance = chances(labels, num_classes)
    tail = 100 * (1 - LEVEL) / 2
    for name in METRICS:
        ends, stderr = (np.nan, np.nan), np.nan
        if size > 1:
            there = spread[name][np.isfinite(spread[name])]
            if len(there) > 1:
                ends, stderr = np.percentile(there, [tail, 100 - tail]), there.std(ddof=1)
        found[name] = Score(value[name][0], chance[name], stderr, *ends)
    return found


def chances(labels: np.ndarray, num_classes: int) -> dict[str, float]:
    """Each metric where the most frequent class is always named: see `Score.chance`."""
    share = np.bincount(labels, minlength=num_classes) / len(labels)
    there = np.count_nonzero(share)
    majority = share.max()
    return {
        "accuracy": majority,
        "balanced_accuracy": 1 / there,
        "f1": 2 * majority / (1 + majority) / there,
        "auc": 0.5,
    }


class _Judged(NamedTuple):
    """Samples by group and class, [S, K] each: those that were right, are of it, were taken for it; and `auc.pairs`."""

    right: np.ndarray
    true: np.ndarray
    predicted: np.ndarray
    pairs: auc.Pairs


def _judged(
    probabilities: np.ndarray, labels: np.ndarray, of_group: np.ndarray, size: int
) -> _Judged:
    predicted, shape = np.argmax(probabilities, axis=1), (size, probabilities.shape[1])
    right = predicted == labels
    return _Judged(
        _counts(of_group[right], labels[right], shape),
        _counts(of_group, labels, shape),
        _counts(of_group, predicted, shape),
        auc.pairs(probabilities, labels, of_group, size),
    )


def _counts(groups: np.ndarray, classes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return (
        np.bincount(groups * shape[1] + classes, minlength=shape[0] * shape[1])
        .reshape(shape)
        .astype(float)
    )


def _measures(counts: np.ndarray, judged: _Judged) -> dict[str, np.ndarray]:
    """Each metric [R] where group s is there counts[r, s] times; NaN where nothing is left to judge by."""
    right, true, predicted = (counts @ each for each in judged[:3])
    total = true.sum(axis=1, keepdims=True)
    possible = true * (total - true)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "accuracy": right.sum(axis=1) / total[:, 0],
            "balanced_accuracy": _mean(right / true),
            # Of classes that occur: a person who is not drawn is still predicted, and is no mistake.
            "f1": _mean(np.where(true > 0, 2 * right / (true + predicted), np.nan)),
            "auc": _mean(judged.pairs(counts) / possible),
        }


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is a number; NaN where nothing is."""
    there = np.isfinite(values)
    return np.where(there, values, 0).sum(axis=1) / there.sum(axis=1)
