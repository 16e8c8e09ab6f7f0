"""A page is made of whatever was measured: of a part of the records, and where numbers are missing."""

import re

import page_records
import pytest
from page_records import COMMAND, CONFIG, VERSIONS

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
