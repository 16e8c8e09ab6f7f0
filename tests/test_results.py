import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from synthetic_records import LAYERS, run

from hybrid_jax import metrics, results, tradeoff
from hybrid_jax.errors import UserError

RECORD = {"evaluator": "accuracy", "metric": "accuracy", "value": 0.5}


def test_a_record_is_flat_and_has_every_field():
    made = results.record(**RECORD, layer="conv_4", n=np.int64(7), stderr=np.float32(0.25))
    assert tuple(made) == results.FIELDS
    assert (made["n"], made["stderr"], made["noise_std"], made["cloud"], made["margin"]) == (
        7,
        0.25,
        0.0,
        "original",
        None,
    )
    assert type(made["n"]) is int and type(made["stderr"]) is float


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.float32("nan"), None])
def test_what_json_cannot_say_becomes_none(value):
    assert results.record(**RECORD | {"value": value})["value"] is None


def test_an_unknown_field_is_an_error_that_names_the_nearest():
    with pytest.raises(UserError, match=r"'noise_sd'.*noise_std"):
        results.record(**RECORD, noise_sd=1.0)
    with pytest.raises(UserError, match=r"'galery'.*gallery"):
        results.select([], galery="self")
    with pytest.raises(TypeError, match="layer"):
        results.record(**RECORD, layer=["conv_4"])
    with pytest.raises(TypeError, match="n"):
        results.record(**RECORD, n=np.zeros(2))


