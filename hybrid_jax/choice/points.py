"""The operating points of a work folder: every embedding at every noise, and what is known of each."""

from collections.abc import Iterable, Mapping
from typing import Any

from hybrid_jax import attacked, results
from hybrid_jax.tradeoff import EMBEDDING, NOISY

POINT = (*EMBEDDING, "noise_relative")
SPLITS = ("validation", "test")
DEVICE = {"median_ms": "ms", "mean_ms": "ms", "uplink_bytes": "uplink_bytes"}


def targets(records: Iterable[Mapping]) -> list[str]:
    """The variables whose privacy, or attack, was measured on validation."""
    measured = results.select(records, evaluator=("privacy", "attack"), split="validation")
    return results.distinct(measured, "target")


def points(records: Iterable[Mapping], target: str | None) -> list[dict[str, Any]]:
    """Every point whose accuracy is known on validation.

    Args:
        records: of a run, or collected.
        target: the sensitive variable.

    Returns:
        Of each the fields of `POINT`, `noise_std`, and by names of `criteria.CRITERIA` what was measured on
        `validation` and on `test`. Privacy is that of the gallery that validation has; of several attackers, the best.
        A device's time and uplink are those of `simple` or `reduced` of the layer (weights and noise change neither);
        of several devices the slowest's.
    """
    records = list(records)
    found: dict[tuple, dict[str, Any]] = {}
    of_target = results.select(records, target=target, queries=1)
    private = results.select(of_target, evaluator="privacy", metric="privacy_index")
    on_validation = results.select(private, split="validation")
    galleries = tuple(results.distinct(on_validation, "gallery"))
    tried = results.select(of_target, evaluator="attack", metric=attacked.MEASURE, attacker="best")
    accuracies = results.select(records, evaluator="accuracy", metric="accuracy", cloud="original")
    for name, measured, worst in (
        ("accuracy", accuracies, min),
        ("privacy_index", results.select(private, gallery=galleries), min),
        ("attack", results.select(tried, gallery="held_out"), max),
    ):
        for r in results.select(measured, split=SPLITS):
            key = tuple(r[field] for field in POINT)
            about = dict(zip(POINT, key, strict=True)) | {"noise_std": r["noise_std"]}
            point = found.setdefault(key, about | {split: {} for split in SPLITS})
            if r["value"] is not None:
                own = point[r["split"]]
                own[name] = worst(own.get(name, r["value"]), r["value"])
    on_device = _on_device(records)
    for point in found.values():
        file = "simple" if point["reduction"] == "none" else "reduced"
        point["validation"] |= on_device.get((file, point["layer"], point["reduction"]), {})
    # A noisy method without noise is another one's point.
    return [
        point
        for point in found.values()
        if "accuracy" in point["validation"]
        and (point["noise_relative"] or point["method"] not in NOISY)
    ]


def _on_device(records: Iterable[Mapping]) -> dict[tuple, dict[str, float]]:
    found: dict[tuple, dict[str, float]] = {}
    for r in results.select(records, evaluator=results.DEVICE, metric=tuple(DEVICE)):
        if r["value"] is not None:
            own = found.setdefault((r["method"], r["layer"], r["reduction"]), {})
            name = DEVICE[r["metric"]]
            own[name] = max(own.get(name, 0.0), r["value"])
    return found
