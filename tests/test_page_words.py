import page_records
import pytest
from page_tree import Tree
from synthetic_records import run

from hybrid_jax import attacked, report, results, tradeoff
from hybrid_jax.report import page
from hybrid_jax.report.page import limits, officer
from hybrid_jax.report.page.phrases import share


@pytest.fixture(scope="module")
def records():
    return page_records.everything()


def test_the_first_page_says_what_was_measured(records):
    told = {c.heading: c for c in officer.chapters(records, "seed 3")}
    learned = told["What it learns of gender"].findings
    r = results.select(
        attacked.headline(records, "gender"), attacker="best", metric=attacked.MEASURE, layer="fc_1", method="advanced"
    )[0]  # fmt: skip
    assert f"names the gender right in {100 * r['value']:.1f} %" in learned[0]
    assert f"95 % interval {100 * r['ci_low']:.1f} to {100 * r['ci_high']:.1f} %" in learned[0]
    assert (
        "advanced embedding at FC-1 at operating noise" in learned[0]
        and "chance is 50.0 %" in learned[0]
    )
    assert "One training (seed 3)" in told["How sure this is"].findings[0]
    assert "not differential privacy" in told["What this does not promise"].findings[0]
    cost = told["What protection costs"].findings
    accuracy = results.select(
        records, evaluator="accuracy", layer="fc_2", method="advanced", metric="accuracy", split="test",
        cloud="original", reduction="pca",
        noise_relative=tradeoff.operating_points(records)["fc_2", "advanced", "pca"],
    )[0]  # fmt: skip
    assert f"is named right in {100 * accuracy['value']:.1f} %" in cost[1]


def test_a_guarantee_is_named_only_where_features_are_clipped():
    epsilon = results.record(
        evaluator="privacy", metric="dp_epsilon", value=2.5, unit="epsilon at delta 1e-05"
    )
    _, _, findings = limits.not_promised([epsilon], [], clip_norm=1.5)
    assert "epsilon from 2.5 to 2.5" in findings[0] and "length of 1.5" in findings[0]
    for found, clip_norm in (([epsilon], 0.0), ([], 1.5)):
        assert "not differential privacy" in limits.not_promised(found, [], clip_norm)[2][0]


def test_attacks_above_the_bound_are_pointed_out():
    above = page_records.attacks() + [
        {**r, "value": 0.2} for r in page_records.attacks() if r["metric"] == "bayes_bound"
    ]
    assert "Something is wrong" in limits.sure(above, ["gender"], "seed 3")[2][-1]


@pytest.mark.parametrize("dataset", ["simulated", "simulated_faces"])
def test_made_up_data_are_pointed_out_everywhere(dataset):
    made = run(dataset=dataset, layers=("fc_1",))
    words = "".join(Tree(page.html("c", {}, made, {})).text)
    assert "say nothing about real people" in words and report.notes.SIMULATED in words
    assert report.notes.SIMULATED in report.markdown("", made)
    assert "*" not in report.accuracy_table(made) and "paper" in report.accuracy_table(made)


def test_real_data_among_made_up_data_are_real():
    both = run(layers=("fc_1",)) + run(dataset="simulated", layers=("fc_2",))
    words = "".join(Tree(page.html("c", {}, both, {})).text)
    assert "say nothing about real" not in words and report.notes.SIMULATED not in words
    assert not results.is_simulated([])


def test_a_share_says_what_it_is_sure_of():
    about = {"evaluator": "attack", "metric": "accuracy", "value": 0.5}
    one = results.record(**about, stderr=0.012, ci_low=0.4, ci_high=0.6)
    assert share(one) == "50.0 % (standard error 1.2, 95 % interval 40.0 to 60.0 %)"
    assert share(one, short=True) == "50.0 %"
    several = results.record(**about, std=0.03, stderr=0.01, n_seeds=3)
    assert share(several) == share(several, short=True) == "50.0 % (± 3.0 over 3 seeds)"
    # Of a collection whose other seeds were not measured at this noise.
    assert share(results.record(**about, n_seeds=1, stderr=0.01)) == "50.0 % (one seed alone)"
