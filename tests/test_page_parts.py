"""A page is made of whatever was measured: of a part of the records, and where numbers are missing."""

import itertools
import re

import page_records
import pytest
from page_records import COMMAND, CONFIG, VERSIONS
from page_tree import Tree

from hybrid_jax import report, results
from hybrid_jax.report import page
from hybrid_jax.report.page import officer

FIELDS = (
    "evaluator", "method", "layer", "target", "split", "cloud", "gallery", "mode", "attacker",
    "attacker_data", "queries", "noise_relative",
)  # fmt: skip


def html(records):
    return page.html(COMMAND, CONFIG, records, VERSIONS)


@pytest.fixture(scope="module")
def records():
    return page_records.everything()


@pytest.mark.parametrize("field", FIELDS)
def test_of_a_part_of_the_records_there_is_a_page(records, field):
    for value in {r[field] for r in records}:
        alone = [r for r in records if r[field] == value]
        assert "</html>" in html(alone)
    if field in ("queries", "attacker", "noise_relative"):  # a whole run with less of it
        few = [r for r in records if r[field] in (None, 1, "best", 0.0)]
        assert "</html>" in html(few)


def test_of_a_run_of_single_uploads_no_session_is_shown(records):
    single = [r for r in records if r["queries"] == 1]
    assert "uploads combined" in html(records) and "uploads combined" not in html(single)
    assert results.select(single, evaluator="attack", mode=None)


def test_without_intervals_and_without_records_there_is_a_page(records):
    unknown = [{**r, "ci_low": None, "ci_high": None, "stderr": None} for r in records]
    assert "</html>" in html(unknown)
    assert "</html>" in html([])


@pytest.mark.parametrize("field", ["value", "chance", "n_fit", "n", "ci_low", "stderr"])
def test_where_a_record_lacks_a_number_there_are_tables_and_words(records, field):
    """All of them, those of the bound, and every other one, as of a seed that measured less."""
    told = results.off_device(records)
    for lacks in (
        lambda i, r: True,
        lambda i, r: r["metric"] == "bayes_bound",
        lambda i, r: i % 2 == 0,
    ):
        less = [{**r, field: None} if lacks(i, r) else r for i, r in enumerate(told)]
        assert report.markdown("", less).endswith("\n") and officer.chapters(less, "seed 3")


def test_counts_that_differ_over_seeds_are_written_as_counts(records):
    """After collecting they are means."""
    uneven = [{**r, "n": 301 / 3, "n_seeds": 3, "std": 0.01} for r in records]
    text = html(uneven)
    assert "about 100 samples" in text and "about 100<" in text
    assert "100.3" not in re.sub(r"<(table|script).*?</\1>", "", text, flags=re.DOTALL)


def test_a_part_without_a_table_of_its_own_keeps_its_heading(records):
    """Without validation there is no operating noise, and so no first table of the privacy."""
    own = [r for r in results.off_device(records) if r["split"] != "validation"]
    for text, heading in (
        (report.markdown("", own), "## Privacy of gender"),
        (html(own), ">Privacy of gender</h2>"),
    ):
        assert text.count(heading) == 1
        assert text.index(heading) < text.index("Accuracy at equal gender privacy")
    assert report.notes.OPERATING[:20] not in report.markdown("", own)
    assert '">Privacy of gender</a>' in html(own)  # in the contents


def test_charts_need_no_table(records):
    """Of one noisy method, without validation and without unseen data, there are curves and no table."""
    own = results.select(records, method="noisy", split="test", evaluator=("accuracy", "privacy"))
    own = [r for r in own if r["attacker_data"] is None and "floor" not in r["metric"]]
    text = html(own)
    assert "Privacy of" not in report.markdown("", own)
    assert ">Privacy of gender</h2>" in text and 'id="tradeoff-gender-' in text
    levels = [int(tag[1]) for tag, _ in Tree(text).elements if re.fullmatch(r"h\d", tag)]
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))


def test_charts_stand_under_the_heading_of_their_target(records):
    text = html([r for r in records if r["split"] != "validation"])
    for chart, before, after in (
        ('id="tradeoff-gender-', "Privacy of gender</h2>", "Accuracy at equal gender privacy</h3>"),
        ('id="attack-gender"', "Attacks on gender</h2>", "Gender: the best attacker</h3>"),
    ):
        assert text.index(before) < text.index(chart) < text.index(after)


def test_what_nobody_planned_for_is_what_is_not_sensitive(records):
    """Whatever was measured of it: without noisy methods too, where there is no curve."""
    about, records = report.About(sensitive=("gender",)), results.off_device(records)
    strangers = [
        {**r, "target": "height"}
        for r in records
        if (r["metric"], r["gallery"]) == ("privacy_index", "leave_group_out") and r["target"] == "gender"
    ]  # fmt: skip
    for told in (records + strangers, results.select(records + strangers, method="simple")):
        planned, _, unplanned = report.markdown("", told, about).partition("nobody planned for")
        assert "height" in unplanned and "Privacy of height" not in planned
        assert "gender" not in unplanned.partition("## Attacks")[0]
    unknown = report.markdown("", records + strangers)  # where no plan is known
    assert "Privacy of height" not in unknown and "Privacy of identity" in unknown
    assert "height" in unknown.partition("nobody planned for")[2]


def test_the_title_names_the_service_whatever_was_measured(records):
    attacks = results.select(records, evaluator="attack")
    about = report.About(primary="activity")
    assert report.markdown("", attacks, about).startswith("# Activity on motionsense")
    assert "<h1>Activity on motionsense" in page.html("c", {}, attacks, {}, about=about)
    assert report.markdown("", attacks).startswith("# Privacy of gender on motionsense")
