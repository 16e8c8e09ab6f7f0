"""What of a file is worse than was measured: by how much accuracy, privacy and attacks may differ."""

import pytest

from export.drift import excess


def found(accuracy=0.9, privacy=0.7, attack=0.6, ci_high=0.65):
    return {
        "accuracy": accuracy,
        "privacy": {"gender": {"value": privacy, "ci_low": None, "ci_high": None}},
        "attack": {"gender": {"value": attack, "ci_low": None, "ci_high": ci_high}},
    }


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({}, []),
        ({"accuracy": 0.879}, ["f loses 2.1 points of accuracy"]),
        ({"privacy": 0.679}, ["f loses 2.1 points of gender privacy"]),
        ({"attack": 0.649}, []),
        ({"attack": 0.66}, ["f gives 6.0 points more to the best attack on gender"]),
    ],
)
def test_what_is_worse_is_told(other, told):
    assert excess({"jax": found(), "f": found(**other)}) == told


def test_of_one_person_without_an_interval_two_points_are_allowed():
    original = found(ci_high=None)
    assert excess({"jax": original, "f": found(attack=0.619)}) == []
    assert excess({"jax": original, "f": found(attack=0.621)})


def test_of_few_people_whose_interval_is_wide_five_points_are_allowed():
    original = found(ci_high=0.95)
    assert excess({"jax": original, "f": found(attack=0.649)}) == []
    assert excess({"jax": original, "f": found(attack=0.651)})
