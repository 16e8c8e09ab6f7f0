"""The choice of the reduced dimension, and what a run leaves behind."""

import json

import pytest
from test_launch import make

from hybrid_jax import embedding_files, results
from hybrid_jax.evaluators import EVALUATORS
from hybrid_jax.experiment import experiment, run
from hybrid_jax.experiment.experiment import choose_dim
from hybrid_jax.results import select

KEYS = ("metric", "target", "split", "gallery", "reduction")


def test_the_smallest_dimension_that_is_good_enough_is_chosen():
    accuracies = {2: 0.80, 4: 0.895, 8: 0.90, 16: 0.91}
    assert choose_dim(accuracies, 0.0) == 16
    assert choose_dim(accuracies, 0.011) == 8
    assert choose_dim(accuracies, 0.02) == 4
    assert choose_dim(accuracies, 1.0) == 2
    assert choose_dim({8: 0.5}, 0.0) == 8


@pytest.mark.slow
def test_a_run_leaves_every_method_and_its_numbers(tmp_path):
    config = make(**{"reduction.dim": 0, "reduction.dims": (2, 4)})
    written = run.run(config, tmp_path, "the command")
    assert {path.name for path in written} >= {"results.json", "accuracy.md", "tradeoff_method.png"}
    content = results.read(tmp_path)
    assert content["command"] == "the command"
    records = content["records"]
    for method in config.methods:
        found = select(
            records,
            evaluator="accuracy",
            metric="accuracy",
            method=method,
            split="test",
            cloud="original",
        )
        noisy = method in ("noisy", "noisy_reduced", "advanced")
        kinds = 1 if method in ("simple", "siamese", "noisy") else 2
        assert len(found) == kinds * (len(config.noise.relative) if noisy else 1), method
        for kind in ("pca", "autoencoder")[:kinds]:
            folder = embedding_files.folder(tmp_path, "fc_2", method, kind)
            about = json.loads((folder / "embedding.json").read_text())
            assert about["reduced_dim"] == (64 if kinds == 1 else about["reduced_dim"]) <= 64
            assert kinds == 1 or about["reduced_dim"] in (2, 4)
            assert about["operating_noise_relative"] in config.noise.relative
    assert select(records, metric="tradeoff_area", method="advanced")
    for first, second in (
        ("simple", "noisy"),
        ("reduced", "noisy_reduced"),
        ("reduced_siamese", "advanced"),
    ):
        # To twelve digits: means over one draw and over several are sums in another order.
        same = [
            {
                (*(r[k] for k in KEYS), None if r["value"] is None else round(r["value"], 12))
                for r in select(records, method=method, noise_relative=0.0, cloud="original")
                if r["metric"] != "tradeoff_area" and r["mode"] in (None, "classes")
            }
            for method in (first, second)
        ]
        assert same[0] == same[1], (first, second)


@pytest.mark.slow
def test_what_is_measured_is_not_measured_again(tmp_path, monkeypatch):
    """A run that is stopped while it measures goes on where it was, and finds what one that is not stopped finds."""
    changes = {
        "methods": ("simple", "reduced", "noisy_reduced"),
        "reduction.autoencoder_layers": (),
    }
    config = make(**changes, evaluators=("accuracy", "attack"))
    run.run(config, tmp_path / "whole", "the command")
    asked, real = [], EVALUATORS["attack"]

    def stopped(embedded, settings):
        asked.append(embedded.embedding.method)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(embedded, settings)

    monkeypatch.setitem(EVALUATORS, "attack", stopped)
    with pytest.raises(KeyboardInterrupt):
        run.run(config, tmp_path / "stopped", "the command")
    assert asked == ["simple", "reduced"]
    run.run(config, tmp_path / "stopped", "the command")
    assert asked == ["simple", "reduced", "reduced", "noisy_reduced"]
    contents = [(tmp_path / name / "results.json").read_bytes() for name in ("whole", "stopped")]
    assert contents[0] == contents[1]

    about = embedding_files.folder(tmp_path / "whole", "fc_2", "noisy_reduced", "pca")
    noises = [json.loads((about / "embedding.json").read_text())]
    (tmp_path / "whole" / "results.json").unlink()
    monkeypatch.setattr(experiment, "operating_points", lambda *_: {})  # as without accuracy
    run.run(config, tmp_path / "whole", "the command")
    noises.append(json.loads((about / "embedding.json").read_text()))
    assert noises[0] == noises[1] and noises[0]["operating_noise_relative"] > 0


@pytest.mark.slow
def test_layers_are_measured_from_the_device_on_in_whatever_order_they_are_named(tmp_path):
    """Tables and orderings go by the order of the records."""
    config = make(layers=("fc_2", "fc_1"), methods=("simple",), evaluators=("accuracy",))
    run.run(config, tmp_path, "the command")
    assert results.distinct(results.read(tmp_path)["records"], "layer") == ["fc_1", "fc_2"]
