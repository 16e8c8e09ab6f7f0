"""The table of a sweep: every setting that was measured, and which of them the other tables show."""

from collections.abc import Iterable, Mapping
from typing import Any

from hybrid_jax import paper, results, selection, tradeoff
from hybrid_jax.report.markdown import cell_of, percent, table


def sweep_table(records: Iterable[Mapping], tolerance: float = 0.02) -> str:
    """Accuracy and privacy of each embedding at each setting, a row for each.

    Validation and test accuracy are those without noise, with their standard deviation over seeds; at the operating
    noise stand the accuracy and, a column for each target and held-out adversary, rank / K.

    Returns:
        a Markdown table; "" where each embedding was measured at one setting.
    """
    groups: dict[tuple, list] = {}
    for r in records:
        groups.setdefault(
            (r["layer"], r["method"], r["reduction"], *selection.setting(r)), []
        ).append(r)
    if len({key[:3] for key in groups}) == len(groups):
        return ""
    best = selection.best(r for own in groups.values() for r in own)
    layers, methods = (
        list(dict.fromkeys(key[0] for key in groups)),
        paper.in_order(key[1] for key in groups),
    )
    found = {key: _curves(own) for key, own in groups.items()}
    adversaries = list(dict.fromkeys(a for curves in found.values() for a in curves))
    rows = []

    def order(key: tuple) -> list:
        layer, method, reduction, *setting = key
        place = layers.index(layer), reduction == "autoencoder", methods.index(method)
        return [*place, *(v or 0 for v in setting)]

    for key in sorted(groups, key=order):
        own, curves = groups[key], found[key]
        validation, test = (accuracy_at(own, split, 0.0) for split in ("validation", "test"))
        noise = tradeoff.operating_points(own, tolerance).get(key[:3])
        row = [
            ("**→** " if best[key[:3]] == key[3:] else "") + paper.embedding_name(*key[:3]),
            *("–" if v is None else f"{v:g}" for v in key[3:]),
            str((test or validation or own[0])["n_seeds"] or 1),
            cell_of(validation),
            cell_of(test),
            "–" if noise is None else f"{noise:.3g}",
            cell_of(None if noise is None else accuracy_at(own, "test", noise)),
        ]
        rows.append([*row, *(_privacy(curves.get(a), noise) for a in adversaries)])
    header = [
        "Layer, method", "weight", "margin", "dimension", "seeds", "validation", "test", "σ / rms",
        "test at σ", *(f"{target}: {paper.adversary_name(*a)}" for target, *a in adversaries),
    ]  # fmt: skip
    return table(header, rows)


def _curves(own: list[Mapping]) -> dict[tuple, tradeoff.Curve]:
    """(target, gallery, attacker_data) -> the curve of one setting, for held-out adversaries."""
    return {
        (curve.about["target"], *curve.adversary): curve
        for curve in tradeoff.headline(own)
        if curve.about["gallery"] == "held_out" and curve.about["cloud"] == "original"
    }


def accuracy_at(own: Iterable[Mapping], split: str, noise: float) -> Mapping | None:
    """The record of one embedding's accuracy at a relative noise, by the cloud as it was trained."""
    wanted = {"evaluator": "accuracy", "metric": "accuracy", "cloud": "original", "split": split}
    return next(
        (r for r in results.select(own, **wanted) if _same(r["noise_relative"], noise)), None
    )


def _privacy(curve: tradeoff.Curve | None, noise: float | None) -> str:
    if curve is None or noise is None:
        return "–"
    at = _same(curve.noise_relative, noise)
    return percent(curve.privacy[at][0]) if at.any() else "–"


def _same(noise: Any, other: float) -> Any:
    return abs(noise - other) < 1e-9
