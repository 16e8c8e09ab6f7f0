"""Tables of leakage from records."""

from test_report import rows

from hybrid_jax import results
from hybrid_jax.report import leakage

ABOUT = {"evaluator": "privacy", "split": "test", "mode": "classes", "layer": "fc_1"}


def record(metric, value, **fields):
    return results.record(metric=metric, value=value, **ABOUT | fields)


def test_a_cell_has_value_error_and_interval_as_far_as_they_are_known():
    made = [
        record("rank", 1.2, noise_std=0.0, chance=1.5),
        record("privacy", 0.6, noise_std=0.0, chance=0.75),
        record("rank", 1.4, noise_std=1.0, chance=1.5),
        record("privacy", 0.7, noise_std=1.0, chance=0.75, stderr=0.01, ci_low=0.65, ci_high=0.73),
        record("bayes_security", -1e-16, noise_std=0.0, chance=1.0),
        record("bayes_security", None, noise_std=1.0, chance=1.0),
    ]
    found = rows(leakage.measures_table(made))
    assert found["measure"] == ["σ 0", "σ 1", "chance"]
    assert found["rank/K %"] == ["60.0", "70.0 ± 1.0 [65.0, 73.0]", "75.0"]
    assert found["Bayes security"] == ["0.000", "–", "1.000"]
    floor = {"noise_std": 0.0, "chance": 0.75}
    made += [record(f"{metric}_label_floor", 0.7, **floor) for metric in ("rank", "privacy")]
    assert rows(leakage.measures_table(made, "_label_floor"))["measure"] == ["any σ", "chance"]


def test_guesses_as_many_as_classes_are_no_measure():
    made = [record(m, 1.0, chance=1.0) for m in ("rank", "top1", "top5")]
    assert leakage.measures_table(made) == ""
    made.append(record("top1", 0.7, chance=0.5))
    assert list(rows(leakage.measures_table(made)))[2:] == ["top 1 %"]


def test_floors_stand_beside_the_feature_at_the_operating_noise():
    about = {"target": "gender", "gallery": "held_out", "attacker_data": "unseen"}
    made = []
    for noise, accuracy, index in ((0.0, 0.95, 0.1), (0.5, 0.94, 0.4), (2.0, 0.6, 0.9)):
        at = {"method": "advanced", "reduction": "pca", "noise_relative": noise}
        made += [
            record("privacy_index", index, **about, **at),
            record("privacy_index_prediction_floor", index + 0.05, **about, **at),
            results.record(
                evaluator="accuracy", metric="accuracy", value=accuracy, split="validation",
                layer="fc_1", **at,
            ),
        ]  # fmt: skip
    label = {"method": "advanced", "reduction": "pca", "noise_relative": 0.0}
    made.append(record("privacy_index_label_floor", 0.99, **about, **label))
    made.append(record("privacy_index", 0.2, **about, method="simple"))
    found = rows(leakage.beyond_table(made, "gender"))
    assert found["FC-1, advanced"][:3] == ["0.400", "0.450", "0.990"]
    assert found["FC-1, simple"][:3] == ["0.200", "–", "–"]
    assert leakage.beyond_table(made, "identity") == ""


def test_what_nobody_planned_for_has_a_column_each():
    about = {"gallery": "leave_group_out", "method": "simple"}
    made = [
        record("privacy_index", 0.8, target="height", ci_low=0.7, ci_high=0.9, **about),
        record("privacy_index", 1.1, target="age", **about),
    ]
    found = rows(leakage.unplanned_table(made, ["height", "age"]))
    assert found["FC-1, simple"] == ["0.800 [0.700, 0.900]", "1.100"]
    assert leakage.unplanned_table(made, []) == ""


def test_a_guarantee_is_shown_where_there_is_one():
    about = {"method": "advanced", "reduction": "pca", "noise_std": 2.0}
    made = [
        record("gaussian_dp_mu", 1.5, unit="mu", **about),
        record("dp_epsilon", None, unit="epsilon at delta 1e-05", **about),
    ]
    found = rows(leakage.guarantee_table(made))
    assert found["FC-1, advanced"] == ["2", "1.5", "infinite"]
    assert leakage.guarantee_table([record("privacy", 0.5)]) == ""
