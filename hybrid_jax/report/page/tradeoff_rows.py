"""The points of trade-off curves as rows, and the straight lines that stand beside them."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from hybrid_jax import paper, results, tradeoff

# How the reader may have privacy: name, field, title of the axis.
AXES = {
    "privacy": ("privacy", "{target} privacy: mean rank / K"),
    "index": ("privacy_index", "{target} privacy index (0 certainty, 1 chance)"),
}
CLOUDS = {"original": "as trained", "retrained": "re-trained"}


def rows(curve: tradeoff.Curve, operating: float | None, seeds: str) -> list[dict[str, Any]]:
    """A row for each noise of a curve; what is not known is None."""
    least = 1 / curve.about["classes"]
    columns = {
        "noise_relative": curve.noise_relative,
        "noise_std": curve.noise_std,
        "accuracy": curve.accuracy,
        "accuracy_error": curve.accuracy_error,
        "privacy": curve.privacy,
        "privacy_error": curve.privacy_error,
        "privacy_low": curve.privacy_interval[0],
        "privacy_high": curve.privacy_interval[1],
        "privacy_index": curve.privacy_index,
        # A linear function of rank / K, so errors and intervals follow it.
        "index_error": curve.privacy_error / (curve.chance - least),
        "index_low": (curve.privacy_interval[0] - least) / (curve.chance - least),
        "index_high": (curve.privacy_interval[1] - least) / (curve.chance - least),
    }
    about = {
        "method": paper.method_name(curve.about["method"]),
        "cloud": CLOUDS.get(curve.about["cloud"], curve.about["cloud"]),
    }
    found = []
    for values in zip(*(column.tolist() for column in columns.values()), strict=True):
        point = {n: v if np.isfinite(v) else None for n, v in zip(columns, values, strict=True)}
        at = operating is not None and bool(np.isclose(point["noise_relative"] or 0.0, operating))
        found.append({**about, **point, "operating": "yes" if at else "", "seeds": seeds})
    return found


def lines(curve: tradeoff.Curve, floors: Iterable[Mapping]) -> list[dict[str, Any]]:
    """Where chance is, and what the true primary label alone leaves of privacy, on each of `AXES`.

    Args:
        curve: whose adversary it is.
        floors: records of `privacy_label_floor` and `privacy_index_label_floor`.
    """
    names = ("layer", "split", *tradeoff.ADVERSARY)
    about = {name: curve.about[name] for name in names}
    own = {r["metric"]: r["value"] for r in reversed(results.select(floors, **about))}
    floor = {field: own.get(f"{field}_label_floor") for field, _ in AXES.values()}
    found = [{"name": "chance", "privacy": curve.chance, "privacy_index": 1.0}]
    if None not in floor.values():
        found.append({"name": "the true primary label alone", **floor})
    return found
