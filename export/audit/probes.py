"""Attacks on the features of a file: what can be tried without knowing the network."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from hybrid_jax import rng
from hybrid_jax.attacks import ATTACKERS, Knowledge
from hybrid_jax.attacks.attempt import attempt
from hybrid_jax.attacks.scores import scores
from hybrid_jax.evaluators.sampling import stratified
from hybrid_jax.progress import bar

PROBES = tuple(name for name in ATTACKERS if name != "transfer")  # which needs the network
MATCHING = ("knn",)  # what does with one sample of each class, and nothing to choose by
MOST = 4096  # samples that they are fitted on
MEASURE = "balanced_accuracy"


def attacks(
    z: np.ndarray,
    labels: np.ndarray,
    people: np.ndarray,
    parts: tuple[np.ndarray, np.ndarray, np.ndarray],
    noise_std: float,
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Each probe's scores, and those of the best, as records' fields.

    Args:
        z: [N, d] noise-free features.
        labels: [N] the sensitive classes.
        people: [N] whose each is.
        parts: numbers of what is learned from, chosen by, and asked about (`Labelled.parts`).
        noise_std: of the noise in an upload, in the feature's units.
        seed: of all randomness.

    Raises:
        errors.UserError: nothing to learn from, or features that are all the same.
    """
    fit, choose, asked = parts
    classes = np.unique(labels[fit])
    fit = fit[stratified([labels[fit]], MOST, seed)]
    numbered = np.searchsorted(classes, labels)
    held, key, found = (z[choose], numbered[choose]), jax.random.key(seed), {}
    # What is uploaded is the same, whoever looks at it.
    uploads = Knowledge(noise_std, len(classes), held, key).noisy(z[asked], "asked")
    tried = PROBES if len(choose) else MATCHING
    with bar("attacks", len(tried)) as advance:
        for done, name in enumerate(tried, 1):
            own_key = rng.named(key, "attack", name)
            knowledge = Knowledge(noise_std, len(classes), held, own_key)
            guesses = attempt(ATTACKERS[name], knowledge, z[fit], numbered[fit], uploads)
            found[name] = scores(guesses, numbered[asked], people[asked])
            advance(done)
    winner = max(found, key=lambda name: found[name][MEASURE].value)
    for name, own in (*found.items(), ("best", found[winner])):
        for metric, score in own.items():
            yield {
                "evaluator": "attack",
                "metric": metric,
                **score._asdict(),
                "unit": "fraction",
                "attacker": name,
                "attacker_data": "unseen",
                "gallery": "held_out",
                "route": "exclusive",
                "winner": winner if name == "best" else None,
                "noise_std": noise_std,
                "draws": 1,
                "n": len(asked),
                "n_fit": len(fit),
                "classes": len(classes),
                "seed": seed,
            }
