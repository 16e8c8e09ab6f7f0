"""Tables of the trade-off: at the operating noise, at equal privacy, and over the whole range."""

from collections.abc import Iterable, Mapping

import numpy as np

from hybrid_jax import paper, results, tradeoff
from hybrid_jax.report.markdown import percent, table

# Levels of the privacy index at which methods are compared: 0 is no privacy, 1 chance.
LEVELS = (0.2, 0.4, 0.6, 0.8, 0.9)


def operating_table(records: Iterable[Mapping], target: str, tolerance: float = 0.02) -> str:
    """Accuracy and privacy of every noisy method without noise and at its operating noise.

    A cell is "noise-free → at the operating noise", in percent; privacy is rank / K, a column for
    each thing that the adversary may hold, chance in the last row.
    """
    records = list(records)
    operating = tradeoff.operating_points(records, tolerance)
    curves = [c for c in tradeoff.headline(records) if c.about["target"] == target]
    adversaries = _distinct(c.adversary for c in curves)
    rows = []
    for name in _by_layer(curves):
        own = {(c.adversary, c.about["cloud"]): c for c in curves if c.name == name}
        first = next(iter(own.values()))
        at = _index(first, operating.get(name))
        if at is None:
            continue
        noise = first.noise_std[at]
        row = [
            paper.embedding_name(*name),
            f"{first.noise_relative[at]:.3g}",
            f"{noise:.3g}",
            f"{noise**2:.3g}",
        ]
        for cloud in ("original", "retrained"):
            curve = next((c for c in own.values() if c.about["cloud"] == cloud), None)
            row.append(_from_to(curve, "accuracy", operating[name]))
        row += [_from_to(own.get((a, "original")), "privacy", operating[name]) for a in adversaries]
        rows.append(row)
    if not rows:
        return ""
    chance = [next(c.chance for c in curves if c.adversary == a) for a in adversaries]
    rows.append(["Chance", *[""] * 5, *(percent(c) for c in chance)])
    held = [f"privacy: {paper.adversary_name(*a)}" for a in adversaries]
    head = ["Layer, method", "σ / rms", "σ", "σ²", "accuracy", "accuracy, cloud re-trained"]
    return table([*head, *held], rows)


def equal_privacy_table(records: Iterable[Mapping], target: str) -> str:
    """Accuracy of advanced minus noisy_reduced where both have the same privacy, interpolated.

    A cell is "difference (advanced / noisy_reduced)" in points and percent; a dash where a curve
    does not reach that privacy. The last column is read in the middle of what both reach, and says
    where that is. One row for each layer, held-out adversary and cloud.
    """
    pairs = [p for p in _pairs(records, target) if p[0].about["gallery"] == "held_out"]
    if not pairs:
        return ""
    chance, least = pairs[0][0].chance, 1 / pairs[0][0].about["classes"]
    levels = least + np.array(LEVELS) * (chance - least)
    rows = []
    for advanced, other in pairs:
        middle = _middle(advanced, other)
        cells = [
            _difference(advanced.accuracy_at(level), other.accuracy_at(level), percent)
            for level in (*levels, middle)
        ]
        if np.isfinite(middle):
            cells[-1] += f" at {percent(middle)} %"
        rows.append([_place(advanced), *cells])
    header = [
        "Layer, gallery, cloud",
        *(f"at {percent(level)} %" for level in levels),
        "in the middle",
    ]
    return table(header, rows)


def area_table(records: Iterable[Mapping], target: str) -> str:
    """Area under accuracy against privacy_index, advanced minus noisy_reduced.

    A cell is "difference (advanced / noisy_reduced)"; a dash where the curves have no common
    range. One row for each layer and cloud, a column for each thing the adversary may hold.
    """
    areas = results.select(records, metric="tradeoff_area", target=target, split="test")
    keys = ("layer", "reduction", "cloud", "gallery", "attacker_data", "method")
    value = {tuple(r[k] for k in keys): r["value"] for r in areas}
    compared = any(r["method"] == "noisy_reduced" for r in areas)
    pairs = [r for r in areas if compared and r["method"] == "advanced"]
    adversaries = _distinct((r["gallery"], r["attacker_data"]) for r in pairs)
    rows = []
    for layer, reduction, cloud in _distinct(tuple(r[k] for k in keys[:3]) for r in pairs):
        cells = [
            _difference(
                value.get((layer, reduction, cloud, *a, "advanced")),
                value.get((layer, reduction, cloud, *a, "noisy_reduced")),
                lambda v, sign="": "–" if v is None else f"{v:{sign}z.3f}",
            )
            for a in adversaries
        ]
        rows.append([_words(layer, reduction, cloud), *cells])
    header = ["Layer, cloud", *(paper.adversary_name(*a) for a in adversaries)]
    return table(header, rows) if rows else ""


