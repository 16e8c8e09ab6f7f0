"""The README's example of an attack of one's own: short, and run without an edit of the package."""

import sys
from pathlib import Path

import numpy as np
import pytest

from hybrid_jax import attacks, results
from hybrid_jax.attacks import Knowledge, attempt
from hybrid_jax.experiment import config_file, run

EXAMPLE = Path(__file__).parents[1] / "examples" / "own_attack.py"


@pytest.fixture
def example():
    """What the example's file adds is taken away afterwards."""
    known = dict(attacks.ATTACKERS)
    yield EXAMPLE
    for name in attacks.ATTACKERS.keys() - known.keys():
        del attacks.ATTACKERS[name]


def test_it_is_short():
    assert len(EXAMPLE.read_text().splitlines()) <= 40


def test_it_finds_a_planted_leak(example):
    config_file.call(str(example), "get_config", "")
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 300)
    features = (generator.normal(size=(300, 4)) + 4 * np.eye(4)[labels]).astype(np.float32)
    known = Knowledge(0.5, 3, (features, labels), None)
    found = attempt.attempt(attacks.ATTACKERS["nearest_mean"], known, features, labels, features)
    assert np.mean(found.argmax(axis=1) == labels) > 0.9


@pytest.mark.slow
def test_it_stands_in_the_table(example, tmp_path):
    config = config_file.call(f"{example}:smoke", "get_config", "").unlock()
    config.methods, config.evaluators = ("simple",), ("attack",)
    run.run(config.lock(), tmp_path, "the command")
    assert "nearest_mean" in results.distinct(results.read(tmp_path)["records"], "attacker")
    assert "nearest_mean" in (tmp_path / "accuracy.md").read_text()
    assert "config" not in sys.modules
