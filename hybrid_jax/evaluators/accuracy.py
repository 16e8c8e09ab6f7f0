"""Accuracy of the primary task, for noisy methods over the whole noise grid."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hybrid_jax import cloud, inference, rng
from hybrid_jax.data.samples import TEST, VALIDATION
from hybrid_jax.embedded import Embedded
from hybrid_jax.evaluators.settings import Settings
from hybrid_jax.progress import bar

SPLIT_NAMES = {TEST: "test", VALIDATION: "validation"}


def evaluate(embedded: Embedded, settings: Settings) -> Iterator[dict[str, Any]]:
    """Accuracy and balanced accuracy on test and validation windows.

    A noisy method is measured at every noise of the grid, with the draws that its privacy is measured with, and again
    with the cloud half re-trained for that noise, if it is to be.
    """
    levels = settings.noise_relative if embedded.noisy else (0.0,)
    noise_std = np.array(levels) * embedded.rms
    for split in SPLIT_NAMES:
        predicted = embedded.predictions(split, noise_std, settings.num_draws)
        matrices = confusion(embedded, split, predicted)
        yield from _records(embedded, split, levels, noise_std, matrices, "original")
    if embedded.noisy and settings.retrain is not None:
        retrained = []
        with bar(
            f"retrain cloud, {embedded.embedding.layer} {embedded.embedding.method}", len(levels)
        ) as advance:
            for level, std in zip(levels, noise_std, strict=True):
                key = rng.named(embedded.key, "retrain", repr(level))
                retrained.append(cloud.retrain(embedded, std, settings.retrain, key))
                advance(len(retrained))
        for split in SPLIT_NAMES:
            matrices = confusion_matrices(embedded, retrained, split, noise_std, settings.num_draws)
            yield from _records(embedded, split, levels, noise_std, matrices, "retrained")


def confusion_matrices(
    embedded: Embedded,
    classifiers: list[dict[str, Any]],
    split: int,
    noise_std: np.ndarray,
    num_draws: int,
) -> np.ndarray:
    """Counts [S, G, C, C] of (true, predicted) classes over the windows of a split.

    Args:
        embedded: what is judged.
        classifiers: G of them, the variables of the cloud half at each noise.
        split: the split.
        noise_std: [G], in the exclusive feature's units.
        num_draws: S; one where no noise is added.
    """
    draws = num_draws if np.any(noise_std > 0) else 1
    predicted = inference.noisy_predictions(
        embedded.embedding,
        embedded.variables,
        classifiers,
        embedded.z[split],
        embedded.index[split],
        embedded.key,
        noise_std,
        draws,
    )
    return confusion(embedded, split, predicted)


def confusion(embedded: Embedded, split: int, predicted: np.ndarray) -> np.ndarray:
    """Counts [S, G, C, C] of (true, predicted) classes, from predictions [S, G, n] for a split."""
    size = embedded.task.num_classes(embedded.task.primary)
    cell = embedded.labels(embedded.task.primary, split) * size + predicted
    flat = cell.reshape(-1, cell.shape[-1])
    counts = [np.bincount(one, minlength=size * size) for one in flat]
    return np.reshape(counts, (*cell.shape[:2], size, size))


def _records(
    embedded: Embedded,
    split: int,
    levels: tuple[float, ...],
    noise_std: np.ndarray,
    matrices: np.ndarray,
    which: str,
) -> Iterator[dict[str, Any]]:
    right = np.diagonal(matrices, axis1=-2, axis2=-1)
    true = matrices.sum(axis=-1)
    n, num_classes = int(true[0, 0].sum()), matrices.shape[-1]
    per_class = np.where(true > 0, right / np.maximum(true, 1), np.nan)
    measured = {
        "accuracy": (right.sum(axis=-1) / n, float(true[0, 0].max() / n)),
        "balanced_accuracy": (np.nanmean(per_class, axis=-1), 1.0 / num_classes),
    }
    draws = matrices.shape[0]
    for g, (level, std) in enumerate(zip(levels, noise_std, strict=True)):
        for metric, (values, chance) in measured.items():
            counted = values[: 1 if level == 0 else draws, g]
            yield {
                "metric": metric,
                "value": counted.mean(),
                "unit": "fraction",
                "chance": chance,
                "stderr": counted.std(ddof=1) / np.sqrt(draws) if len(counted) > 1 else None,
                "target": embedded.task.primary,
                "split": SPLIT_NAMES[split],
                "cloud": which,
                "noise_std": float(std),
                "noise_relative": level,
                "draws": len(counted),
                "n": n,
                "classes": num_classes,
            }
