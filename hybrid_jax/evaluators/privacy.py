"""Rank privacy (Eq. 2-7) of the sensitive labels over the noise grid, for each gallery an adversary may hold."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hybrid_jax.embedded import Embedded
from hybrid_jax.evaluators.accuracy import SPLIT_NAMES
from hybrid_jax.evaluators.adversary import Adversary, adversaries
from hybrid_jax.evaluators.settings import Settings
from hybrid_jax.privacy import RankPrivacy, rank_privacy
from hybrid_jax.progress import bar


def evaluate(embedded: Embedded, settings: Settings) -> Iterator[dict[str, Any]]:
    """Rank, privacy, privacy index and top-1 of every target in every gallery, with the draws that accuracy sees."""
    levels = settings.noise_relative if embedded.noisy else (0.0,)
    everyone = list(adversaries(embedded, settings))
    name = f"privacy, {embedded.embedding.layer} {embedded.embedding.method}"
    with bar(name, len(everyone)) as advance:
        for done, adversary in enumerate(everyone):
            result = rank_privacy(
                **adversary.arguments(embedded),
                noise_std=np.array(levels) * embedded.rms,
                key=embedded.key,
                num_draws=settings.num_draws,
                prior=settings.prior,
                ties=settings.ties,
                on_progress=lambda ranked, total, done=done: advance(done + ranked / total),
            )
            yield from _records(adversary, result, levels)


def _records(
    adversary: Adversary, result: RankPrivacy, levels: tuple[float, ...]
) -> Iterator[dict[str, Any]]:
    chance_top1 = 1.0 / result.num_classes if result.prior == "uniform" else None
    metrics = {
        "privacy": (result.privacy, result.privacy_stderr, result.chance, "rank/K"),
        "rank": (result.rank, result.rank_stderr, result.chance_rank, "rank"),
        "privacy_index": (result.privacy_index, result.privacy_index_stderr, 1.0, "index"),
        "top1": (result.top1, result.top1_stderr, chance_top1, "fraction"),
    }
    for g, level in enumerate(levels):
        for metric, (value, stderr, chance, unit) in metrics.items():
            yield {
                "metric": metric,
                "value": value[g],
                "unit": unit,
                "chance": chance,
                "stderr": stderr[g] if level > 0 else None,
                "target": adversary.target,
                "split": SPLIT_NAMES[adversary.split],
                "gallery": adversary.gallery,
                "attacker_data": adversary.attacker_data,
                "mode": "classes",
                "prior": result.prior,
                "ties": result.ties,
                "noise_std": float(result.noise_std[g]),
                "noise_relative": level,
                "draws": result.num_draws if level > 0 else 1,
                "n": result.n,
                "n_excluded": result.n_excluded,
                "classes": result.num_classes,
            }
