"""Which records of attacks are shown: those of one holding, without what is there twice."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hybrid_jax import results
from hybrid_jax.tradeoff import NOISY

# What attackers of the main table hold: the first of these that was tried.
HEADLINE = ("unseen", "both", "network_train")
MEASURE = "balanced_accuracy"
Name = tuple[str, str, str]  # layer, method, reduction


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
    """Records of attacks, without those of noisy methods at no noise where there are some at their operating noise.

    On the test set there are no others, so this needs no accuracies; over seeds, each with an operating noise of its
    own, `noise_relative` is their mean and no point of the grid.
    """
    records = list(records)
    with_noise = {embedding_of(r) for r in records if r["noise_relative"]}
    return [
        r
        for r in records
        if r["noise_relative"] or r["method"] not in NOISY or embedding_of(r) not in with_noise
    ]


def embedding_of(r: Mapping) -> Name:
    """What was attacked."""
    return r["layer"], r["method"], r["reduction"]


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


def combined(records: list[Mapping], target: str) -> list[tuple[str, str, list[Mapping]]]:
    """(layer, method, records by number of samples) of the two methods that are compared."""
    own = [
        r
        for r in headline(records, target, "session")
        if r["metric"] == MEASURE and r["reduction"] != "autoencoder"
    ]
    lines: dict[tuple[str, str], list[Mapping]] = {}
    for r in sorted(own, key=lambda r: r["queries"]):
        if r["method"] in ("advanced", "simple"):
            lines.setdefault((r["layer"], r["method"]), []).append(r)
    return [(*name, rows) for name, rows in lines.items()]


def limit(records: Iterable[Mapping]) -> int:
    """The usual limit on windows; 0, for none, only where there is no other."""
    return max(results.distinct(records, "max_windows"), default=0)


def strongest(records: Iterable[Mapping], target: str) -> dict[Name, Mapping]:
    """The best attack of each embedding, whatever data of the people who are asked about the attacker holds."""
    about = {"gallery": "held_out", "metric": MEASURE, "mode": None}
    return largest(measured(records, target, attacker="best", **about))


def largest(records: Iterable[Mapping]) -> dict[Name, Mapping]:
    """Of each embedding the record of the largest value; one whose value is not known is none."""
    found: dict[Name, Mapping] = {}
    for r in (r for r in records if r["value"] is not None):
        name = embedding_of(r)
        if name not in found or r["value"] > found[name]["value"]:
            found[name] = r
    return found


def bounds(records: Iterable[Mapping], target: str) -> dict[tuple, Mapping]:
    """The bound of each embedding at each noise: it holds for every attacker, whatever that one holds."""
    found = measured(records, target, metric="bayes_bound")
    return {(*embedding_of(r), r["noise_relative"]): r for r in found}


def flagged(records: Iterable[Mapping], target: str) -> list[Mapping]:
    """The attacks on single uploads, of whatever data, whose whole interval lies above the bound."""
    records = list(records)
    known = bounds(records, target)
    tried = measured(records, target, mode=None, metric=MEASURE)
    return [r for r in tried if r["attacker"] not in (None, "best") and is_above(r, known)]


def is_above(r: Mapping | None, known: Mapping[tuple, Mapping]) -> bool:
    """Whether the whole interval of an attack lies above its bound, of `bounds`, as far as both are known."""
    if r is None or r["ci_low"] is None:
        return False
    bound = known.get((*embedding_of(r), r["noise_relative"]))
    if bound is None or bound["value"] is None:
        return False
    return r["ci_low"] > bound["value"]
