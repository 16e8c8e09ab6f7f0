"""What a work folder says of its results: results.json, accuracy.md and figures."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from hybrid_jax import attacked, figures, paper, results, selection
from hybrid_jax.report import accuracy, attacks, leakage, notes, privacy, sweep
from hybrid_jax.report.accuracy import accuracy_table
from hybrid_jax.report.markdown import percent
from hybrid_jax.report.orderings import orderings

__all__ = ["accuracy_table", "headline", "summary", "write"]


def write(
    workdir: str | os.PathLike,
    command: str,
    config: Mapping,
    records: Iterable[Mapping],
    feature_spaces: Mapping[str, Mapping] | None = None,
    versions: Mapping[str, str] | None = None,
    left_out: Iterable[str] = (),
    rebuilt: Mapping[str, Mapping] | None = None,
) -> list[Path]:
    """Writes results.json, accuracy.md and the figures for which there are records.

    Args:
        workdir: the folder.
        command: the command line that made the records.
        config: plain dicts.
        records: made by `results.record`.
        feature_spaces: see `figures.feature_space`; none: the figure is left out.
        versions: see `results.write`.
        left_out: names of a sweep's points that have no results.
        rebuilt: by layer, see `figures.reconstruction`.

    Returns:
        the files written, in the order in which one would read them.
    """
    workdir, records = Path(workdir), [results.record(**r) for r in records]
    tolerance = (config.get("noise") or {}).get("tolerance", 0.02)
    told = results.off_device(records)  # of a device, the benchmark itself tells
    shown, folder = selection.shown(told), workdir / "figures"
    drawn = [
        figures.tradeoff_method(folder / "tradeoff_method.png", shown, tolerance),
        figures.tradeoff_layer(folder / "tradeoff_layer.png", shown, tolerance),
        figures.sessions(folder / "sessions.png", shown),
        figures.attacks(folder / "attacks.png", shown),
        figures.attack_privacy(folder / "attack_privacy.png", shown),
        figures.attack_sessions(folder / "attack_sessions.png", shown),
        figures.feature_space(folder / "feature_space.png", feature_spaces or {}),
        *(
            figures.reconstruction(folder / f"reconstruction_{layer}.png", layer, rows)
            for layer, rows in (rebuilt or {}).items()
        ),
    ]
    page = markdown(command, told, tolerance, left_out)
    return [
        results.write_text(workdir / "accuracy.md", page),
        *(path for path in drawn if path),
        # Last: where it is, all the rest is.
        results.write(workdir / "results.json", command, config, records, versions),
    ]


def markdown(
    command: str, records: list[Mapping], tolerance: float = 0.02, left_out: Iterable[str] = ()
) -> str:
    """The whole of accuracy.md."""
    settings, records = sweep.sweep_table(records, tolerance), selection.shown(records)
    missing = ", ".join(f"`{name}`" for name in left_out)
    simulated = results.distinct(records, "dataset") == ["simulated"]
    parts = [
        ("", f"`{command}`", notes.SIMULATED if simulated else ""),
        ("", notes.LEFT_OUT.format(missing) if missing else ""),
        (
            "## Accuracy",
            notes.ACCURACY,
            accuracy.accuracy_table(records),
            accuracy.chance_line(records),
        ),
        ("### Differences", "In points of accuracy.", accuracy.difference_table(records)),
        # A sweep's stand in the table of all of them: each method may have its own.
        ("## Settings", notes.SETTINGS, "" if settings else accuracy.settings_table(records)),
    ]
    planned = privacy.targets(records)
    for target in planned:
        parts += [
            (
                f"## Privacy of {target}",
                notes.OPERATING.format(100 * tolerance),
                privacy.operating_table(records, target, tolerance),
            ),
            (
                f"### Accuracy at equal {target} privacy",
                notes.EQUAL_PRIVACY,
                privacy.equal_privacy_table(records, target),
            ),
            (
                f"### Area under accuracy against the privacy index of {target}",
                notes.AREA,
                privacy.area_table(records, target),
            ),
            (
                f"### {target.capitalize()}: what the feature tells beyond the task",
                notes.BEYOND,
                leakage.beyond_table(records, target, tolerance),
            ),
        ]
    unplanned = [
        target
        for target in results.distinct(results.select(records, evaluator="privacy"), "target")
        if target not in planned
    ]
    parts.append(
        (
            "## Attributes that nobody planned for",
            notes.UNPLANNED,
            leakage.unplanned_table(records, unplanned, tolerance),
        )
    )
    for target in attacked.targets(records):
        parts += [
            (
                f"## Attacks on {target}",
                _attack_note(records, target),
                attacks.attack_table(records, target),
            ),
            (
                f"### {target.capitalize()}: the best attacker",
                notes.BEST,
                attacks.best_table(records, target),
            ),
            (
                f"### {target.capitalize()}: the orderings of Fig. 9(b)",
                notes.ORDERINGS,
                orderings(records, target),
            ),
            (
                f"### {target.capitalize()}: what the attacker holds",
                notes.HOLDINGS,
                attacks.holdings_table(records, target),
            ),
            (
                f"### {target.capitalize()}: samples of one person, combined",
                notes.PATIENCE,
                attacks.sessions_table(records, target),
            ),
        ]
    parts += [
        ("## Reconstruction", notes.REBUILT, attacks.reconstruction_table(records)),
        (
            "## Differential privacy of one upload",
            notes.GUARANTEE,
            leakage.guarantee_table(records),
        ),
        ("## Every setting of the sweep", notes.SWEEP, settings),
    ]
    # A part whose table is empty is left out, heading and all.
    lines = [
        line
        for heading, note, *body in parts
        if any(body) or not heading
        for line in (heading, note, *body)
        if line
    ]
    return "\n\n".join([f"# {_title(records)}", *lines]) + "\n"


def _attack_note(records: list[Mapping], target: str) -> str:
    found = attacked.headline(records, target)
    held = paper.adversary_name("held_out", attacked.shown_data(records, target))
    fits = max(results.distinct(found, "n_fit"), default=0)
    chance = max((r["chance"] for r in found if r["metric"] == attacked.MEASURE), default=None)
    above = len(attacked.flagged(records, target))
    bound = f" **{above} rows are above the bound: something is wrong.**" if above else ""
    return notes.ATTACK.format(held=held, fits=round(fits), chance=percent(chance)) + bound


def summary(written: Iterable[str | os.PathLike]) -> str:
    """What the files that a mode wrote come to, for the last lines in a terminal.

    Of an audit or a choice its page; of results.json the table and advanced against noisy_reduced, of tune.json what
    was chosen; "" where none is among them.
    """
    texts, paths = [], [Path(path) for path in written]
    for page in paths:
        if page.name in ("audit.md", "choice.md"):
            return page.read_text().strip()
    for path in paths:
        if path.name == "results.json":
            texts.append(headline(results.read(path)["records"]))
        elif path.name == "tune.json":
            texts.append(accuracy.tune_table(json.loads(path.read_text())))
    return "\n\n".join(texts)


def headline(records: Iterable[Mapping]) -> str:
    """The table of accuracy, and a line for each layer's trade-off."""
    records = selection.shown(results.off_device(records))
    parts = [_title(records), accuracy.accuracy_table(records)]
    return "\n\n".join(p for p in [*parts, "\n".join(privacy.verdict(records))] if p)


def _title(records) -> str:
    def named(field):
        return ", ".join(str(v) for v in results.distinct(records, field))

    measured = results.select(records, evaluator="accuracy") or records
    task = ", ".join(results.distinct(measured, "target")) or "nothing"
    seeds = max(results.distinct(records, "n_seeds"), default=None)
    over = f"seed {named('seed')}" if seeds is None else f"{seeds} seed{'s'[: seeds != 1]}"
    return f"{task.capitalize()} on {named('dataset')}, {named('split_kind')} split, {over}"
