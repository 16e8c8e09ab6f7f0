"""What a work folder says of its results: results.json, accuracy.md, report.html and figures."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from hybrid_jax import results, selection
from hybrid_jax.report import accuracy, notes, privacy
from hybrid_jax.report.about import NOTHING, About
from hybrid_jax.report.accuracy import accuracy_table
from hybrid_jax.report.parts import parts, title

__all__ = ["About", "accuracy_table", "headline", "summary", "write"]


def write(
    workdir: str | os.PathLike,
    command: str,
    config: Mapping,
    records: Iterable[Mapping],
    feature_spaces: Mapping[str, Mapping] | None = None,
    versions: Mapping[str, str] | None = None,
    left_out: Iterable[str] = (),
    rebuilt: Mapping[str, Mapping] | None = None,
    about: About = NOTHING,
) -> list[Path]:
    """Writes results.json, accuracy.md, report.html and the figures for which there are records.

    Args:
        workdir: the folder.
        command: the command line that made the records.
        config: plain dicts, which the files show and nobody here reads.
        records: made by `results.record`.
        feature_spaces: see `figures.feature_space`; none: the figure is left out.
        versions: see `results.write`.
        left_out: names of a sweep's points that have no results.
        rebuilt: by layer, see `figures.reconstruction`.
        about: what the records do not tell.

    Returns:
        the files written, in the order in which one would read them.
    """
    # Matplotlib and Altair take most of a second each to load, and only this needs them.
    from hybrid_jax import figures
    from hybrid_jax.report import page

    workdir, records = Path(workdir), [results.record(**r) for r in records]
    told = results.off_device(records)  # of a device, the benchmark itself tells
    shown, folder = selection.shown(told), workdir / "figures"
    drawn = [
        figures.tradeoff_method(folder / "tradeoff_method.png", shown, about.tolerance),
        figures.tradeoff_layer(folder / "tradeoff_layer.png", shown, about.tolerance),
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
    left_out = list(left_out)
    versions = results.installed_versions() if versions is None else versions
    text = markdown(command, told, about, left_out)
    return [
        results.write_text(workdir / "accuracy.md", text),
        page.write(workdir, command, config, records, versions, left_out, about),
        *(path for path in drawn if path),
        # Last: where it is, all the rest is.
        results.write(workdir / "results.json", command, config, records, versions),
    ]


def markdown(
    command: str, records: list[Mapping], about: About = NOTHING, left_out: Iterable[str] = ()
) -> str:
    """The whole of accuracy.md."""
    missing = ", ".join(f"`{name}`" for name in left_out)
    head = [
        f"# {title(selection.shown(records), about.primary)}",
        f"`{command}`",
        notes.SIMULATED if results.is_simulated(selection.shown(records)) else "",
        notes.LEFT_OUT.format(missing) if missing else "",
    ]
    lines = [
        line
        for part in parts(records, about)
        for line in (f"{'#' * part.level} {part.heading}", part.note, *part.body)
    ]
    return "\n\n".join(line for line in [*head, *lines] if line) + "\n"


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
    verdict = "\n".join(privacy.verdict(records))
    return "\n\n".join(filter(None, [title(records), accuracy_table(records), verdict]))
