"""What the adversary learns of one sensitive variable, in sentences."""

from collections.abc import Iterable, Mapping

from hybrid_jax import attacked, paper, results
from hybrid_jax.report import leakage
from hybrid_jax.report.attacks import method_name
from hybrid_jax.report.markdown import percent
from hybrid_jax.report.page.phrases import UNPROTECTED, noise_words, protected, share


def by_attacks(records: list[Mapping], target: str) -> tuple[list[str], list[str]] | None:
    """Of each layer what the best attacker gets of the protected feature, beside what it gets of an unprotected one."""
    best = _plain(
        results.select(attacked.headline(records, target), metric=attacked.MEASURE, attacker="best")
    )
    if not best:
        return None
    strangers = _plain(
        attacked.measured(
            records, target, attacker="best", metric=attacked.MEASURE, gallery="leave_group_out", mode=None
        )
    )  # fmt: skip
    alone = _plain(
        results.select(
            attacked.headline(records, target), metric=f"{attacked.MEASURE}_prediction_floor"
        )
    )
    sessions = results.select(
        attacked.headline(records, target, "session"), metric=attacked.MEASURE
    )
    chance = next(iter(best.values()))["chance"]
    method = protected(m for _, m in best)
    findings = []
    for layer in results.distinct(best.values(), "layer"):
        r = best.get((layer, method))
        if r is None or r["value"] is None:
            continue
        text = (
            f"Of the {method_name(method)} embedding at {paper.layer_name(layer)}{noise_words(r)}, the best attacker"
            f" ({_who(r)}) names the {target} right in {share(r)};"
            f" chance is {percent(chance)} %."
        )
        if (layer, UNPROTECTED) in best and method != UNPROTECTED:
            text += f" Without protection ({UNPROTECTED}) it would be {share(best[layer, UNPROTECTED], short=True)}."
        if (layer, method) in alone:
            text += (
                " Who sees nothing but the service's own answer is right in"
                f" {share(alone[layer, method], short=True)}."
            )
        most = _most(sessions, layer, method)
        if most is not None:
            text += f" From {most['queries']} uploads of one person together: {share(most, short=True)}."
        if (layer, method) in strangers:
            text += (
                " If it has never met the people it asks about:"
                f" {share(strangers[layer, method], short=True)}."
            )
        findings.append(text)
    note = (
        "Right in so many percent is a mean over classes (balanced accuracy): each class counts alike, so that who"
        f" guesses, or always names one class, is right in {percent(chance)} %."
    )
    return [note], findings


def by_measure(records: list[Mapping], target: str, tolerance: float):
    """Without attackers: what the privacy measure's own adversary gets; None where that was not measured either."""
    found = leakage.beyond(records, target, tolerance)
    measured = {
        (layer, method): own
        for (layer, method, reduction), own in found.items()
        if reduction != "autoencoder" and own.get("privacy_index", {}).get("value") is not None
    }
    if not measured:
        return None
    method = protected(m for _, m in measured)
    findings = []
    for (layer, own_method), own in measured.items():
        if own_method != method:
            continue
        text = (
            f"Of the {method_name(method)} embedding at {paper.layer_name(layer)}{noise_words(own['privacy_index'])},"
            f" the privacy index is {own['privacy_index']['value']:.2f} (0: the adversary is certain, 1: it guesses)."
        )
        if guess := own.get("bayes_vulnerability"):
            text += f" Its first guess is right in {share(guess)}; chance is {percent(guess['chance'])} %."
        findings.append(text)
    note = (
        "No attacker was trained in this run. What follows is what one adversary makes of likelihoods, the privacy"
        " measure's own, who holds unseen data of the same people; another may do better."
    )
    return [note], findings


def _who(r: Mapping) -> str:
    """Which attacker was the best; over several seeds it may be another one in each."""
    winner = r["winner"] or "of those tried"
    return f"by seed {winner}" if "," in winner else winner


def _plain(records: Iterable[Mapping]) -> dict[tuple[str, str], Mapping]:
    """(layer, method) -> record, of what is not reduced by the autoencoder."""
    return {(r["layer"], r["method"]): r for r in records if r["reduction"] != "autoencoder"}


def _most(sessions: list[Mapping], layer: str, method: str) -> Mapping | None:
    own = [
        r
        for r in results.select(sessions, layer=layer, method=method)
        if r["reduction"] != "autoencoder"
    ]
    return max((r for r in own if r["queries"] > 1), key=lambda r: r["queries"], default=None)