def targets(records: Iterable[Mapping]) -> list[str]:
    """The sensitive variables whose trade-off was measured."""
    return _distinct(c.about["target"] for c in tradeoff.headline(records))


def verdict(records: Iterable[Mapping]) -> list[str]:
    """A line for each layer: advanced against noisy_reduced for the first target, held out.

    At the privacy in the middle of what both reach; a layer where they reach nothing in common has no line.
    """
    records = list(records)
    lines = []
    for target in targets(records)[:1]:
        for advanced, other in _pairs(records, target):
            about = advanced.about
            if (about["gallery"], about["cloud"]) != ("held_out", "original"):
                continue
            if about["reduction"] == "autoencoder":
                continue
            level = _middle(advanced, other)
            gain = advanced.accuracy_at(level) - other.accuracy_at(level)
            if np.isfinite(gain):
                lines.append(
                    f"{_place(advanced)}: advanced − noisy reduced {percent(gain, sign='+')}"
                    f" points of accuracy at {target} privacy {percent(level)} % (chance"
                    f" {percent(advanced.chance)})"
                )
    return lines


def _middle(*curves: tradeoff.Curve) -> float:
    """The privacy in the middle of what all reach; nan where they reach nothing in common."""
    low, high = max(c.privacy.min() for c in curves), min(c.privacy.max() for c in curves)
    return (low + high) / 2 if low < high else float("nan")


def _pairs(records, target) -> list[tuple[tradeoff.Curve, tradeoff.Curve]]:
    """(advanced, noisy_reduced) of the same layer, reduction, adversary and cloud."""
    curves = [c for c in tradeoff.headline(records) if c.about["target"] == target]
    keys = {
        (
            c.about["method"],
            c.about["layer"],
            c.about["reduction"],
            c.about["cloud"],
            c.adversary,
        ): c
        for c in curves
    }
    return [
        (c, keys["noisy_reduced", *rest])
        for (method, *rest), c in keys.items()
        if method == "advanced" and ("noisy_reduced", *rest) in keys
    ]


def _by_layer(curves) -> list[tuple[str, str, str]]:
    """The names of the curves, layer by layer."""
    layers = _distinct(c.about["layer"] for c in curves)
    return sorted(_distinct(c.name for c in curves), key=lambda name: layers.index(name[0]))


def _difference(ours, theirs, form) -> str:
    if ours is None or theirs is None or not np.isfinite(ours - theirs):
        return "–"
    return f"{form(ours - theirs, sign='+')} ({form(ours)} / {form(theirs)})"


def _from_to(curve, field, noise) -> str:
    at = None if curve is None else _index(curve, noise)
    if at is None:
        return "–"
    values = getattr(curve, field)
    return f"{percent(values[0])} → {percent(values[at])}"


def _index(curve, noise) -> int | None:
    near = np.flatnonzero(np.isclose(curve.noise_relative, np.nan if noise is None else noise))
    return int(near[0]) if near.size else None


def _place(curve) -> str:
    layer, _, reduction = curve.name
    return _words(layer, reduction, curve.about["cloud"], paper.adversary_name(*curve.adversary))


def _words(layer, reduction, cloud, *more) -> str:
    words = [paper.layer_name(layer) + (" (autoencoder)" if reduction == "autoencoder" else "")]
    return ", ".join([*words, *more, *(["re-trained"] if cloud == "retrained" else [])])


def _distinct(values) -> list:
    return list(dict.fromkeys(values))
