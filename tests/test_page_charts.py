"""What charts of report.html are called, on which scale they are, and what their tables and tooltips say."""

import collections
import re

import page_records
import pytest
from page_tree import Tree, drawn

from hybrid_jax import results
from hybrid_jax.report import page
from hybrid_jax.report.page import attack_charts, device_chart, session_charts, tradeoff_charts


@pytest.fixture(scope="module")
def records():
    made = page_records.everything()
    session = results.select(made, mode="session", evaluator="privacy")
    repeated = [
        r | {"mode": "repeated", "value": 0.7, "ci_low": 0.69, "ci_high": 0.71} for r in session
    ]
    return made + repeated


@pytest.fixture(scope="module")
def text(records):
    return page.html("c", {"seed": 3}, records, {})


def test_names_of_charts_tables_and_headings_are_unique(text):
    tree = Tree(text)
    regions = [a["aria-label"] for a in tree.of("div") if a.get("role") == "region"]
    summaries = re.findall(r"<summary>([^<]*)</summary>", text)
    headings = [
        attrs.get("aria-label") or words
        for attrs, words in (
            (dict(re.findall(r'([\w-]+)="([^"]*)"', given)), words)
            for given, words in re.findall(r"<h[2-4]([^>]*)>([^<]*)</h[2-4]>", text)
        )
    ]
    for names in (regions, summaries, headings):
        assert names and [n for n, times in collections.Counter(names).items() if times > 1] == []
    assert "Table of FC-1, gender privacy, the adversary holds unseen data (66 rows)" in summaries


def test_headings_of_columns_are_unique_and_say_their_unit(records):
    for block in (
        tradeoff_charts.block(records, "gender", "seed 3"),
        attack_charts.block(records, "gender"),
        session_charts.of_privacy(records, "gender"),
        session_charts.of_attacks(records, "gender"),
        device_chart.block(records),
    ):
        for chart in block.charts:
            headings = list(chart.columns.values())
            assert len(set(headings)) == len(headings)
            for name, heading in chart.columns.items():
                assert (name in chart.percent) == heading.endswith(", %")
                if chart.name.startswith("device") and name in ("value", "std"):
                    assert heading.endswith(", ms")


def test_ways_to_combine_uploads_have_one_scale(records):
    block = session_charts.of_privacy(records, "gender")
    domains = [
        layer["encoding"]["y"]["scale"]["domain"]
        for chart in block.charts
        for layer in chart.specs[""]["layer"]
        if "scale" in layer["encoding"].get("y", {})
    ]
    # The repeated uploads alone reach from .69 to .71 and chance.
    assert len(block.charts) == 2 and len(domains) == 4
    assert all(domain == pytest.approx([0.58, 0.75]) for domain in domains)


def test_a_field_is_calculated_before_it_is_read(text):
    for spec in drawn(text)["specs"]:
        made = [one["as"] for one in spec["transform"]]
        for place, one in enumerate(spec["transform"]):
            assert not set(re.findall(r"datum\.(\w+)", one["calculate"])) & set(made[place:])
