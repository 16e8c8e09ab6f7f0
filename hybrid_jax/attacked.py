"""Which records of attacks are shown: those of one holding, without what is there twice."""

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hybrid_jax import results
from hybrid_jax.tradeoff import NOISY

# What attackers of the main table hold: the first of these that was tried.
HEADLINE = ("unseen", "both", "network_train")
MEASURE = "balanced_accuracy"


def targets(records: Iterable[Mapping]) -> list[str]:
    """The variables that attackers were after."""
    return results.distinct(results.select(records, evaluator="attack", split="test"), "target")


def for_each_target(records: Iterable[Mapping], find: Callable[..., Any]) -> dict[str, Any]:
    """What `find(records, target)` gives for each of `targets`, without those for which it gives nothing."""
    records = list(records)
    found = {target: find(records, target) for target in targets(records)}
    return {target: what for target, what in found.items() if what}


def shown_data(records: Iterable[Mapping], target: str) -> str | None:
    """What attackers of the main table hold."""
    tried = results.distinct(measured(records, target, gallery="held_out"), "attacker_data")
    return next((data for data in HEADLINE if data in tried), None)


def at_operating_noise(records: Iterable[Mapping]) -> list[Mapping]:
    """Records of attacks but those of noisy methods without noise, which are those of the method they add it to."""
    return [r for r in records if r["method"] not in NOISY or r["noise_relative"]]


def measured(records: Iterable[Mapping], target: str, **conditions) -> list[Mapping]:
    """Records of attacks on the test set, after `target`, that meet `conditions` (`results.select`)."""
    found = results.select(records, evaluator="attack", target=target, split="test", **conditions)
    return at_operating_noise(found)


def headline(records: Iterable[Mapping], target: str, mode: str | None = None) -> list[Mapping]:
    """Records of the main table: one kind of data, and attackers fitted on the usual number of windows."""
    data = shown_data(records, target)
    own = measured(records, target, gallery="held_out", attacker_data=data, mode=mode)
    usual = limit(own)
    return [r for r in own if r["max_windows"] == usual]


def limit(records: Iterable[Mapping]) -> int:
    """The usual limit on windows; 0, for none, only where there is no other."""
    return max(results.distinct(records, "max_windows"), default=0)


def flagged(records: Iterable[Mapping], target: str) -> list[Mapping]:
    """The attacks whose whole interval lies above the bound of the same embedding, noise and holding."""
    same = operator.itemgetter(
        "layer", "method", "reduction", "noise_relative", "attacker_data", "max_windows"
    )
    attacks = measured(records, target, mode=None, gallery="held_out")
    bounds = {same(r): r for r in attacks if r["metric"] == "bayes_bound"}
    tried = [r for r in attacks if r["metric"] == MEASURE and r["attacker"] not in (None, "best")]
    return [r for r in tried if is_above(r, bounds.get(same(r)))]


def is_above(r: Mapping | None, bound: Mapping | None) -> bool:
    """Whether the whole interval of an attack lies above the bound."""
    if r is None or bound is None or r["ci_low"] is None:
        return False
    return r["ci_low"] > bound["value"]
