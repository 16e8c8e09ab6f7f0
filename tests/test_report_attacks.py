"""Tables and figures of attacks, and what is flagged."""

import numpy as np
import page_records
import pytest
from attack_records import run

from hybrid_jax import attacked, figures, report, results
from hybrid_jax.collect import merge
from hybrid_jax.errors import UserError
from hybrid_jax.report import attacks, page


def test_a_row_for_each_method_noisy_ones_with_noise():
    text = attacks.attack_table(run(), "gender")
    head, _, *rows = text.splitlines()
    names = [
        "Layer, method",
        "logistic",
        "mlp",
        "best [95 %]",
        "which",
        "any data",
        "prediction",
        "label",
        "bound",
    ]
    assert [cell.strip() for cell in head.strip("|").split("|")] == names
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in cells[:3]] == ["FC-1, simple", "FC-1, reduced", "FC-1, noisy reduced"]
    assert cells[0][1:] == ["80.0", "90.0", "90.0 [85.0, 95.0]", "mlp", "92.0", "60.0", "50.0", "–"]
    assert cells[2][1:] == [
        "60.0",
        "70.0",
        "70.0 [65.0, 75.0]",
        "mlp",
        "72.0",
        "60.0",
        "50.0",
        "95.0",
    ]
    assert len(cells) == 6


def test_the_best_attacker_has_every_metric_beside_who_sees_nothing():
    records = run()
    for metric, value, chance in (("accuracy", 0.8, 0.6), ("f1", 0.7, 0.3), ("auc", 0.9, 0.5)):
        records += [
            r | {"metric": metric + suffix, "value": value, "chance": chance}
            for suffix in ("", "_label_floor")
            for r in run()
            if r["metric"] == f"balanced_accuracy{suffix}" and r["attacker"] in ("best", None)
        ]
    head, _, first, *_, majority, label = attacks.best_table(records, "gender").splitlines()
    cells = [
        [c.strip() for c in row.strip("|").split("|")] for row in (head, first, majority, label)
    ]
    assert cells[0][1:] == ["best", "samples", "accuracy", "balanced accuracy", "F1", "AUC"]
    assert cells[1][:3] == ["FC-1, simple", "mlp", "64"] and cells[1][4] == "90.0 [85.0, 95.0]"
    assert cells[2] == ["Most frequent class", "–", "–", "60.0", "50.0", "30.0", "50.0"]
    assert cells[3][3:] == ["80.0", "50.0", "70.0", "90.0"]


def test_an_attack_above_its_bound_is_flagged_and_no_other():
    assert attacked.flagged(run(), "gender") == []
    cheating = run(bound=0.6)
    found = attacked.flagged(cheating, "gender")
    assert {(r["attacker"], r["method"]) for r in found} == {("mlp", "noisy_reduced")}
    assert len(found) == 2
    # It holds for whoever attacks, with whatever data.
    other = [r | {"attacker_data": "both"} for r in cheating if r["metric"] != "bayes_bound"]
    assert len(attacked.flagged([*cheating, *other], "gender")) == 4
    assert attacked.flagged([r | {"target": "identity"} for r in cheating], "gender") == []
    assert attacks.attack_table(cheating, "gender").count("⚑") == 2
    # All samples: 72 less the 5 of its interval are above 60, strangers' 50 are not.
    assert attacks.holdings_table(cheating, "gender").count("⚑") == 4
    page = report.markdown("command", cheating)
    assert "2 rows are above the bound: something is wrong" in page
    assert "something is wrong" not in report.markdown("command", run())


def test_holdings_stand_side_by_side():
    head, _, first, *_ = attacks.holdings_table(run(), "gender").splitlines()
    names = ["unseen data", "unseen data, strangers", "unseen data, all samples"]
    assert [c.strip() for c in head.strip("|").split("|")] == ["Layer, method", *names]
    assert [c.strip() for c in first.strip("|").split("|")] == [
        "FC-1, simple",
        "90.0",
        "70.0",
        "92.0",
    ]


def test_strangers_stand_beside_what_the_same_attackers_get_of_people_they_know():
    strangers = [
        r | {"attacker": "logistic", "winner": None}
        for r in run()
        if r["gallery"] == "leave_group_out"
    ]
    head, _, first, *_ = attacks.holdings_table([*run(), *strangers], "gender").splitlines()
    assert head.strip("| ").endswith("unseen data, same attackers")
    assert first.strip("| ").endswith("80.0")


def test_a_noisy_method_whose_operating_noise_is_none_keeps_its_row(tmp_path):
    records = [r for r in run() if r["method"] == "noisy_reduced" and not r["noise_relative"]]
    _, _, first, *_ = attacks.attack_table(records, "gender").splitlines()
    assert "FC-1, noisy reduced" in first and "85.0" in first
    assert figures.attacks(tmp_path / "attacks.png", records) is not None


def test_sessions_have_a_column_for_each_number():
    head, _, first, *_ = attacks.sessions_table(run(), "gender").splitlines()
    assert [c.strip() for c in head.strip("|").split("|")] == ["Layer, method", "1", "4"]
    assert [c.strip() for c in first.strip("|").split("|")][1:] == ["91.0", "94.0"]


