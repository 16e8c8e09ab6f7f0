import page_records
import pytest
from page_tree import Tree
from synthetic_records import run

from hybrid_jax import attacked, report, results, tradeoff
from hybrid_jax.report import page
from hybrid_jax.report.page import limits, officer
from hybrid_jax.report.page.phrases import count, listed, protected, share


@pytest.fixture(scope="module")
def records():
    return page_records.everything()


def test_the_first_page_says_what_was_measured(records):
    told = {c.heading: c for c in officer.chapters(records, "seed 3")}
    learned = told["What it learns of gender"].findings
    r = attacked.strongest(records, "gender")["fc_1", "advanced", "pca"]
    assert r["max_windows"] == 0 and "(mlp, who holds unseen data, all of it)" in learned[0]
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
    assert "not differential privacy" in limits.not_promised([epsilon], [], 0.0)[2][0]
    for found in ([], [{**epsilon, "value": None}]):  # no privacy was measured, or no noise
        first = limits.not_promised(found, [], 1.5)[2][0]
        assert "clipped to a length of 1.5" in first and "no finite epsilon" in first
        assert "not clipped" not in first and "is Gaussian" not in first


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
    one = results.record(**about, stderr=0.012, ci_low=0.4, ci_high=0.6, n=1234)
    sure = "standard error over people 1.2, 95 % interval 40.0 to 60.0 %"
    assert share(one) == f"50.0 % ({sure}, 1,234 samples)"
    assert share(one, of="series").endswith(", 1,234 series)")
    assert share(one, short=True) == "50.0 %"
    drawn = results.record(**about | {"evaluator": "accuracy"}, stderr=0.012)
    assert share(drawn) == "50.0 % (standard error over noise draws 1.2)"
    several = results.record(**about, std=0.03, stderr=0.01, n_seeds=3)
    assert share(several) == share(several, short=True) == "50.0 % (± 3.0 over 3 seeds)"
    # Of a collection whose other seeds were not measured at this noise.
    assert share(results.record(**about, n_seeds=1, stderr=0.01)) == "50.0 % (one seed alone)"


@pytest.mark.parametrize(
    ("n", "text"), [(100, "100"), (6612.0, "6,612"), (301 / 3, "about 100"), (0, "0")]
)
def test_a_count_is_whole_or_about(n, text):
    assert count(n) == text


def test_of_nothing_no_method_protects():
    assert protected(["simple", "siamese", "advanced"]) == "advanced" and protected(["x"]) == "x"
    with pytest.raises(IndexError):
        protected([])
    assert listed([]) == "" and listed(["a", "b"], "or") == "a or b"


def test_the_budget_of_noise_draws_is_said_of_the_tables_of_one_seed_alone(records):
    one = limits.sure(records, [], "seed 3")[2]
    assert any("tables have the standard error over draws" in text for text in one)
    several = [{**r, "n_seeds": 3, "std": 0.01} for r in records]
    told = limits.sure(several, [], "seeds 1, 2, 3")[2]
    assert not any("standard error" in text for text in told)
    assert "deviation over those trainings" in told[0]


def test_what_nobody_planned_for_is_not_said_to_be_protected(records):
    asked = [{**r, "target": "age"} for r in records if r["target"] == "identity"]
    about = report.About(primary="activity", sensitive=("gender", "identity"))
    for told in (records + asked, results.select(records + asked, method="simple")):
        uploaded, *_, not_promised = officer.chapters(told, "seed 3", about)
        assert "(activity)" in uploaded.paragraphs[0]
        assert "as little as possible about gender and identity." in uploaded.paragraphs[1]
        assert "Nobody planned for age;" in uploaded.paragraphs[2]
        assert "but gender, identity and age was asked" in not_promised.findings[1]


def test_a_run_of_attacks_alone_names_the_service_and_what_is_not_known(records):
    attacks = results.select(records, evaluator="attack")
    told = {
        c.heading: c for c in officer.chapters(attacks, "seed 3", report.About(primary="sport"))
    }
    assert "is for (sport)" in told["What is uploaded"].paragraphs[0]
    assert "Accuracy was not measured in this run" in told["What protection costs"].paragraphs[0]
    assert "its own answer (sport)" in " ".join(told["What this does not promise"].findings)
    (nothing, *_) = officer.chapters([], "seed 3")
    assert "This run measured nothing of what" in nothing.paragraphs[1]


def test_what_ran_and_what_the_paper_printed_are_told_apart(records):
    text = html_words(records)
    assert "measured by what ran, but for those after the word “paper”" in text
    assert "LayersFC-1, FC-2\n" in text
    assert "MethodsSimple, Siamese, Reduced, Red. Siam., Noisy" in text
    unprinted = [r for r in records if r["evaluator"] == "attack"]
    assert "measured by what ran." in html_words(unprinted)


def html_words(records):
    return "".join(Tree(page.html("c", {}, records, {})).text)
