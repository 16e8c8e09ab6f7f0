"""Which weight and margin are chosen, and that a run in the same folder is none the wiser."""

import json

import pytest
from test_launch import make

from hybrid_jax.errors import UserError
from hybrid_jax.experiment import run, tune
from hybrid_jax.experiment.tune import choose


def point(weight, siamese, reduced_siamese, margin=10.0):
    return {
        "contrastive_weight": weight,
        "margin": margin,
        "siamese": siamese,
        "reduced_siamese": reduced_siamese,
    }


def test_the_best_reduced_accuracy_whose_siamese_stays_near_simple():
    points = [point(0.1, 0.95, 0.90), point(0.3, 0.945, 0.93), point(1.0, 0.90, 0.99)]
    assert choose(points, simple=0.95, tolerance=0.01) is points[1]
    assert choose(points, simple=0.95, tolerance=0.06) is points[2]
    assert choose(points, simple=0.95, tolerance=0.0) is points[0]
    assert choose(points, simple=0.5, tolerance=0.0) is points[2]


def test_exactly_at_the_tolerance_is_within_it():
    points = [point(0.1, 0.75, 0.8), point(1.0, 0.5, 0.9)]
    assert choose(points, simple=0.75, tolerance=0.25) is points[1]


def test_where_none_is_near_the_one_nearest_to_simple():
    points = [point(0.1, 0.80, 0.90), point(0.3, 0.85, 0.70), point(1.0, 0.70, 0.99)]
    assert choose(points, simple=0.95, tolerance=0.01) is points[1]


@pytest.mark.parametrize("order", [1, -1])
def test_of_equals_the_smaller_weight(order):
    points = [point(0.1, 0.95, 0.93), point(0.3, 0.96, 0.93), point(1.0, 0.95, 0.93)][::order]
    assert choose(points, simple=0.95, tolerance=0.01)["contrastive_weight"] == 0.1
    far = [point(0.1, 0.5, 0.9), point(0.3, 0.5, 0.95)][::order]
    assert choose(far, simple=0.95, tolerance=0.01)["contrastive_weight"] == 0.1


def test_a_dimension_to_be_chosen_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"set config\.reduction\.dim"):
        tune.run(make(**{"reduction.dim": 0}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_layer_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"config\.layers is empty"):
        tune.run(make(layers=()), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_after_tune_in_one_folder_is_the_run_alone(tmp_path):
    """Both fine-tune by the same names, for another number of epochs."""
    config = make(**{"methods": ("simple", "siamese"), "evaluators": ("accuracy",)})
    config.tune.epochs = 0.5
    written = tune.run(config, tmp_path / "both")
    assert [path.name for path in written] == ["tune.json", "tune.png"]
    content = json.loads(written[0].read_text())
    layer = content["layers"]["fc_2"]
    assert [(p["contrastive_weight"], p["margin"]) for p in layer["points"]] == [(0.1, 10), (1, 10)]
    assert layer["chosen"] in layer["points"]
    for folder in ("both", "alone"):
        run.run(config, tmp_path / folder, "the command")
    both, alone = (tmp_path / folder / "results.json" for folder in ("both", "alone"))
    assert both.read_text() == alone.read_text()
