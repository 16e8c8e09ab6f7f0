"""The trained work folder that comes along: small, readable by this version, and as good as its results say."""

from pathlib import Path

import pytest

from export import drift, source
from hybrid_jax import results
from hybrid_jax.choice import choose
from hybrid_jax.experiment import setup, workdir

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "activity"
LAYER, METHOD = "fc_1", "advanced"
MOST = 2_000_000  # bytes


@pytest.fixture
def example():
    return source.load(FOLDER, METHOD, LAYER)


def measured(**of):
    records = results.read(FOLDER)["records"]
    (found,) = results.select(records, method=METHOD, layer=LAYER, **of)
    return found["value"]


def operating(example):
    relative = example.about["operating_noise_relative"]
    return {"noise_relative": relative, "split": "test", "cloud": "original"}


def test_it_is_small_and_this_version_reads_it(example):
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST
    config = workdir.read(FOLDER)
    assert config.layers == (LAYER,) and config.data.dir == ""
    assert setup.evaluator_settings(config).sensitive == ("gender", "identity")
    assert example.noise_std > 0 and example.config.data.name == "motionsense"
    assert example.device.inputs and example.cloud.output_shape == (4,)


def test_what_its_page_says_is_in_its_results(example):
    page = (FOLDER / "README.md").read_text()
    at = operating(example)
    accuracy = measured(evaluator="accuracy", **at)
    attack = measured(evaluator="attack", target="gender", attacker_data="unseen", mode=None, **at)
    assert f"activity {100 * accuracy:.1f} %" in page
    assert f"gender right in {100 * attack:.1f} %" in page
    records = results.read(FOLDER)["records"]
    assert f"{len(records)} of its" in page


def test_a_point_can_be_chosen_from_it(tmp_path):
    (tmp_path / "results.json").write_bytes((FOLDER / "results.json").read_bytes())
    choose.choose(tmp_path, "", {"accuracy": 0.92})
    chosen = choose.read(tmp_path / choose.NAME)
    assert chosen["method"] == METHOD and chosen["validation"]["accuracy"] >= 0.92
    found = source.chosen(FOLDER, chosen)
    assert found.noise_std == pytest.approx(chosen["noise_std"])


@pytest.mark.slow
def test_on_the_data_it_is_as_good_as_its_results_say(example, data_root, monkeypatch):
    monkeypatch.setenv("HYBRID_JAX_DATA", str(data_root))
    found = drift.measured(drift.embedded(example), example)
    at = operating(example)
    assert found["accuracy"] == pytest.approx(measured(evaluator="accuracy", **at), abs=0.003)
    index = found["privacy"]["gender"]["value"]
    assert 0.6 < index < 0.75  # rank / K, chance is .75
    best = measured(evaluator="attack", target="gender", attacker_data="unseen", mode=None, **at)
    assert found["attack"]["gender"]["value"] < best + 0.03
