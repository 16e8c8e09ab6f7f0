"""The first page, in plain words: who the adversary is, what it gets, how sure that is, and what is not promised."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hybrid_jax import attacked, paper, results, tradeoff
from hybrid_jax.paper import method_words
from hybrid_jax.report.about import NOTHING, About
from hybrid_jax.report.markdown import percent
from hybrid_jax.report.page import learned, limits
from hybrid_jax.report.page.phrases import UNPROTECTED, listed, noise_words, protected, share
from hybrid_jax.report.parts import unplanned_targets
from hybrid_jax.report.sweep import accuracy_at

# What is behind the names that attackers' data have on the page, each with the right answers.
HELD = {
    "unseen": "recordings or images of the same people, other than those asked about",
    "network_train": "what the network was trained on",
    "both": "what the network was trained on, and recordings or images of the same people other than those asked about",
}


@dataclass(frozen=True)
class Chapter:
    """Some paragraphs under a heading, and findings as a list.

    Attributes:
        heading: of the chapter.
        paragraphs: plain text.
        findings: plain text, a sentence or more each.
    """

    heading: str
    paragraphs: list[str]
    findings: list[str]


def chapters(records: Iterable[Mapping], seeds: str, about: About = NOTHING) -> list[Chapter]:
    """The chapters of the first page, filled with what was measured.

    Args:
        records: of one run or collected, those that are shown.
        seeds: which they are of, in words.
        about: what the records do not tell.
    """
    records = list(records)
    measured = _measured(records)
    targets = list(
        dict.fromkeys([*attacked.targets(records), *results.distinct(measured, "target")])
    )
    unplanned = unplanned_targets(measured, about.sensitive)
    primary = about.primary or listed(
        results.distinct(results.select(records, evaluator="accuracy"), "target")
    )
    found = [_uploaded(records, targets, unplanned, primary)]
    if targets:
        found.append(_adversary(records))
    for target in targets:
        told = learned.by_attacks(records, target) or learned.by_measure(
            records, target, about.tolerance
        )
        if told:
            found.append(Chapter(f"What it learns of {target}", *told))
    found += [_cost(records, about.tolerance), Chapter(*limits.sure(records, targets, seeds))]
    found.append(Chapter(*limits.not_promised(records, targets, about.clip_norm, primary)))
    return found


def _measured(records: list[Mapping]) -> list[Mapping]:
    """Of privacy; without those of which sample a feature is of, which is no variable of a person."""
    own = results.select(records, evaluator="privacy", split="test")
    return [r for r in own if r["mode"] != "instance"]


def _uploaded(
    records: list[Mapping], targets: list[str], unplanned: list[str], primary: str
) -> Chapter:
    layers = ", ".join(map(paper.layer_name, results.distinct(records, "layer")))
    paragraphs = [
        "A phone runs the first layers of a neural network and uploads only what comes out of them, some numbers called"
        " the feature. The cloud runs the rest and answers the question that the service is for"
        f"{f' ({primary})' if primary else ''}. Raw recordings or images stay on the phone. The network was cut at:"
        f" {layers or 'nothing that was measured'}.",
    ]
    if planned := [target for target in targets if target not in unplanned]:
        paragraphs.append(
            f"The feature should say as little as possible about {listed(planned)}. This page says how little that"
            " is, in numbers that were measured."
        )
    if unplanned:
        paragraphs.append(
            f"Nobody planned for {listed(unplanned)}; what the feature says was measured all the same."
        )
    if not targets:
        known = bool(results.select(records, evaluator="accuracy"))
        paragraphs.append(
            f"This run measured {'how often the service is right. It measured ' * known}nothing of what an adversary"
            " gets: no statement on privacy can be drawn from it."
        )
    return Chapter("What is uploaded", paragraphs, [])


def _adversary(records: list[Mapping]) -> Chapter:
    text = (
        "The adversary reads every upload: it may be the cloud itself, or whoever broke into it. It knows the network,"
        " how features are made smaller, and how much noise is added; only the noise that was drawn is unknown to it."
    )
    tried: dict[tuple, list[str]] = {}
    for target in attacked.targets(records):
        held = attacked.measured(records, target, gallery="held_out")
        data = tuple(name for name in HELD if name in results.distinct(held, "attacker_data"))
        tried.setdefault(data, []).append(target)
    for data, targets in tried.items():
        if data:
            names = (f"{paper.adversary_name('held_out', name)} ({HELD[name]})" for name in data)
            text += f" To learn {listed(targets)} it holds {listed(names, 'or')}, with the right answers."
    if any(tried):
        text += (
            " That is more than most would have: a weaker adversary gets less, one with more or"
            " better data may get more."
        )
    return Chapter("Who the adversary is", [text], [])


def _cost(records: list[Mapping], tolerance: float) -> Chapter:
    """How often the service is right with and without protection."""
    measured = results.select(records, evaluator="accuracy")
    own = [r for r in measured if r["reduction"] != "autoencoder"]
    operating = tradeoff.operating_points(own, tolerance)
    method = protected(r["method"] for r in own) if own else UNPROTECTED
    findings = []
    for layer in results.distinct(own, "layer"):
        mine = results.select(own, layer=layer, method=method)
        noise = operating.get((layer, method, mine[0]["reduction"]), 0.0) if mine else 0.0
        with_, without = (
            accuracy_at(some, "test", at)
            for some, at in (
                (mine, noise),
                (results.select(own, layer=layer, method=UNPROTECTED), 0.0),
            )
        )
        if with_ is None:
            continue
        text = (
            f"{paper.layer_name(layer)}: with the {method_words(method)} embedding{noise_words(with_)} the"
            f" {with_['target']} is named right in {share(with_)}"
        )
        if without is not None and method != UNPROTECTED:
            text += f"; without protection in {share(without, short=True)}"
        findings.append(
            f"{text}. Always naming the most frequent class is right in {percent(with_['chance'])} %."
        )
    unknown = (
        "Accuracy was not measured in this run: how often the service is right, and so what protection costs, is not"
        " known."
    )
    return Chapter("What protection costs", [] if findings else [unknown], findings)
