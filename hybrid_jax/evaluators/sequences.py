"""Leakage by how many uploads the adversary combines, at the operating noise; and what a clipped feature guarantees."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from hybrid_jax.data.samples import VALIDATION
from hybrid_jax.embedded import Embedded
from hybrid_jax.evaluators.adversary import Adversary
from hybrid_jax.evaluators.settings import Settings
from hybrid_jax.metrics import operating_noise
from hybrid_jax.privacy import Leakage, gaussian_dp, repeated_uploads, sessions


def operating_level(embedded: Embedded, settings: Settings) -> float:
    """The operating noise, relative to the feature's rms; 0 for a method without noise, of one noise alone that one."""
    if not embedded.noisy:
        return 0.0
    if len(settings.noise_relative) == 1:
        return settings.noise_relative[0]
    noise_std = np.array(settings.noise_relative) * embedded.rms
    predicted = embedded.predictions(VALIDATION, noise_std, settings.num_draws)
    right = predicted == embedded.labels(embedded.task.primary, VALIDATION)
    grid = list(settings.noise_relative)
    return operating_noise(grid, right.mean(axis=(0, 2)), settings.tolerance)


def combined(
    embedded: Embedded, adversary: Adversary, settings: Settings
) -> Iterator[tuple[str, int, float, Leakage]]:
    """(mode, uploads, noise_relative, leakage) for n uploads of one sample, and for n windows of one person.

    A method without noise says the same in each upload of a sample: then there are sessions alone.
    """
    if not settings.uploads:
        return
    level = operating_level(embedded, settings)
    given = adversary.arguments(embedded)
    common: dict[str, Any] = {
        "noise_std": level * embedded.rms,
        "uploads": settings.uploads,
        "key": embedded.key,
        "num_draws": settings.num_draws if level > 0 else 1,
        "prior": settings.prior,
        "ties": settings.ties,
    }
    people = given.pop("resample")
    found = {"session": sessions(**given, **common, session=people, order=_order(given))}
    if embedded.noisy:
        found["repeated"] = repeated_uploads(**given, **common, resample=people)
    for mode, by_uploads in found.items():
        for uploads, result in by_uploads.items():
            # What is recorded is the noise of each upload, not of their mean.
            of_each = replace(result, noise_std=np.array([level * embedded.rms]))
            yield mode, uploads, level, of_each


def guarantees(embedded: Embedded, settings: Settings) -> Iterator[dict[str, Any]]:
    """Gaussian differential privacy of one upload at each noise, where features are clipped; else nothing."""
    bound = embedded.embedding.clip_norm
    if bound is None or not embedded.noisy:
        return
    for level in settings.noise_relative:
        noise_std = level * embedded.rms
        found = gaussian_dp(bound, noise_std)
        for metric, value, unit in (
            ("gaussian_dp_mu", found.mu, "mu"),
            ("dp_epsilon", found.epsilon, f"epsilon at delta {found.delta:g}"),
        ):
            yield {
                "metric": metric,
                "value": value,
                "unit": unit,
                "noise_std": noise_std,
                "noise_relative": level,
            }


def _order(given: dict[str, Any]) -> np.ndarray:
    """Recording after recording, each from its start."""
    order = np.empty(len(given["start"]), int)
    order[np.lexsort((given["start"], given["recording"]))] = np.arange(len(order))
    return order
