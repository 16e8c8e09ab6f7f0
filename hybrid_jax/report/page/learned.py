"""What the adversary learns of one sensitive variable, in sentences."""

from collections.abc import Iterable, Mapping

from hybrid_jax import attacked, paper, results
from hybrid_jax.attacked import MEASURE
from hybrid_jax.paper import method_words
from hybrid_jax.report import leakage
from hybrid_jax.report.markdown import percent
from hybrid_jax.report.page.phrases import UNPROTECTED, listed, noise_words, protected, share

Told = tuple[list[str], list[str]]  # paragraphs, findings


def by_attacks(records: list[Mapping], target: str) -> Told | None:
    """Of each layer what the strongest attacker gets of the protected feature, whatever data it holds.

    Beside it what it gets of an unprotected one, of several uploads, and of people whom it never met.

    Args:
        records: those that are shown.
        target: the sensitive variable.

    Returns:
        None where no attacker was after it.
    """
    best = _plain(attacked.strongest(records, target).values())
    if not best:
        return None
    chance = next(iter(best.values()))["chance"]
    method = protected(m for _, m in best)
    findings = []
    for layer in results.distinct(best.values(), "layer"):
        r = best.get((layer, method))
        if r is None:
            continue
        text = (
            f"Of the {method_words(method)} embedding at {paper.layer_name(layer)}{noise_words(r)}, the strongest"
            f" attacker that was measured ({_who(r)}, who holds {_held(r)}) names the {target} right in {share(r)};"
            f" chance is {percent(chance)} %."
        )
        if (layer, UNPROTECTED) in best and method != UNPROTECTED:
            text += (
                f" Without protection ({UNPROTECTED}) the strongest is right in"
                f" {share(best[layer, UNPROTECTED], short=True)}."
            )
        own = [
            other
            for other in attacked.measured(records, target, layer=layer, method=method)
            if other["reduction"] != "autoencoder"
        ]
        findings.append(text + _of_the_answer(own, r) + _of_sessions(own) + _of_strangers(own))
    note = (
        "Right in so many percent is a mean over classes (balanced accuracy): each class counts alike, so that who"
        f" guesses, or always names one class, is right in {percent(chance)} %."
    )
    return [note], findings


def by_measure(records: list[Mapping], target: str, tolerance: float) -> Told | None:
    """Without attackers: of each layer what the privacy measure's own adversary gets of the protected feature.

    Args:
        records: those that are shown.
        target: the sensitive variable.
        tolerance: accuracy, a share, that the operating noise may cost.

    Returns:
        None where that was not measured either.
    """
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
            f"Of the {method_words(method)} embedding at {paper.layer_name(layer)}{noise_words(own['privacy_index'])},"
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


def _of_the_answer(own: list[Mapping], r: Mapping) -> str:
    """What the service's prediction alone tells the attacker of `r`."""
    same = {name: r[name] for name in ("gallery", "attacker_data", "max_windows", "mode")}
    alone = results.select(own, metric=f"{MEASURE}_prediction_floor", **same)
    if not alone:
        return ""
    return (
        f" Who sees nothing but the service's own answer is right in {share(alone[0], short=True)}."
    )


def _of_sessions(own: list[Mapping]) -> str:
    """The most that was got of several uploads, whatever their number and the attacker's data."""
    sessions = results.select(own, gallery="held_out", mode="session", metric=MEASURE)
    most = _most(r for r in sessions if r["queries"] > 1)
    if most is None:
        return ""
    return (
        f" From {most['queries']} uploads of one person together the strongest ({_who(most)}, who holds {_held(most)})"
        f" is right in {share(most, of='such series')}."
    )


def _of_strangers(own: list[Mapping]) -> str:
    """The most that was got of people whom the attacker never met, and what the same attackers get where it has."""
    single = results.select(own, mode=None, metric=MEASURE)
    strangers = results.select(single, gallery="leave_group_out")
    most = _most(results.select(strangers, attacker="best"))
    if most is None:
        return ""
    alike = {name: most[name] for name in ("attacker_data", "max_windows")}
    others = results.select(strangers, **alike)
    tried = [name for name in results.distinct(others, "attacker") if name != "best"]
    whom = "the best attacker" if not tried else listed(tried)
    if len(tried) > 1:
        whom = f"the best of {whom}"
    text = (
        f" Of people whom it never met, {whom} (who holds {_held(most)} of others) is right in"
        f" {share(most)}"
    )
    met = _most(results.select(single, gallery="held_out", attacker=tried, **alike))
    if met is not None:
        text += f"; holding such data of the very people, in {share(met, short=True)}"
    return text + "."


def _who(r: Mapping) -> str:
    """Which attacker was the best; over several seeds it may be another one in each."""
    winner = r["winner"] or "the best of those tried"
    several = winner.split(", ")
    return f"{listed(several, 'or')}, whichever was best in each seed" if several[1:] else winner


def _held(r: Mapping) -> str:
    """What the attacker holds, by the names that the chapter on the adversary explains."""
    unlimited = ", all of it" if r["max_windows"] == 0 else ""
    return paper.adversary_name("held_out", r["attacker_data"]) + unlimited


def _most(records: Iterable[Mapping]) -> Mapping | None:
    known = [r for r in records if r["value"] is not None]
    return max(known, key=lambda r: r["value"], default=None)


def _plain(records: Iterable[Mapping]) -> dict[tuple[str, str], Mapping]:
    """(layer, method) -> record, of what is not reduced by the autoencoder."""
    return {(r["layer"], r["method"]): r for r in records if r["reduction"] != "autoencoder"}