def test_seeds_are_merged_whatever_their_operating_noise_and_winner():
    one_seed, other = run(0, 0.5), run(1, 0.3, shift=0.02)
    other = [r | {"winner": "logistic"} if r["winner"] else r for r in other]
    merged = merge({0: one_seed, 1: other})
    (at_noise,) = results.select(
        merged, evaluator="attack", attacker="best", method="noisy_reduced", layer="fc_1",
        mode=None, gallery="held_out", max_windows=64, noise_relative=0.4,
    )  # fmt: skip
    assert at_noise["value"] == pytest.approx(0.71)
    assert at_noise["winner"] == "mlp, logistic" and at_noise["n_seeds"] == 2
    assert "± 1.4" in attacks.attack_table(merged, "gender")


def test_a_seed_without_operating_noise_has_nothing_to_merge_at_it():
    without = [r for r in run(1) if not (r["evaluator"] == "attack" and r["noise_relative"])]
    merged = merge({0: run(0), 1: without})
    found = results.select(merged, evaluator="attack", method="noisy_reduced", noise_relative=0.5)
    assert found and {r["n_seeds"] for r in found} == {1}
    lacking = [r for r in run(1) if not (r["evaluator"] == "attack" and r["method"] == "reduced")]
    with pytest.raises(UserError, match="seed 1 lacks the point evaluator=attack"):
        merge({0: run(0), 1: lacking})
    begun = [r for r in run(1) if not (r["metric"] == "bayes_bound" and r["layer"] == "fc_1")]
    with pytest.raises(UserError, match=r"seed 1 lacks .* metric=bayes_bound"):
        merge({0: run(0), 1: begun})


def test_figures_are_drawn_and_the_same_bytes_again(tmp_path):
    for draw in (figures.attacks, figures.attack_privacy, figures.attack_sessions):
        paths = [draw(tmp_path / f"{draw.__name__}-{i}.png", run()) for i in range(2)]
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert draw(tmp_path / "none.png", []) is None
        other = draw(tmp_path / "other.png", run(shift=0.05))
        assert other.read_bytes() != paths[0].read_bytes()


def test_what_was_rebuilt_stands_beside_the_originals():
    about = {
        "evaluator": "reconstruction", "split": "test", "layer": "fc_1", "method": "simple",
        "reduction": "none", "noise_relative": 0.0,
    }  # fmt: skip
    values = [
        ("nrmse", 0.5, {"chance": 1.0}),
        ("correlation", 0.8, {"chance": 0.0}),
        ("correlation", 0.1, {"chance": 0.0, "target": "channel_0"}),
        ("reidentification", 0.3, {"chance": 0.1, "target": "identity", "route": "reconstruction"}),
        ("reidentification", 0.9, {"chance": 0.1, "target": "identity", "route": "original"}),
    ]
    records = [results.record(metric=m, value=v, **about, **more) for m, v, more in values]
    _, _, *rows = attacks.reconstruction_table(records).splitlines()
    cells = [[c.strip() for c in row.strip("|").split("|")] for row in rows]
    assert cells == [
        ["FC-1, simple", "0.50", "0.80", "30.0"],
        ["Originals", "0.00", "1.00", "90.0"],
        ["Chance", "1.00", "0.00", "10.0"],
    ]


def test_of_rebuilt_images_the_table_says_what_is_found_in_them():
    about = {
        "evaluator": "reconstruction", "split": "test", "layer": "block_4", "method": "simple",
        "reduction": "none", "noise_relative": 0.0, "chance": 0.25,
    }  # fmt: skip
    values = [("psnr", 20.0, {}), ("ssim", 0.5, {})]
    for route, share in (("reconstruction", 0.5), ("original", 1.0)):
        for target, value in (("identity", 0.4), ("instance", 0.6)):
            values.append(("reidentification", share * value, {"target": target, "route": route}))
        values.append(("accuracy", share * 0.9, {"target": "gender", "route": route}))
    records = [results.record(metric=m, value=v, **about, **more) for m, v, more in values]
    head, _, *rows = attacks.reconstruction_table(records).splitlines()
    cells = [[c.strip() for c in row.strip("|").split("|")] for row in (head, *rows)]
    assert cells == [
        ["Layer, method", "PSNR, dB", "SSIM", "image found again, %", "gender still found, %",
         "person found again, %"],
        ["block_4, simple", "20.0", "0.50", "30.0", "45.0", "20.0"],
        ["Originals", "∞", "1.00", "60.0", "90.0", "40.0"],
        ["Chance", "0.2", "0.25", "25.0", "25.0", "25.0"],
    ]  # fmt: skip
    assert attacks.reconstruction_table([]) == ""


def test_a_defence_that_is_not_the_papers_has_its_rows_and_its_marks(tmp_path):
    known = page_records.everything()
    records = [r | {"method": "LDP"} if r["method"] == "simple" else r for r in known]
    told = results.off_device(records)
    lines, before = (report.markdown("command", own) for own in (told, results.off_device(known)))
    assert lines.count("| FC-1, LDP ") == before.count("| FC-1, simple ") > 3
    assert "</html>" in page.html("command", {}, records, {})
    for draw in (figures.attacks, figures.attack_privacy):
        assert draw(tmp_path / "one.png", records).read_bytes()
    sweep = [r | {"margin": margin} for r in told for margin in (1.0, 2.0)]
    assert "FC-1, LDP" in report.sweep.sweep_table(sweep)


def test_nothing_attacked_leaves_no_table():
    assert attacks.attack_table([], "gender") == attacks.holdings_table([], "gender") == ""
    assert np.all([attacked.targets([]) == [], attacked.shown_data([], "gender") is None])
