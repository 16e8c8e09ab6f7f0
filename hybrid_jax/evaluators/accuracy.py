"""Accuracy of the primary task, for noisy methods over the whole noise grid."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import cloud, noise, rng
from hybrid_jax.data.windows import TEST, VALIDATION
from hybrid_jax.embedded import Embedded
from hybrid_jax.embedding import Embedding
from hybrid_jax.evaluators.settings import Settings
from hybrid_jax.progress import bar

SPLIT_NAMES = {TEST: "test", VALIDATION: "validation"}
BLOCK = 512  # samples at once


def evaluate(embedded: Embedded, settings: Settings) -> Iterator[dict[str, Any]]:
    """Accuracy and balanced accuracy on test and validation windows.

    A noisy method is measured at every noise of the grid, with the draws that its privacy is measured with, and again
    with the cloud half re-trained for that noise.
    """
    levels = settings.noise_relative if embedded.noisy else (0.0,)
    noise_std = np.array(levels) * embedded.rms
    yield from _both_splits(
        embedded, [embedded.variables["classifier"]] * len(levels), noise_std, settings, "original"
    )
    if embedded.noisy:
        retrained = []
        with bar(
            f"retrain cloud, {embedded.embedding.layer} {embedded.embedding.method}", len(levels)
        ) as advance:
            for level, std in zip(levels, noise_std, strict=True):
                key = rng.named(embedded.key, "retrain", repr(level))
                retrained.append(cloud.retrain(embedded, std, settings.retrain, key))
                advance(len(retrained))
        yield from _both_splits(embedded, retrained, noise_std, settings, "retrained")


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
    shared = {name: value for name, value in embedded.variables.items() if name != "classifier"}
    return np.asarray(
        _confusion(
            embedded.embedding.noise_free,
            shared,
            jax.tree.map(lambda *leaves: jnp.stack(leaves), *classifiers),
            embedded.z[split],
            jnp.asarray(embedded.index[split]),
            jnp.asarray(embedded.labels(embedded.task.primary, split)),
            embedded.key,
            jnp.asarray(noise_std, jnp.float32),
            num_draws=num_draws if np.any(noise_std > 0) else 1,
            num_classes=embedded.task.num_classes(embedded.task.primary),
        )
    )


@partial(jax.jit, static_argnames=("embedding", "num_draws", "num_classes"))
def _confusion(
    embedding: Embedding,
    shared: dict[str, Any],
    classifiers: dict[str, Any],
    z: jax.Array,
    index: jax.Array,
    labels: jax.Array,
    key: jax.Array,
    noise_std: jax.Array,
    *,
    num_draws: int,
    num_classes: int,
) -> jax.Array:
    size = z.shape[0]
    blocks = -(-size // BLOCK)
    rows = jnp.arange(blocks * BLOCK, dtype=jnp.int32).reshape(blocks, BLOCK)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(num_draws))

    def block(counts: jax.Array, rows: jax.Array) -> tuple[jax.Array, None]:
        counted = rows < size
        at = jnp.where(counted, rows, 0)
        true = jax.nn.one_hot(labels[at], num_classes) * counted[:, None].astype(z.dtype)

        def draw(key: jax.Array) -> jax.Array:
            normal = noise.standard_normal(key, index[at], z.shape[1])

            def level(at_level: tuple[jax.Array, dict[str, Any]]) -> jax.Array:
                std, classifier = at_level
                variables = {**shared, "classifier": classifier}
                logits = embedding.classifier(variables, noise.add(z[at], std, normal))
                return true.T @ jax.nn.one_hot(jnp.argmax(logits, axis=-1), num_classes)

            return jax.lax.map(level, (noise_std, classifiers))

        return counts + jax.lax.map(draw, keys).astype(jnp.int32), None

    zeros = jnp.zeros((num_draws, noise_std.shape[0], num_classes, num_classes), jnp.int32)
    return jax.lax.scan(block, zeros, rows)[0]


def _both_splits(
    embedded: Embedded,
    classifiers: list[dict[str, Any]],
    noise_std: np.ndarray,
    settings: Settings,
    which: str,
) -> Iterator[dict[str, Any]]:
    levels = settings.noise_relative if embedded.noisy else (0.0,)
    for split in SPLIT_NAMES:
        matrices = confusion_matrices(embedded, classifiers, split, noise_std, settings.num_draws)
        yield from _records(embedded, split, levels, noise_std, matrices, which)


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