def test_written_and_read_again_is_the_same_and_so_are_the_bytes(tmp_path):
    records = run(layers=LAYERS[:1])
    config = {"seed": 0, "nested": {"list": [1, 2]}}
    path = results.write(tmp_path / "new" / "results.json", "launch.py", config, records)
    content = results.read(path)
    assert content == results.read(path.parent)
    assert content["records"] == records and content["config"] == config
    assert content["schema"] == 1 and content["command"] == "launch.py"
    assert {"python", "jax", "numpy"} <= content["versions"].keys()
    first = path.read_bytes()
    assert results.write(path, "launch.py", config, content["records"]).read_bytes() == first
    assert [p.name for p in path.parent.iterdir()] == ["results.json"]  # nothing unfinished is left
    assert json.loads(results.write(path, "", {}, []).read_text())["records"] == []


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = results.write_json(tmp_path / "tune.json", {"a": 1})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        results.write_json(path, {"a": float("nan")})
    with pytest.raises(UserError):
        results.write(path, "", {}, [RECORD, {**RECORD, "typo": 1}])
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_several_may_write_one_file_at_once(tmp_path):
    """As the shards of a sweep do with its config."""
    contents = [f"{number}" * 20_000 for number in range(4)]

    def write(text):
        for _ in range(50):
            results.write_text(tmp_path / "config.json", text)
            assert (tmp_path / "config.json").read_text() in contents

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, contents))
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "does not exist: expected the folder of a run that has finished"),
        ('{"schema": 1, "records": [', "cannot be read as JSON"),
        ("[]", "has schema None: expected 1"),
        ('{"schema": 2, "records": []}', "has schema 2: expected 1"),
        ('{"schema": 1, "records": []}', "lacks command, config, versions"),
        (
            '{"schema":1,"command":"","config":{},"versions":{},"records":[{"metric":"a"}]}',
            "damaged record",
        ),
        (
            '{"schema":1,"command":"","config":{},"versions":{},"records":[7]}',
            "damaged record",
        ),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path, text, complaint):
    path = tmp_path / "results.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=complaint) as error:
        results.read(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_select_and_distinct_keep_the_order():
    records = run(layers=LAYERS[:2])
    chosen = results.select(records, layer=("fc_1", "conv_4"), metric="accuracy", split="test")
    assert chosen == [r for r in records if r["metric"] == "accuracy" and r["split"] == "test"]
    assert results.select(records, margin=None) == [r for r in records if r["margin"] is None]
    assert results.distinct(records, "layer") == ["conv_4", "fc_1"]
    assert results.distinct(records, "attacker") == []


def test_curves_join_accuracy_and_privacy_of_the_same_noise():
    records = run()
    reference = tradeoff.curves(records)
    # 3 noisy methods at 3 layers and 2 with the autoencoder; 2 targets, 4 adversaries, 2 clouds
    assert len(reference) == (3 * 3 + 2) * 2 * 4 * 2
    shuffled = [records[i] for i in np.random.default_rng(1).permutation(len(records))]
    found = {tuple(c.about.items()): c for c in tradeoff.curves(shuffled)}
    for curve in reference:
        other = found[tuple(curve.about.items())]
        np.testing.assert_array_equal(curve.accuracy, other.accuracy)
        np.testing.assert_array_equal(curve.privacy, other.privacy)
        assert np.all(np.diff(curve.noise_relative) > 0)
        (point,) = results.select(
            records, evaluator="accuracy", metric="accuracy", split="test",
            method=curve.about["method"], layer=curve.about["layer"], cloud=curve.about["cloud"],
            reduction=curve.about["reduction"], noise_relative=curve.noise_relative[5],
        )  # fmt: skip
        assert point["value"] == curve.accuracy[5]


def test_accuracy_at_a_privacy_is_accuracy_at_its_index():
    curve = tradeoff.curves(run(), target="identity", gallery="self")[0]
    np.testing.assert_allclose(curve.accuracy_at(curve.privacy[1:4]), curve.accuracy[1:4])
    assert curve.accuracy_at(1 / 24) == pytest.approx(curve.accuracy[0])
    assert np.isnan(curve.accuracy_at(0.99))


def test_points_that_only_one_side_has_are_no_points():
    records = run(layers=LAYERS[:1])
    grid = results.distinct(records, "noise_relative")
    fewer = [
        r
        for r in records
        if not (r["evaluator"] == "accuracy" and r["noise_relative"] == grid[3])
        and not (r["metric"] == "privacy_index" and r["noise_relative"] == grid[4])
    ]
    assert {len(c.accuracy) for c in tradeoff.curves(fewer)} == {len(grid) - 2}
    assert tradeoff.curves(results.select(records, evaluator="privacy")) == []
    assert tradeoff.curves([]) == []


def test_area_records_are_the_areas_of_the_compared_pair():
    records = run()
    areas = tradeoff.tradeoff_area_records(records)
    assert len(areas) == len(tradeoff.curves(records))
    pair = {
        c.about["method"]: (c.privacy_index, c.accuracy)
        for c in tradeoff.curves(records, target="gender", gallery="self", cloud="retrained")
        if c.name[0] == "fc_1" and c.about["method"] != "noisy"
    }
    where = {"layer": "fc_1", "target": "gender", "gallery": "self", "cloud": "retrained"}
    for name, area in metrics.tradeoff_areas(pair).items():
        (made,) = results.select(areas, method=name, **where)
        assert made["value"] == pytest.approx(area)
        assert (made["metric"], made["noise_relative"]) == ("tradeoff_area", None)
    # `noisy` reaches too little privacy here to be compared
    assert results.select(areas, method="noisy", **where)[0]["value"] is None


def test_operating_points_are_chosen_on_validation():
    records = run(noise_scale=0.0)
    points = tradeoff.operating_points(records)
    assert len(points) == 3 * 3 + 2
    where = {"layer": "fc_1", "method": "advanced", "cloud": "original"}
    measured = results.select(records, metric="accuracy", split="validation", **where)
    good = [r["noise_relative"] for r in measured if r["value"] >= measured[0]["value"] - 0.02]
    assert points["fc_1", "advanced", "pca"] == max(good) > 0
    on_test = [r for r in records if r["split"] != "validation"]
    assert tradeoff.operating_points(on_test) == {}
    assert tradeoff.operating_points(records, tolerance=1.0)["fc_1", "advanced", "pca"] == 2.0
