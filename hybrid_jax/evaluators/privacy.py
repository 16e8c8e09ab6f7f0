"""Leakage of the sensitive labels over the noise grid, for each gallery an adversary may hold (Eq. 2-7 and its kin)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hybrid_jax.embedded import Embedded
from hybrid_jax.evaluators import sequences
from hybrid_jax.evaluators.accuracy import SPLIT_NAMES
from hybrid_jax.evaluators.adversary import INSTANCE, adversaries
from hybrid_jax.evaluators.settings import Settings
from hybrid_jax.privacy import Leakage, leakage
from hybrid_jax.progress import bar, within

FLOORS = ("label_floor", "prediction_floor")


def evaluate(embedded: Embedded, settings: Settings) -> Iterator[dict[str, Any]]:
    """Every measure of every target in every gallery, and its floors, with the draws that accuracy sees.

    For the adversary of unseen data also by how many uploads are combined (`sequences`).
    """
    levels = settings.noise_relative if embedded.noisy else (0.0,)
    noise_std = np.array(levels) * embedded.rms
    everyone = list(adversaries(embedded, settings))
    name = f"privacy, {embedded.embedding.layer} {embedded.embedding.method}"
    with bar(name, len(everyone)) as advance:
        for done, adversary in enumerate(everyone):
            instances = adversary.target == INSTANCE
            floors = {} if instances else adversary.seen(embedded, noise_std, settings.num_draws)
            result = leakage(
                **adversary.arguments(embedded),
                **floors,
                noise_std=noise_std,
                key=embedded.key,
                num_draws=settings.num_draws if embedded.noisy else 1,
                prior="uniform" if instances else settings.prior,
                ties=settings.ties,
                on_progress=within(advance, done),
            )
            about = {
                "target": adversary.target,
                "split": SPLIT_NAMES[adversary.split],
                "attacker_data": adversary.attacker_data,
            }
            yield from records(result, levels, about)
            if adversary.attacker_data == "unseen":
                for mode, uploads, level, result in sequences.combined(
                    embedded, adversary, settings
                ):
                    combined = {**about, "mode": mode, "queries": uploads}
                    yield from records(result, (level,), combined)
    yield from sequences.guarantees(embedded, settings)


def records(
    result: Leakage, levels: tuple[float | None, ...], about: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """A record for each measure and noise, and for each floor; the floor of the true label knows no noise.

    Args:
        result: of one adversary.
        levels: `noise_relative` of each noise.
        about: further fields; they go before the result's own.
    """
    about = {
        "gallery": result.gallery,
        "mode": result.mode,
        "prior": result.prior,
        "ties": result.ties,
        "n": result.n,
        "n_excluded": result.n_excluded,
        "classes": result.num_classes,
        **about,
    }
    named = {"": result.measures}
    named |= {f"_{floor}": getattr(result, floor) or {} for floor in FLOORS}
    for suffix, estimates in named.items():
        for metric, found in estimates.items():
            for g in range(len(found.value)):
                noisy = result.noise_std[g] > 0
                yield {
                    "metric": metric + suffix,
                    "value": found.value[g],
                    "unit": found.unit,
                    "chance": found.chance,
                    "stderr": found.stderr[g] if noisy else None,
                    "ci_low": found.ci_low[g],
                    "ci_high": found.ci_high[g],
                    "noise_std": float(result.noise_std[g]),
                    "noise_relative": levels[g],
                    "draws": result.num_draws if noisy else 1,
                    **about,
                }
