"""Tables and figures of attacks, and what is flagged."""

import numpy as np
import pytest

from hybrid_jax import attacked, figures, report, results
from hybrid_jax.collect import merge
from hybrid_jax.errors import UserError
from hybrid_jax.report import attacks

LAYERS = ("fc_1", "fc_2")
VALUES = {"simple": 0.9, "reduced": 0.85, "noisy_reduced": 0.7}


def one(value, metric="balanced_accuracy", **fields):
    about = {
        "evaluator": "attack", "target": "gender", "dataset": "motionsense", "split": "test",
        "split_kind": "trial", "gallery": "held_out", "attacker_data": "unseen", "max_windows": 64,
        "n_fit": 64, "n": 100, "classes": 2, "unit": "fraction", "chance": 0.5, "draws": 1,
        "ci_low": value - 0.05, "ci_high": value + 0.05, "seed": 0, "contrastive_weight": 0.0,
    }  # fmt: skip
    return results.record(metric=metric, value=value, **{**about, **fields})


def run(seed=0, noise=0.5, bound=0.95, shift=0.0):
    """What one seed measured: two attackers, the best, floors, sessions, strangers and all windows."""
    found = []
    for layer in LAYERS:
        for method, value in VALUES.items():
            value += shift
            for level in (0.0, noise) if method == "noisy_reduced" else (0.0,):
                about = {
                    "layer": layer, "method": method, "reduction": "none" if method == "simple" else "pca",
                    "noise_relative": level, "noise_std": 3 * level, "seed": seed,
                }  # fmt: skip
                scored = value if level or method != "noisy_reduced" else VALUES["reduced"] + shift
                found += [
                    one(scored - 0.1, attacker="logistic", route="exclusive", **about),
                    one(scored, attacker="mlp", route="exclusive", **about),
                    one(scored, attacker="best", winner="mlp", **about),
                    one(0.5, "balanced_accuracy_label_floor", **about),
                    one(0.6, "balanced_accuracy_prediction_floor", **about),
                    one(scored - 0.2, attacker="best", winner="mlp", gallery="leave_group_out")
                    | about,
                    one(scored + 0.02, attacker="best", winner="mlp", max_windows=0) | about,
                ]
                found += [
                    one(
                        scored + 0.01 * n,
                        attacker="best",
                        winner="mlp",
                        mode="session",
                        queries=n,
                        **about,
                    )
                    for n in (1, 4)
                ]
                if level:
                    found.append(one(bound, "bayes_bound", **about))
            for level in (0.0, 0.3, 0.5):
                about |= {"noise_relative": level, "noise_std": 3 * level}
                found.append(
                    one(
                        0.3 + level,
                        "privacy_index",
                        **(
                            about | {"evaluator": "privacy", "mode": "classes", "max_windows": None}
                        ),
                    )
                )
    return found


def test_a_row_for_each_method_noisy_ones_with_noise():
    text = attacks.attack_table(run(), "gender")
    head, _, *rows = text.splitlines()
    names = [
        "Layer, method",
        "logistic",
        "mlp",
        "best [95 %]",
        "which",
        "prediction",
        "label",
        "bound",
    ]
    assert [cell.strip() for cell in head.strip("|").split("|")] == names
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in cells[:3]] == ["FC-1, simple", "FC-1, reduced", "FC-1, noisy reduced"]
    assert cells[0][1:] == ["80.0", "90.0", "90.0 [85.0, 95.0]", "mlp", "60.0", "50.0", "–"]
    assert cells[2][1:] == ["60.0", "70.0", "70.0 [65.0, 75.0]", "mlp", "60.0", "50.0", "95.0"]
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
    assert cells[0][1:] == ["best", "windows", "accuracy", "balanced accuracy", "F1", "AUC"]
    assert cells[1][:3] == ["FC-1, simple", "mlp", "64"] and cells[1][4] == "90.0 [85.0, 95.0]"
    assert cells[2] == ["Most frequent class", "–", "–", "60.0", "50.0", "30.0", "50.0"]
    assert cells[3][3:] == ["80.0", "50.0", "70.0", "90.0"]


def test_an_attack_above_its_bound_is_flagged_and_no_other():
    assert attacked.flagged(run(), "gender") == []
    cheating = run(bound=0.6)
    found = attacked.flagged(cheating, "gender")
    assert {(r["attacker"], r["method"]) for r in found} == {("mlp", "noisy_reduced")}
    assert len(found) == 2
    assert attacked.flagged([r | {"target": "identity"} for r in cheating], "gender") == []
    assert attacks.attack_table(cheating, "gender").count("⚑") == 2
    page = report.markdown("command", cheating)
    assert "2 rows are above the bound: something is wrong" in page
    assert "something is wrong" not in report.markdown("command", run())


def test_holdings_stand_side_by_side():
    head, _, first, *_ = attacks.holdings_table(run(), "gender").splitlines()
    assert "unseen data, strangers" in head and "unseen data, all windows" in head
    assert [c.strip() for c in first.strip("|").split("|")] == [
        "FC-1, simple",
        "90.0",
        "70.0",
        "92.0",
    ]


def test_sessions_have_a_column_for_each_number():
    head, _, first, *_ = attacks.sessions_table(run(), "gender").splitlines()
    assert [c.strip() for c in head.strip("|").split("|")] == ["Layer, method", "1", "4"]
    assert [c.strip() for c in first.strip("|").split("|")][1:] == ["91.0", "94.0"]


def test_orderings_of_the_paper_are_checked_pair_by_pair():
    """Of three methods at two layers: a layer above another three times, reduced below simple twice."""
    lowered = [r | {"value": r["value"] - 0.01} if r["layer"] == "fc_2" else r for r in run()]
    assert attacks.orderings(lowered, "gender") == "best: 5 of 5 hold."
    raised = [r | {"value": r["value"] + 0.03} if r["layer"] == "fc_2" else r for r in run()]
    found = attacks.orderings(raised, "gender")
    assert found.startswith("best: 2 of 5 hold; FC-2 above FC-1, simple: +3.0; ")
    swapped = {"simple": "reduced", "reduced": "simple"}
    found = attacks.orderings(
        [r | {"method": swapped.get(r["method"], r["method"])} for r in run()], "gender"
    )
    assert "FC-1, reduced above simple: +5.0" in found
    assert attacks.orderings([], "gender") == ""


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
        ("nrmse", 0.5, {}),
        ("correlation", 0.8, {}),
        ("correlation", 0.1, {"target": "channel_0"}),
        ("reidentification", 0.3, {"target": "identity", "route": "reconstruction"}),
        ("reidentification", 0.9, {"target": "identity", "route": "original"}),
    ]
    records = [results.record(metric=m, value=v, **about, **more) for m, v, more in values]
    _, _, *rows = attacks.reconstruction_table(records).splitlines()
    cells = [[c.strip() for c in row.strip("|").split("|")] for row in rows]
    assert cells == [
        ["FC-1, simple", "0.50", "0.80", "30.0"],
        ["Originals", "0.00", "1.00", "90.0"],
    ]
    assert attacks.reconstruction_table([]) == ""


def test_nothing_attacked_leaves_no_table():
    assert attacks.attack_table([], "gender") == attacks.holdings_table([], "gender") == ""
    assert np.all([attacked.targets([]) == [], attacked.shown_data([], "gender") is None])
