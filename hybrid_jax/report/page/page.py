"""report.html of a work folder: one file that loads nothing, for readers who were not there."""

import base64
import functools
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from hybrid_jax import paper, results, selection
from hybrid_jax.report import notes
from hybrid_jax.report.about import NOTHING, About
from hybrid_jax.report.page import javascript, officer, tables, theme
from hybrid_jax.report.page.phrases import count
from hybrid_jax.report.page.section import Section, sections
from hybrid_jax.report.parts import title

HERE = Path(__file__).parent


def write(
    workdir: str | os.PathLike,
    command: str,
    config: Mapping,
    records: Iterable[Mapping],
    versions: Mapping[str, str],
    left_out: Iterable[str] = (),
    about: About = NOTHING,
) -> Path:
    """Writes report.html, whole or not at all; the same records and figures give the same bytes.

    Args:
        workdir: the folder, with its figures.
        command: the command line that made the records.
        config: plain dicts.
        records: made by `results.record`, those of devices too.
        versions: of what ran.
        left_out: names of a sweep's points that have no results.
        about: what the records do not tell.
    """
    folder = Path(workdir)
    text = html(command, config, records, versions, left_out, about, folder / "figures")
    return results.write_text(folder / "report.html", text)


def html(
    command: str,
    config: Mapping,
    records: Iterable[Mapping],
    versions: Mapping[str, str],
    left_out: Iterable[str] = (),
    about: About = NOTHING,
    figures: Path | None = None,
) -> str:
    """The whole page; see `write`."""
    records = list(records)
    told = results.off_device(records)
    shown = selection.shown(told)
    seeds = _seeds(about.seeds or results.distinct(shown, "seed"))
    found = list(sections(records, seeds, about, figures))
    charts = _data(found)
    script = (HERE / "page.js").read_text()
    return _environment().get_template("page.html.j2").render(
        title=title(shown or records, about.primary),
        command=command,
        facts=_facts(shown or records, seeds),
        versions=versions,
        settings=tables.settings(results.flat(config)),
        left_out=list(left_out),
        simulated=notes.SIMULATED if results.is_simulated(shown) else "",
        chapters=officer.chapters(shown, seeds, about),
        sections=found,
        printed=any("(paper " in table for section in found for table in section.body),
        seeds=seeds,
        charts={"config": theme.CONFIG, **charts},
        chart_table=tables.chart_table,
        style=Markup((HERE / "page.css").read_text()),
        # What runs is named by its digest, so that nothing else can: no text of a record, config or command.
        scripts=[Markup(javascript.bundle()), Markup(script)] if charts["charts"] else [],
        digests=[_digest(javascript.bundle()), _digest(script)] if charts["charts"] else [],
    )  # fmt: skip


def _data(sections: Iterable[Section]) -> dict[str, Any]:
    """What the script draws: the specifications, each once, and of each chart which they are and its data."""
    specs: list[dict] = []
    charts: dict[str, dict] = {}
    blocks = [one for s in sections for block in s.blocks for one in (block, *block.more)]
    for chart in (chart for block in blocks for chart in block.charts):
        for made in chart.specs.values():
            if made not in specs:
                specs.append(made)
        charts[chart.name] = {
            "specs": {name: specs.index(made) for name, made in chart.specs.items()},
            "description": chart.description,
            "points": chart.rows,
            "lines": chart.lines,
        }
    return {"specs": specs, "charts": charts}


def _facts(records: list[Mapping], seeds: str) -> list[tuple[str, str]]:
    """What ran, in a few lines."""
    found = [
        ("Data set", ", ".join(results.distinct(records, "dataset"))),
        ("Split", ", ".join(results.distinct(records, "split_kind"))),
        ("Seeds", seeds),
        ("Layers", ", ".join(map(paper.layer_name, results.distinct(records, "layer")))),
        (
            "Methods",
            ", ".join(paper.METHOD_NAMES.get(m, m) for m in results.distinct(records, "method")),
        ),
    ]
    for evaluator in results.distinct(records, "evaluator"):
        for split in ("test", "validation"):
            own = results.select(records, evaluator=evaluator, split=split)
            counts = sorted({r["n"] for r in own if r["n"] is not None}, reverse=True)
            if counts:
                found.append((f"Samples, {evaluator}, {split}", ", ".join(map(count, counts))))
    return [(name, value) for name, value in found if value]


def _seeds(given: Sequence[int]) -> str:
    if not given:
        return "seed not known"
    return f"seed{'s'[: len(given) != 1]} {', '.join(map(str, given))}"


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@functools.cache
def _environment() -> jinja2.Environment:
    """Everything that is not `Markup` is escaped, and a name that nobody gave is an error."""
    made = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(HERE),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return made
