"""What a report is told of a config: by those who may read one, as plain arguments."""

import ast
from pathlib import Path

import page_records
import pytest

from configs import activity, gender
from hybrid_jax import report
from hybrid_jax.experiment.about import of_config
from hybrid_jax.report import About, page

REPORT = Path(report.__file__).parent


def test_a_config_tells_what_it_holds():
    config = activity.get_config("smoke").to_dict()
    config["reduction"]["clip_norm"], config["noise"]["tolerance"] = 1.5, 0.05
    assert of_config(config) == About((0,), "activity", ("gender",), 0.05, 1.5)
    assert of_config(gender.get_config("smoke").to_dict()).primary == "gender"
    assert of_config({**config, "seed": [5, 6]}).seeds == (5, 6)  # of a collection


@pytest.mark.parametrize("old", [{}, {"seed": None, "noise": {}, "reduction": {"dim": 8}}])
def test_what_an_old_config_lacks_is_as_if_nobody_knew(old):
    assert of_config(old) == About()


def test_nobody_under_report_reads_a_config():
    """It is shown whole, and written: a field is asked for nowhere."""
    for path in REPORT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Subscript) or getattr(node, "attr", "") == "get":
                assert getattr(node.value, "id", "") != "config", path


def test_the_page_says_what_it_was_told():
    text = page.html("c", {}, page_records.everything(), {}, about=About(seeds=(5, 6)))
    assert "One training (seeds 5, 6)" in text
