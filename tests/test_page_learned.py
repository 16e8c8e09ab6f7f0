"""The first page names the strongest attack that was measured, and what its adversary holds."""

import attack_records
import pytest

from hybrid_jax import attacked, results
from hybrid_jax.report.page import learned

ABOUT = {
    "layer": "fc_1", "method": "advanced", "reduction": "pca", "noise_relative": 0.5, "noise_std": 1.5,
}  # fmt: skip


def one(value, attacker="best", winner="mlp", **fields):
    fields = (
        ABOUT | {"attacker": attacker, "winner": winner if attacker == "best" else None} | fields
    )
    return attack_records.one(value, **fields)


def found(*records):
    (text,) = learned.by_attacks(list(records), "gender")[1]
    return text


def test_the_strongest_attack_is_named_whatever_it_holds():
    usual = [one(0.737), one(0.737, "mlp")]
    other = [one(0.838, winner="knn", attacker_data="network_train"), one(0.70, method="simple")]
    floor = one(
        0.61, None, metric="balanced_accuracy_prediction_floor", attacker_data="network_train"
    )
    wrong = one(0.55, None, metric="balanced_accuracy_prediction_floor")
    text = found(*usual, *other, wrong, floor)
    assert "(knn, who holds training data) names the gender right in 83.8 %" in text
    assert "answer is right in 61.0 %" in text  # as known to an attacker of the same data
    assert "strongest is right in 70.0 %" in text and "73.7" not in text


def test_an_attack_whose_value_is_not_known_is_not_the_strongest():
    unknown = {**one(0.9, attacker_data="both"), "value": None}
    assert "who holds unseen data) names the gender right in 73.7 %" in found(unknown, one(0.737))
    assert learned.by_attacks([unknown], "gender") is None


def test_of_several_uploads_the_strongest_is_told_with_what_it_is_sure_of():
    about = {"mode": "session", "n": 77, "stderr": 0.02}
    few, many = one(0.81, queries=8, **about), one(0.79, queries=32, **about)
    most = one(0.90, queries=16, attacker_data="both", winner="bayes", **about)
    text = found(one(0.7), one(0.99, queries=1, **about), few, most, many)
    assert (
        "From 16 uploads of one person together the strongest (bayes, who holds training and unseen"
        in text
    )
    assert "90.0 % (standard error over people 2.0, 95 % interval 85.0 to 95.0 %, 77 such" in text


def test_strangers_stand_beside_the_same_attackers_of_the_same_data():
    apart = {"gallery": "leave_group_out"}
    strangers = [one(0.53, "logistic", **apart), one(0.55, "mlp", **apart), one(0.55, **apart)]
    known = [one(0.62, "logistic"), one(0.66, "mlp"), one(0.71, "bayes"), one(0.71, winner="bayes")]
    # Of other data, fitted on more, and on single uploads no more: not the same.
    others = [one(0.75, "mlp", attacker_data="both"), one(0.73, "mlp", max_windows=0)]
    sessions = [one(0.95, "mlp", mode="session", queries=8, **apart)]
    text = found(*strangers, *known, *others, *sessions)
    assert (
        "never met, the best of logistic and mlp (who holds unseen data of others) is right in"
        in text
    )
    assert "55.0 % (95 % interval 50.0 to 60.0 %, 100 samples)" in text
    assert "holding such data of the very people, in 66.0 %." in text
    # Of several kinds of data that strangers are attacked with, the strongest.
    more = [one(0.58, name, attacker_data="both", **apart) for name in ("mlp", "best")]
    text = found(*strangers, *known, *others, *more)
    assert (
        "never met, mlp (who holds training and unseen data of others) is right in 58.0 %" in text
    )
    assert "in 75.0 %." in text


def test_over_seeds_several_attackers_may_have_been_the_best():
    text = found(one(0.7, winner="knn, logistic"))
    assert "(knn or logistic, whichever was best in each seed, who holds" in text
    assert "by seed" not in text


@pytest.mark.parametrize(
    "records", [[], [results.record(evaluator="accuracy", metric="accuracy", value=1)]]
)
def test_where_nobody_attacked_and_nothing_was_measured_there_is_nothing_to_tell(records):
    assert attacked.targets(records) == [] and learned.by_attacks(records, "gender") is None
    assert learned.by_measure(records, "gender", 0.02) is None
