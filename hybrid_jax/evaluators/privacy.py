"""Rank privacy (Eq. 2-7) of the sensitive labels over the noise grid, for each gallery an adversary may hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid_jax.data.windows import TEST, TRAIN, VALIDATION
from hybrid_jax.embedded import Embedded
from hybrid_jax.evaluators.accuracy import SPLIT_NAMES
from hybrid_jax.evaluators.sampling import halves, stratified
from hybrid_jax.evaluators.settings import Settings
from hybrid_jax.privacy import RankPrivacy, rank_privacy
from hybrid_jax.progress import bar

Rows = list[tuple[int, np.ndarray]]  # (split, positions in that split), one after another


@dataclass(frozen=True, eq=False)
class Measurement:
    """One measurement: who is ranked (`queries`) against what (`rows`; `None`: the queries themselves)."""

    target: str
    gallery: str
    split: int
    queries: np.ndarray
    rows: Rows | None
    attacker_data: str | None = None


def evaluate(embedded: Embedded, settings: Settings) -> Iterator[dict[str, Any]]:
    """Rank, privacy, privacy index and top-1 of every target in every gallery, over the noise grid."""
    levels = settings.noise_relative if embedded.noisy else (0.0,)
    noise_std = np.array(levels) * embedded.rms
    todo = list(measurements(embedded, settings))
    name = f"privacy, {embedded.embedding.layer} {embedded.embedding.method}"
    with bar(name, len(todo)) as advance:
        for done, measurement in enumerate(todo):
            result = rank(
                embedded,
                measurement,
                noise_std,
                settings,
                lambda q, total, done=done: advance(done + q / total),
            )
            yield from _records(measurement, result, levels)
            advance(done + 1)


def measurements(embedded: Embedded, settings: Settings) -> Iterator[Measurement]:
    """What is measured: every gallery on the test split, and `leave_group_out` on the validation split if asked for.

    With whole subjects held out, their identity is in no other set: then it is measured in `self` and `leave_one_out`.
    """
    windows = embedded.task.windows

    def sample(split: int, most: int, among: np.ndarray | None = None) -> np.ndarray:
        index = embedded.index[split]
        among = np.arange(len(index)) if among is None else among
        strata = [windows.columns[name][index[among]] for name in ("identity", "activity")]
        return among[stratified(strata, most, settings.seed)]

    def pool(splits: tuple[int, ...]) -> Rows:
        sizes = {split: len(embedded.index[split]) for split in splits}
        share = settings.max_gallery / sum(sizes.values()) if settings.max_gallery else 0
        return [(split, sample(split, round(share * sizes[split]))) for split in splits]

    first, second = halves(
        *(windows.columns[name][embedded.index[TEST]] for name in ("recording", "start"))
    )
    for target in settings.sensitive:
        unknown_subjects = target == "identity" and windows.split_kind == "subject"
        for gallery in settings.galleries:
            if unknown_subjects and gallery not in ("self", "leave_one_out"):
                continue
            if gallery != "held_out":
                queries = sample(TEST, settings.max_queries)
                yield Measurement(
                    target, gallery, TEST, queries, _own_rows(target, gallery, TEST, pool)
                )
                continue
            for data in settings.attacker_data:
                queries = sample(TEST, settings.max_queries, second)
                yield Measurement(
                    target, gallery, TEST, queries, _held_out(data, pool, first), data
                )
        if "validation" in settings.splits and not unknown_subjects:
            queries = sample(VALIDATION, settings.max_queries)
            rows = _own_rows(target, "leave_group_out", VALIDATION, pool)
            yield Measurement(target, "leave_group_out", VALIDATION, queries, rows)


def rank(
    embedded: Embedded,
    measurement: Measurement,
    noise_std: np.ndarray,
    settings: Settings,
    on_progress=None,
) -> RankPrivacy:
    """Runs one measurement over the noise grid, with the draws that accuracy sees."""
    columns = embedded.task.windows.columns
    query_windows = embedded.index[measurement.split][measurement.queries]
    query_z = np.asarray(embedded.z[measurement.split])[measurement.queries]
    held: dict[str, Any] = {}
    classes = np.unique(columns[measurement.target][query_windows])
    if measurement.rows is not None:
        gallery_windows = np.concatenate(
            [embedded.index[split][at] for split, at in measurement.rows]
        )
        classes = np.unique(columns[measurement.target][gallery_windows])
        held = {
            "gallery_features": np.concatenate(
                [np.asarray(embedded.z[s])[at] for s, at in measurement.rows]
            ),
            "gallery_labels": np.searchsorted(
                classes, columns[measurement.target][gallery_windows]
            ),
        }
        if measurement.gallery != "held_out":
            group = _group(measurement.target)
            held |= (
                {
                    "groups": columns[group][query_windows],
                    "gallery_groups": columns[group][gallery_windows],
                }
                if measurement.gallery == "leave_group_out"
                else {
                    "recording": columns["recording"][query_windows],
                    "gallery_recording": columns["recording"][gallery_windows],
                    "start": columns["start"][query_windows],
                    "gallery_start": columns["start"][gallery_windows],
                    "window": embedded.task.windows.window,
                }
            )
    return rank_privacy(
        query_z,
        np.searchsorted(classes, columns[measurement.target][query_windows]),
        noise_std=noise_std,
        key=embedded.key,
        num_draws=settings.num_draws,
        index=query_windows,
        gallery=measurement.gallery,
        prior=settings.prior,
        ties=settings.ties,
        num_classes=len(classes),
        on_progress=on_progress,
        **held,
    )


def _group(target: str) -> str:
    # A subject has one test recording per activity, so its identity can only be guessed from other recordings;
    # what else there is to know of a subject is guessed from other subjects.
    return "recording" if target == "identity" else "identity"


def _own_rows(target: str, gallery: str, split: int, pool) -> Rows | None:
    if gallery == "self":
        return None
    return pool(
        (TRAIN, split) if gallery == "leave_group_out" and target == "identity" else (split,)
    )


def _held_out(data: str, pool, first: np.ndarray) -> Rows:
    unseen = [(TEST, first)]
    return {"network_train": lambda: pool((TRAIN,)), "unseen": lambda: unseen}.get(
        data, lambda: pool((TRAIN,)) + unseen
    )()


def _records(
    measurement: Measurement, result: RankPrivacy, levels: tuple[float, ...]
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
                "target": measurement.target,
                "split": SPLIT_NAMES[measurement.split],
                "gallery": measurement.gallery,
                "attacker_data": measurement.attacker_data,
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
