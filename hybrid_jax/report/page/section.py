"""The sections of the page below its first ones: the parts of accuracy.md, with charts and pictures."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

from hybrid_jax import results, selection
from hybrid_jax.report import notes
from hybrid_jax.report.about import NOTHING, About
from hybrid_jax.report.device import device_table
from hybrid_jax.report.page import (
    attack_charts,
    device_chart,
    session_charts,
    tables,
    tradeoff_charts,
)
from hybrid_jax.report.page.chart import Block
from hybrid_jax.report.page.pictures import Picture, reconstructions
from hybrid_jax.report.parts import every, filled

CHARTED = ("privacy", "attack")  # topics with charts, above the first part of each target


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        name: of the element.
        level: of its heading.
        heading: plain text.
        note: HTML.
        body: tables, as HTML.
        blocks: charts, above the tables.
        images: below them.
    """

    name: str
    level: int
    heading: str
    note: Markup
    body: list[Markup]
    blocks: list[Block] = field(default_factory=list)
    images: list[Picture] = field(default_factory=list)


def sections(
    records: Iterable[Mapping], seeds: str, about: About = NOTHING, figures: Path | None = None
) -> Iterator[Section]:
    """The parts of accuracy.md with their charts and pictures, then what was measured on devices.

    Args:
        records: of one run or collected.
        seeds: of which seeds, in words.
        about: what the records do not tell.
        figures: the folder of figures, None for no pictures.
    """
    records = list(records)
    told = results.off_device(records)
    shown = selection.shown(told)
    given = every(told, about)
    charts = {
        own: _blocks(*own, shown, seeds, about.tolerance)
        for own in dict.fromkeys((part.topic, part.target) for part in given)
        if own[0] in CHARTED
    }
    for number, part in enumerate(filled(given, [own for own, found in charts.items() if found])):
        # Above the first part of each, whatever tables there are.
        blocks, images = charts.pop((part.topic, part.target), []), []
        if part.topic == "reconstruction" and figures is not None:
            images = reconstructions(shown, figures)
        yield Section(
            f"part-{number}", part.level, part.heading, tables.inline(part.note),
            [tables.html(text, part.heading) for text in part.body if text], blocks, images,
        )  # fmt: skip
    if on_device := device_table(records):
        block = device_chart.block(records)
        yield Section(
            "device", 2, "On a device", tables.inline(notes.DEVICE),
            [tables.html(on_device, "On a device")], [block] if block else [],
        )  # fmt: skip


def _blocks(
    topic: str, target: str, shown: list[Mapping], seeds: str, tolerance: float
) -> list[Block]:
    if topic == "privacy":
        found = [
            tradeoff_charts.block(shown, target, seeds, tolerance),
            session_charts.of_privacy(shown, target),
        ]
    else:
        found = [
            attack_charts.block(shown, target),
            session_charts.of_attacks(shown, target),
        ]
    return [block for block in found if block is not None]
