"""What of a file is worse than was measured: by how much accuracy, privacy and attacks may differ."""

import export_workdir
import jax.numpy as jnp
import numpy as np
import pytest

from export import drift, source
from export.drift import excess
from hybrid_jax.data import TEST


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


@pytest.mark.slow
def test_privacy_and_attacks_are_measured_at_the_noise_that_is_shipped(tmp_path):
    """At noise far above the feature both are at chance: 3 / 4 for two classes, and a half."""
    embedded = export_workdir.write(tmp_path, ("advanced",))["advanced"]
    clean, loud = (
        source.load(tmp_path, "advanced", export_workdir.LAYER, noise_std=std)
        for std in (0.0, 300.0 * embedded.rms)
    )
    quiet, drowned = (drift.measured(drift.embedded(of), of) for of in (clean, loud))
    assert drowned["privacy"]["gender"]["value"] == pytest.approx(0.75, abs=0.03)
    assert quiet["privacy"]["gender"]["value"] < 0.7
    assert drowned["attack"]["gender"]["value"] < 0.58 < quiet["attack"]["gender"]["value"]
    blind = drift.by_file(drift.embedded(clean), lambda x: np.zeros((len(x), export_workdir.DIM)))
    assert blind.z[TEST].shape == embedded.z[TEST].shape and not blind.z[TEST].any()


@pytest.mark.slow
def test_of_the_whole_network_accuracy_is_its_own(tmp_path):
    embedded = export_workdir.write(tmp_path, ("simple",))["simple"]
    found = source.load(tmp_path, "on_premise", None)
    logits = embedded.embedding.classifier(embedded.variables, embedded.z[TEST])
    labels = embedded.labels("activity", TEST)
    right = float(np.mean(np.argmax(logits, axis=1) == labels))
    assert drift.of(found, {}) == {"jax": {"accuracy": pytest.approx(right)}}
    always = labels[0]

    def one_answer(inputs):
        return jnp.eye(4)[always][None]

    others = drift.of(found, {"f": one_answer})
    assert others["f"]["accuracy"] == pytest.approx(np.mean(labels == always))
