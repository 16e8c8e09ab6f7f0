"""What a report holds, part by part: a heading, a note on how to read it, and its tables."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from hybrid_jax import attacked, paper, results, selection
from hybrid_jax.report import accuracy, attacks, leakage, notes, privacy, sweep
from hybrid_jax.report.about import NOTHING, About
from hybrid_jax.report.markdown import percent
from hybrid_jax.report.orderings import orderings


@dataclass(frozen=True)
class Part:
    """One part of accuracy.md and of report.html.

    Attributes:
        topic: what it is about: `accuracy`, `privacy`, `unplanned`, `attack`, `reconstruction`, `guarantee`, `sweep`.
        target: the sensitive variable, "" where it is about none or all.
        level: of its heading, 2 or 3.
        heading: without marks.
        note: Markdown; what must be known to read it.
        body: Markdown tables and sentences.
    """

    topic: str
    target: str
    level: int
    heading: str
    note: str
    body: tuple[str, ...]


def parts(records: Iterable[Mapping], about: About = NOTHING) -> list[Part]:
    """All parts of which the records hold something; the others are left out, heading and all.

    A heading under which something stands stays, without a note where it has no table of its own.

    Args:
        records: without those of devices.
        about: what they do not tell.
    """
    return filled(every(records, about))


def filled(every: Iterable[Part], also: Collection[tuple[str, str]] = ()) -> list[Part]:
    """The parts that hold something, each under its heading.

    Args:
        every: parts in order, empty ones too.
        also: (topic, target) of which there is something else to show than tables: its heading stays.
    """
    found: list[Part] = []
    for part in reversed(list(every)):
        heads = bool(found) and found[-1].level > part.level
        heads |= part.level == 2 and (part.topic, part.target) in also
        if any(part.body):
            found.append(part)
        elif heads:
            found.append(replace(part, note="", body=()))
    return found[::-1]


def every(records: Iterable[Mapping], about: About = NOTHING) -> list[Part]:
    """All parts that there may be; see `parts`."""
    records = list(records)
    settings, shown = sweep.sweep_table(records, about.tolerance), selection.shown(records)
    return [
        *_accuracy(shown, alone=not settings),
        *_privacy(shown, about),
        *_attacks(shown),
        Part(
            "reconstruction", "", 2, "Reconstruction", notes.REBUILT,
            (attacks.reconstruction_table(shown),),
        ),
        Part(
            "guarantee", "", 2, "Differential privacy of one upload", notes.GUARANTEE,
            (leakage.guarantee_table(shown),),
        ),
        Part("sweep", "", 2, "Every setting of the sweep", notes.SWEEP, (settings,)),
    ]  # fmt: skip


def title(records: list[Mapping], primary: str = "") -> str:
    """What was measured, on what, over which seeds: the heading of a report.

    Args:
        records: those that are shown.
        primary: what the service is for; "": the variable whose accuracy was measured.
    """

    def named(field):
        return ", ".join(str(v) for v in results.distinct(records, field))

    task = primary or ", ".join(
        results.distinct(results.select(records, evaluator="accuracy"), "target")
    )
    # Without its accuracy nothing tells the service: what was attacked is not what it is for.
    task = task or f"privacy of {', '.join(results.distinct(records, 'target')) or 'nothing'}"
    seeds = max(results.distinct(records, "n_seeds"), default=None)
    over = f"seed {named('seed')}" if seeds is None else f"{seeds} seed{'s'[: seeds != 1]}"
    return (
        f"{task[:1].upper()}{task[1:]} on {named('dataset')}, {named('split_kind')} split, {over}"
    )


def _accuracy(records: list[Mapping], alone: bool) -> Iterator[Part]:
    table = accuracy.accuracy_table(records), accuracy.chance_line(records)
    yield Part("accuracy", "", 2, "Accuracy", notes.ACCURACY, table)
    differences = (accuracy.difference_table(records),)
    yield Part("accuracy", "", 3, "Differences", "In points of accuracy.", differences)
    # A sweep's stand in the table of all of them: each method may have its own.
    settings = accuracy.settings_table(records) if alone else ""
    yield Part("accuracy", "", 2, "Settings", notes.SETTINGS, (settings,))


def _privacy(records: list[Mapping], about: About) -> Iterator[Part]:
    tolerance, measured = about.tolerance, results.select(records, evaluator="privacy")
    unplanned = unplanned_targets(measured, about.sensitive)
    planned = [t for t in results.distinct(measured, "target") if t not in unplanned]
    for target in planned:
        for level, heading, note, table in (
            (
                2,
                f"Privacy of {target}",
                notes.OPERATING.format(100 * tolerance),
                privacy.operating_table(records, target, tolerance),
            ),
            (
                3,
                f"Accuracy at equal {target} privacy",
                notes.EQUAL_PRIVACY,
                privacy.equal_privacy_table(records, target),
            ),
            (
                3,
                f"Area under accuracy against the privacy index of {target}",
                notes.AREA,
                privacy.area_table(records, target),
            ),
            (
                3,
                f"{target.capitalize()}: what the feature tells beyond the task",
                notes.BEYOND,
                leakage.beyond_table(records, target, tolerance),
            ),
        ):
            yield Part("privacy", target, level, heading, note, (table,))
    table = leakage.unplanned_table(records, unplanned, tolerance)
    heading = "Attributes that nobody planned for"
    yield Part("unplanned", "", 2, heading, notes.UNPLANNED, (table,))


def unplanned_targets(records: Iterable[Mapping], sensitive: Collection[str]) -> list[str]:
    """The variables that were measured though nobody planned to protect them.

    Args:
        records: of privacy.
        sensitive: what was planned; empty, where that is not known: what more than strangers were measured for.
    """
    # Which sample a feature is of (mode `instance`) is no variable of a person.
    own = [r for r in records if r["mode"] != "instance"]
    known = sensitive or {r["target"] for r in own if r["gallery"] != "leave_group_out"}
    return [t for t in results.distinct(own, "target") if known and t not in known]


def _attacks(records: list[Mapping]) -> Iterator[Part]:
    for target in attacked.targets(records):
        name = target.capitalize()
        for level, heading, note, body in (
            (
                2,
                f"Attacks on {target}",
                _attack_note(records, target),
                attacks.attack_table(records, target),
            ),
            (
                3,
                f"{name}: the best attacker",
                notes.BEST,
                attacks.best_table(records, target),
            ),
            (
                3,
                f"{name}: the orderings of Fig. 9(b)",
                notes.ORDERINGS,
                orderings(records, target),
            ),
            (
                3,
                f"{name}: what the attacker holds",
                notes.HOLDINGS,
                attacks.holdings_table(records, target),
            ),
            (
                3,
                f"{name}: samples of one person, combined",
                notes.PATIENCE,
                attacks.sessions_table(records, target),
            ),
        ):
            yield Part("attack", target, level, heading, note, (body,))


def _attack_note(records: list[Mapping], target: str) -> str:
    found = attacked.headline(records, target)
    held = paper.adversary_name("held_out", attacked.shown_data(records, target))
    fits = max(results.distinct(found, "n_fit"), default=0)
    measured = results.select(found, metric=attacked.MEASURE)
    chance = max(results.distinct(measured, "chance"), default=None)
    above = len(attacked.flagged(records, target))
    bound = f" **{above} rows are above the bound: something is wrong.**" if above else ""
    return notes.ATTACK.format(held=held, fits=round(fits), chance=percent(chance)) + bound
