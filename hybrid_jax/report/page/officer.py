"""The first page, in plain words: who the adversary is, what it gets, how sure that is, and what is not promised."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hybrid_jax import attacked, paper, results, tradeoff
from hybrid_jax.report.about import NOTHING, About
from hybrid_jax.report.attacks import method_name
from hybrid_jax.report.markdown import percent
from hybrid_jax.report.page import learned, limits
from hybrid_jax.report.page.phrases import UNPROTECTED, noise_words, protected, share
from hybrid_jax.report.sweep import accuracy_at

HELD = {
    "unseen": "recordings or images of the same people, other than those asked about, each with the right answer",
    "network_train": "the data that the network was trained on, each with the right answer",
    "both": "the network's training data and other recordings or images of the same people, with the right answers",
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
    targets = list(dict.fromkeys([*attacked.targets(records), *_measured(records)]))
    found: list[Chapter | None] = [_uploaded(records, targets)]
    if targets:
        found.append(_adversary(records))
    for target in targets:
        told = learned.by_attacks(records, target) or learned.by_measure(
            records, target, about.tolerance
        )
        if told:
            found.append(Chapter(f"What it learns of {target}", *told))
    found += [_cost(records, about.tolerance), Chapter(*limits.sure(records, targets, seeds))]
    found.append(Chapter(*limits.not_promised(records, targets, about.clip_norm)))
    return [chapter for chapter in found if chapter]


def _measured(records: list[Mapping]) -> list[str]:
    return results.distinct(results.select(records, evaluator="privacy", split="test"), "target")


def _uploaded(records: list[Mapping], targets: list[str]) -> Chapter:
    tasks = results.distinct(results.select(records, evaluator="accuracy"), "target")
    task = f" ({', '.join(tasks)})" if tasks else ""
    layers = ", ".join(map(paper.layer_name, results.distinct(records, "layer")))
    paragraphs = [
        "A phone runs the first layers of a neural network and uploads only what comes out of them, some numbers called"
        f" the feature. The cloud runs the rest and answers the question that the service is for{task}. Raw recordings"
        f" or images stay on the phone. The network was cut at: {layers or 'nothing that was measured'}.",
    ]
    if targets:
        paragraphs.append(
            f"The feature should say as little as possible about: {', '.join(targets)}. This page says how little that"
            " is, in numbers that were measured in this very run."
        )
    else:
        paragraphs.append(
            "This run measured how often the service is right. It measured nothing of what an adversary gets: no"
            " statement on privacy can be drawn from it."
        )
    return Chapter("What is uploaded", paragraphs, [])


def _adversary(records: list[Mapping]) -> Chapter:
    holds = []
    for target in attacked.targets(records):
        data = attacked.shown_data(records, target)
        holds.append(f"to learn {target}, it holds {HELD.get(data or '', data)}")
    text = (
        "The adversary reads every upload: it may be the cloud itself, or whoever broke into it. It knows the network,"
        " how features are made smaller, and how much noise is added; only the noise that was drawn is unknown to it."
    )
    if holds:
        text += f" And {'; '.join(holds)}."
        text += (
            " That is more than most would have: a weaker adversary gets less, one with more or"
            " better data may get more."
        )
    return Chapter("Who the adversary is", [text], [])


def _cost(records: list[Mapping], tolerance: float) -> Chapter | None:
    """How often the service is right with and without protection."""
    own = [
        r for r in results.select(records, evaluator="accuracy") if r["reduction"] != "autoencoder"
    ]
    if not own:
        return None
    operating, method = (
        tradeoff.operating_points(own, tolerance),
        protected(r["method"] for r in own),
    )
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
            f"{paper.layer_name(layer)}: with the {method_name(method)} embedding{noise_words(with_)} the"
            f" {with_['target']} is named right in {share(with_)}"
        )
        if without is not None and method != UNPROTECTED:
            text += f"; without protection in {share(without)}"
        findings.append(
            f"{text}. Always naming the most frequent class is right in {percent(with_['chance'])} %."
        )
    return Chapter("What protection costs", [], findings) if findings else None
