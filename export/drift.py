"""What a file's rounding changes of accuracy and privacy, by the experiment's evaluators on real test data."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np

from export import parity
from export.source import Source
from hybrid_jax import evaluators
from hybrid_jax.data.samples import TEST
from hybrid_jax.embedded import Embedded, LayerFeatures
from hybrid_jax.embedding import network_variables
from hybrid_jax.experiment import setup
from hybrid_jax.results import select

LIMIT = 0.02  # of accuracy and privacy that rounding may cost: what the operating noise may, too
MOST = 0.05  # that an attack may gain, however wide its interval
PROBES = ("logistic", "mlp", "knn")  # of the attackers, the quick ones
ORIGINAL = "jax"
MEASURES: dict[str, dict[str, Any]] = {  # by evaluator: which of its records
    "accuracy": {"evaluator": "accuracy", "metric": "accuracy", "split": "test"},
    "privacy": {
        "evaluator": "privacy", "metric": "privacy", "split": "test", "gallery": "held_out",
        "mode": "classes", "queries": 1,
    },
    "attack": {
        "evaluator": "attack", "metric": "balanced_accuracy", "attacker": "best", "mode": None,
    },
}  # fmt: skip


def of(source: Source, files: Mapping[str, parity.Run]) -> dict[str, dict[str, Any]]:
    """What was measured, of JAX (`ORIGINAL`) and of each file; of the whole network on the phone accuracy alone.

    Args:
        source: what was exported.
        files: the device's, by name.
    """
    outputs = {
        name: partial(_outputs, name, run, source.device.inputs) for name, run in files.items()
    }
    if source.cloud is None:
        device, _ = source.as_measured
        runs: dict[str, Callable] = {ORIGINAL: device, **outputs}
        return {name: {"accuracy": classified(source, run)} for name, run in runs.items()}
    original = embedded(source)
    found = {ORIGINAL: measured(original, source)}
    for name, run in outputs.items():
        found[name] = measured(by_file(original, run), source)
    return found


def _outputs(
    name: str, run: parity.Run, shapes: dict[str, tuple[int, ...]], x: np.ndarray
) -> np.ndarray:
    return parity.outputs(run, parity.device_inputs(shapes, x, 0), f"test split by {name}")


def classified(source: Source, run: Callable[[np.ndarray], np.ndarray]) -> float:
    """The accuracy of a whole network, `run`, inputs [N, ...] to logits [N, K], on the test split."""
    at = source.task.samples.indices(TEST)
    right = np.argmax(run(source.at(at)), axis=1) == source.task.labels(source.task.primary)[at]
    return float(right.mean())


def embedded(source: Source) -> Embedded:
    """The embedding on the data of its work folder, computed by JAX."""
    about = source.about
    features = LayerFeatures.extract(
        source.task,
        about["layer"],
        network_variables(source.variables),
        about["contrastive_weight"],
        about["margin"],
    )
    kind = "pca" if about["reduction"] == "none" else about["reduction"]
    return features.embed(
        about["method"],
        kind,
        source.variables["reduction"] or None,
        jax.random.key(source.config.seed),
        about["clip_norm"],
    )


def by_file(original: Embedded, run: Callable[[np.ndarray], np.ndarray]) -> Embedded:
    """The same with a file's test features: `run` maps inputs [N, ...] to features [N, d], without noise."""
    samples = original.task.samples
    x = samples.inputs(samples.data(), original.index[TEST])
    return replace(
        original,
        z={**original.z, TEST: jax.numpy.asarray(run(np.asarray(x)))},
        noise_free_records={},
        shown={},
    )


def measured(of: Embedded, source: Source) -> dict[str, Any]:
    """Accuracy, and of each sensitive target rank privacy and the best probe, of unseen data at the shipped noise."""
    settings = setup.evaluator_settings(source.config)
    level = source.noise_std / of.rms if of.rms else 0.0
    settings = replace(
        settings,
        noise_relative=(level,),
        num_draws=settings.num_draws if level else 1,
        retrain=None,
        tolerance=1.0,  # the shipped noise is the operating noise, whatever it costs
        splits=("test",),
        unplanned=(),
        galleries=("held_out",),
        attacker_data=("unseen",),
        instance=False,
        uploads=(),
        attack=replace(
            settings.attack,
            attackers=PROBES,
            attacker_data=("unseen",),
            only={
                target: tuple(name for name in PROBES if name in tried) or PROBES
                for target, tried in settings.attack.only.items()
            },
            disjoint=(),
            on_validation=(),
            unlimited=(),
            uploads=(),
        ),
    )
    records = list(evaluators.evaluate(tuple(MEASURES), of, settings))
    records = select(records, noise_relative=level, cloud="original")
    found: dict[str, Any] = {"accuracy": select(records, **MEASURES["accuracy"])[0]["value"]}
    for target in settings.sensitive:
        for name in ("privacy", "attack"):
            for r in select(records, target=target, **MEASURES[name]):
                found.setdefault(name, {})[target] = {
                    n: r[n] for n in ("value", "ci_low", "ci_high")
                }
    return found


def excess(every: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is worse of each file than the experiment's figures allow, in words; none: nothing.

    Accuracy and privacy may be `LIMIT` lower; the best probe may be better within its 95 % interval over people, which
    of few people is wide: `MOST` at most.

    Args:
        every: what `of` gave.
    """
    original, found = every[ORIGINAL], []
    for name, own in every.items():
        if (lost := original["accuracy"] - own["accuracy"]) > LIMIT:
            found.append(f"{name} loses {100 * lost:.1f} points of accuracy")
        for target, r in own.get("privacy", {}).items():
            if (lost := original["privacy"][target]["value"] - r["value"]) > LIMIT:
                found.append(f"{name} loses {100 * lost:.1f} points of {target} privacy")
        for target, r in own.get("attack", {}).items():
            before = original["attack"][target]
            # Of one person there is no interval.
            high = before["ci_high"]
            allowed = LIMIT if high is None else min(high - before["value"], MOST)
            if (gained := r["value"] - before["value"]) > allowed:
                found.append(
                    f"{name} gives {100 * gained:.1f} points more to the best attack on {target}"
                )
    return found
