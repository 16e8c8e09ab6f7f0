"""Cells and tables of a report."""

from hybrid_jax import results
from hybrid_jax.report.markdown import cell_of, percent, short, table
from hybrid_jax.report.page import tables


def test_tables_are_aligned_and_percent_knows_what_is_missing():
    lines = table(["a", "long"], [["x", "1"], ["longer", "–"]]).splitlines()
    assert (
        lines[:2] == ["| a      | long |", "| :----- | ---: |"] and len(set(map(len, lines))) == 1
    )
    assert [percent(v) for v in (0.12345, None, float("nan"), 0.0)] == ["12.3", "–", "–", "0.0"]
    assert percent(0.012, sign="+") == "+1.2"


def test_what_rounds_to_zero_is_not_below_it():
    assert [percent(-0.0004), percent(-0.0004, sign="+")] == ["0.0", "+0.0"]


def test_short_numbers_have_no_exponent():
    assert [short(v) for v in (1116.2, 99.94, 3.14159, 0.25)] == ["1116", "99.9", "3.14", "0.25"]


def test_a_bar_in_a_name_does_not_end_its_cell():
    page = tables.html(table(["a|b", "long"], [["c|d", "1"]]))
    assert ">a|b<" in page and ">c|d<" in page and page.count("<td") == 1


def test_a_value_says_its_error_and_its_interval_as_far_as_they_are_known():
    about = {"evaluator": "attack", "metric": "accuracy", "value": 0.5}
    assert cell_of(None) == cell_of(results.record(**about | {"value": None})) == "–"
    one, both = results.record(**about, stderr=0.012, ci_low=0.4, ci_high=0.6), ("std", "stderr")
    assert cell_of(one) == "50.0"
    assert cell_of(one, errors=both, interval=True) == "50.0 ± 1.2 [40.0, 60.0]"
    assert cell_of(one | {"std": 0.03}, errors=both) == "50.0 ± 3.0"
