"""What a point may be asked for, and which of several is better."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

Values = Mapping[str, float]  # by the names of CRITERIA, those that are known


@dataclass(frozen=True)
class Criterion:
    """One thing that a point is asked for.

    Attributes:
        flag: of launch.py that bounds it.
        larger: whether more of it is better.
        measured: by what, where it is not.
    """

    flag: str
    larger: bool
    measured: str


CRITERIA = {
    "accuracy": Criterion("min_accuracy", True, "name 'accuracy' in config.evaluators"),
    "attack": Criterion("max_attack", False, "name attackers in config.attack.on_validation"),
    "privacy_index": Criterion(
        "min_privacy_index", True, "name 'validation' in config.privacy.splits"
    ),
    "ms": Criterion("max_ms", False, "run python -m export.benchmark"),
    "uplink_bytes": Criterion("max_uplink_bytes", False, "run python -m export.benchmark"),
}


def meets(of: Values, bounds: Values) -> bool:
    """Whether values are within all bounds; one that is not known is within none.

    >>> meets({"accuracy": 0.9, "attack": 0.6}, {"accuracy": 0.85, "attack": 0.7})
    True
    >>> meets({"accuracy": 0.9}, {"attack": 0.7})
    False
    """
    return all(name in of and _cost(of, name) <= _cost(bounds, name) for name in bounds)


def worth(of: Values, *, private: bool) -> tuple[float, ...]:
    """What the chosen point has most of: by the attack, then the privacy index; before or after accuracy."""
    privacy = (-_cost(of, "attack"), -_cost(of, "privacy_index"))
    accuracy = (-_cost(of, "accuracy"),)
    return privacy + accuracy if private else accuracy + privacy


def front(points: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The points that no other beats: none is as good by every criterion, on validation, and better by one."""
    points = list(points)
    names = [name for name in CRITERIA if any(name in p["validation"] for p in points)]
    costs = [tuple(_cost(p["validation"], name) for name in names) for p in points]

    def beaten(own: tuple) -> bool:
        return any(o != own and all(a <= b for a, b in zip(o, own, strict=True)) for o in costs)

    return [p for p, own in zip(points, costs, strict=True) if not beaten(own)]


def unmet(points: Iterable[Mapping[str, Any]], bounds: Values) -> str:
    """Bounds that no point meets, each with the best there is of it alone, in words.

    >>> unmet([{"validation": {"accuracy": 0.9}}, {"validation": {"accuracy": 0.8}}], {"accuracy": 0.95})
    'no point meets --min_accuracy=0.95 (the best is 0.9): ask for less'
    >>> unmet([{"validation": {}}], {"ms": 2.0})
    'no point meets --max_ms=2 (not measured on validation: run python -m export.benchmark)'
    """
    points, told, remedy = list(points), [], ": ask for less"
    for name, bound in bounds.items():
        known = [p["validation"] for p in points if name in p["validation"]]
        best = min(known, key=partial(_cost, name=name), default=None)
        if best is None:
            there, remedy = f"not measured on validation: {CRITERIA[name].measured}", ""
        else:
            there = f"the best is {best[name]:.4g}"
        told.append(f"--{CRITERIA[name].flag}={bound:g} ({there})")
    return f"no point meets {' and '.join(told)}{remedy}"


def _cost(of: Values, name: str) -> float:
    if name not in of:
        return math.inf
    return -of[name] if CRITERIA[name].larger else of[name]
