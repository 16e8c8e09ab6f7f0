"""How well the input can be rebuilt from uploads, and whether the person is still in what was rebuilt."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import rng
from hybrid_jax.attacks import decoder
from hybrid_jax.attacks.scores import Score, scores
from hybrid_jax.data.windows import TEST, gather
from hybrid_jax.embedded import Embedded
from hybrid_jax.evaluators.scenario import Holdings
from hybrid_jax.evaluators.sequences import operating_level
from hybrid_jax.evaluators.settings import Settings
from hybrid_jax.models.decoder import window_decoder
from hybrid_jax.progress import bar

DATA = "both"  # what the adversary trains its decoder on: all that it may hold
ON_ORIGINALS = "original"  # the route of what the matcher finds in the inputs themselves


@dataclass(frozen=True)
class _Windows:
    """A `decoder.Inputs`."""

    window: int

    def __call__(self, data: Any, indices: jax.Array) -> jax.Array:
        return gather(data["rows"], data["starts"][indices], self.window)


def evaluate(embedded: Embedded, settings: Settings) -> Iterator[dict[str, Any]]:
    """NRMSE, correlation by channel and re-identification, without noise and at the operating noise.

    The decoder is trained on windows of all that an attacker may hold, and tried on the second halves of test
    recordings. What is found without noise is kept, as in `attack.evaluate`.
    """
    levels = list(dict.fromkeys((0.0, operating_level(embedded, settings))))
    name = f"reconstruction, {embedded.embedding.layer} {embedded.embedding.method}"
    with bar(name, len(levels)) as advance:
        for done, level in enumerate(levels, 1):
            kept = embedded.noise_free_records if level == 0 else {}
            if "reconstruction" not in kept:
                kept["reconstruction"] = list(_records(embedded, settings, level))
            yield from kept["reconstruction"]
            advance(done)


def _records(embedded: Embedded, settings: Settings, level: float) -> Iterator[dict[str, Any]]:
    task, held = embedded.task, Holdings(embedded, settings.seed)
    windows, std = task.windows, level * embedded.rms
    rows, starts = jnp.asarray(windows.rows), jnp.asarray(windows.starts)
    fit, _ = held.rows(DATA, settings.reconstruction.max_windows)
    at = np.concatenate([embedded.index[split][places] for split, places in fit])
    z = jnp.concatenate([embedded.z[split][places] for split, places in fit])
    trained = decoder.fit(
        window_decoder(task.input_shape),
        _Windows(windows.window),
        {"rows": rows, "starts": starts[at]},
        z,
        std,
        settings.reconstruction.budget,
        rng.named(embedded.key, "reconstruction"),
    )
    asked = embedded.index[TEST][held.queries]
    rebuilt = trained(embedded.uploads(TEST, held.queries, std))
    originals = gather(rows, starts[asked], windows.window)
    about = {
        "split": "test",
        "attacker_data": DATA,
        "max_windows": settings.reconstruction.max_windows,
        "n_fit": len(at),
        "noise_std": float(std),
        "noise_relative": level,
        "draws": 1,
        "n": len(asked),
    }
    for record in closeness(np.asarray(originals), np.asarray(rebuilt)):
        yield about | record
    if settings.matcher is not None:
        people = windows.columns["identity"][asked]
        for route, x in (("reconstruction", rebuilt), (ON_ORIGINALS, originals)):
            found = scores(settings.matcher.probabilities(x), people, people)["accuracy"]
            yield about | _reidentification(found, route, task.num_classes("identity"))


def closeness(originals: np.ndarray, rebuilt: np.ndarray) -> Iterator[dict[str, Any]]:
    """How near rebuilt inputs are to the originals.

    NRMSE: the root of the squared error over that of each channel's deviation from its mean: 1 for who always answers
    with the mean. Correlation: Pearson's, channel by channel, over all samples and moments; of a channel in which
    either is constant 0, as nothing is told.

    Args:
        originals: [n, channels, time].
        rebuilt: the same shape.
    """
    axes = (0, 2)
    deviation = originals - originals.mean(axis=axes, keepdims=True)
    error = np.square(rebuilt - originals).sum(dtype=np.float64)
    total = np.square(deviation).sum(dtype=np.float64)
    yield {
        "metric": "nrmse",
        "value": np.sqrt(error / total) if total else None,
        "unit": "of the deviation",
        "chance": 1.0,
    }
    other = rebuilt - rebuilt.mean(axis=axes, keepdims=True)
    product = (deviation * other).sum(axis=axes, dtype=np.float64)
    power = np.square(deviation).sum(axis=axes, dtype=np.float64) * np.square(other).sum(
        axis=axes, dtype=np.float64
    )
    found = np.divide(product, np.sqrt(power), out=np.zeros(len(power)), where=power > 0)
    yield {"metric": "correlation", "value": found.mean(), "unit": "correlation", "chance": 0.0}
    for channel, value in enumerate(found):
        yield {
            "metric": "correlation",
            "value": value,
            "unit": "correlation",
            "chance": 0.0,
            "target": f"channel_{channel}",
        }


def _reidentification(found: Score, route: str, classes: int) -> dict[str, Any]:
    return {
        "metric": "reidentification",
        **found._asdict(),
        "unit": "fraction",
        "target": "identity",
        "route": route,
        "classes": classes,
    }
