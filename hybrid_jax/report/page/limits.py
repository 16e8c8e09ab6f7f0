"""How sure the first page is of what it says, and what it does not promise."""

from collections.abc import Iterable, Mapping

from hybrid_jax import attacked, results
from hybrid_jax.report.page.phrases import count, listed

Told = tuple[str, list[str], list[str]]  # heading, paragraphs, findings


def sure(records: Iterable[Mapping], targets: list[str], seeds: str) -> Told:
    """What the numbers rest on: seeds, draws, people, attackers.

    Args:
        records: those that are shown.
        targets: the sensitive variables.
        seeds: of which seeds, in words.
    """
    records = list(records)
    several = max(results.distinct(records, "n_seeds"), default=1) > 1
    findings = [
        f"Training was repeated ({seeds}): ± is the standard deviation over those trainings."
        if several
        else f"One training ({seeds}): another may come out otherwise. Collect several seeds before relying on it."
    ]
    draws = max(results.distinct(records, "draws"), default=1)
    if draws > 1:
        findings.append(
            f"Noise was drawn up to {count(draws)} times"
            + (
                " in each training; a number is the mean."
                if several
                else "; the tables have the standard error over draws."
            )
        )
    if any(r["ci_low"] is not None for r in records):
        findings.append(
            "A 95 % interval says how far a number would move with other people of the same kind (a bootstrap that"
            " draws people, not samples). It does not cover other kinds of people, devices or places."
            + " Of several trainings its ends are means."
            * several
        )
    attacks = results.select(records, evaluator="attack", split="test")
    tried = [name for name in results.distinct(attacks, "attacker") if name != "best"]
    if tried:
        counts = [r["n"] for r in attacks if r["mode"] is None and r["n"]]
        samples = f", on up to {count(max(counts))} samples" if counts else ""
        findings.append(
            f"Attackers that were tried ({len(tried)}): {', '.join(tried)}{samples}. The best is named after the fact,"
            " on the samples it is tried on, which favours the attacker. A better one may exist that nobody tried."
        )
    above = sum(len(attacked.flagged(records, target)) for target in targets)
    if above:
        findings.append(
            f"Warning: {above} attacks lie above what should be possible. Something is wrong with these numbers."
        )
    return "How sure this is", [], findings


def not_promised(
    records: Iterable[Mapping], targets: list[str], clip_norm: float, primary: str = ""
) -> Told:
    """What does not follow from the numbers.

    Args:
        records: those that are shown.
        targets: the sensitive variables.
        clip_norm: what features are clipped to, 0 for not at all.
        primary: what the service is for, "" where that is not known.
    """
    records = list(records)
    epsilons = results.select(records, metric="dp_epsilon")
    known = [r["value"] for r in epsilons if r["value"] is not None]
    if clip_norm and known:
        first = (
            f"Features are clipped to a length of {clip_norm:g}, so one upload is Gaussian differentially private, with"
            f" epsilon from {min(known):.3g} to {max(known):.3g} over the amounts of noise ({epsilons[0]['unit']}); the"
            " table of that name has each. Where no noise is added there is no such guarantee. It is on one upload and"
            " says nothing of the training data."
        )
    elif clip_norm:
        first = (
            f"Features are clipped to a length of {clip_norm:g}, but no finite epsilon was computed in this run: it"
            " shows no bound on what a cleverer adversary, or one who knows more, may get. The numbers say how the"
            " adversaries that were tried fared on these data."
        )
    else:
        first = (
            "It is not differential privacy: features are not clipped, so there is no bound on what a cleverer"
            " adversary, or one who knows more, may get. The numbers say how the adversaries that were tried"
            " fared on these data."
        )
    findings = [first]
    if targets:
        findings += [
            f"Nothing but {listed(targets)} was asked about. A feature may tell other things about a person.",
            "One upload tells less than many of the same person: see what several uploads together tell, where it was"
            " measured, before judging a service that runs all day.",
        ]
    findings.append(
        f"The service learns its own answer{f' ({primary})' if primary else ''}; that much is given away by design."
    )
    findings.append("Nothing here is about the people whose data trained the network.")
    data = results.distinct(records, "dataset")
    if results.is_simulated(records):
        findings.append("The data are simulated: these numbers say nothing about real people.")
    elif data:
        findings.append(
            f"It was measured on {', '.join(data)}: other people and devices may give other numbers."
        )
    return "What this does not promise", [], findings
