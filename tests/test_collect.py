import json
import shutil

import numpy as np
import pytest
from synthetic_records import LAYERS, run

from hybrid_jax import collect, report, results
from hybrid_jax.collect import seeds
from hybrid_jax.errors import UserError

CONFIG = {"seed": 0, "data": {"name": "motionsense"}, "layers": ["fc_1"]}


def write(folder, seed, records=None, **config):
    records = run(seed, layers=LAYERS[:1])[::7] if records is None else records
    path = folder / f"seed-{seed}" / "results.json"
    return results.write(path, "launch.py", {**CONFIG, "seed": seed, **config}, records)


def test_mean_std_and_stderr_equal_a_loop(tmp_path):
    by_seed = {seed: run(seed, layers=LAYERS[:1]) for seed in range(4)}
    merged = collect.merge(by_seed)
    assert len(merged) == len(by_seed[0])
    for i in range(0, len(merged), 31):
        rows = [run_[i] for run_ in by_seed.values()]
        values = [r["value"] for r in rows]
        mean = sum(values) / 4
        std = (sum((v - mean) ** 2 for v in values) / 3) ** 0.5
        assert merged[i]["value"] == pytest.approx(mean)
        assert merged[i]["std"] == pytest.approx(std, abs=1e-12)
        assert merged[i]["stderr"] == pytest.approx(std / 2, abs=1e-12)
        assert merged[i]["n_seeds"] == 4 and merged[i]["seed"] is None
        # The scale of the noise is each seed's own; relative to it they are one point.
        assert merged[i]["noise_std"] == pytest.approx(np.mean([r["noise_std"] for r in rows]))
        assert merged[i]["noise_relative"] == rows[0]["noise_relative"]


def test_the_order_of_runs_and_of_records_does_not_matter():
    by_seed = {seed: run(seed, layers=LAYERS[:1])[::5] for seed in range(3)}
    swapped = {seed: by_seed[seed][::-1] for seed in (2, 0, 1)}

    def by_point(merged):
        return {seeds._key(r, results.IDENTITY): r for r in merged}

    one, other = by_point(collect.merge(by_seed)), by_point(collect.merge(swapped))
    assert one.keys() == other.keys()
    for key, r in one.items():
        assert r["value"] == pytest.approx(other[key]["value"], abs=1e-15)


def test_one_seed_keeps_its_own_error_and_has_no_spread():
    own = run(3, layers=LAYERS[:1])[:200]
    merged = collect.merge({3: own})
    for r, m in zip(own, merged, strict=True):
        assert m == {**r, "std": None, "n_seeds": 1}


def test_a_missing_value_is_left_out_of_the_mean():
    point = {"evaluator": "privacy", "metric": "tradeoff_area"}
    runs = {k: [results.record(**point, value=v)] for k, v in enumerate([0.2, None, 0.4])}
    (merged,) = collect.merge(runs)
    assert (merged["value"], merged["n_seeds"]) == (pytest.approx(0.3), 2)
    (nothing,) = collect.merge({k: [results.record(**point, value=None)] for k in range(2)})
    assert (nothing["value"], nothing["std"], nothing["stderr"], nothing["n_seeds"]) == (
        None, None, None, 0,
    )  # fmt: skip


def test_a_dimension_that_each_seed_chose_is_averaged_one_that_a_run_varies_is_not():
    def point(dim, value):
        return results.record(evaluator="accuracy", metric="f1", value=value, reduced_dim=dim)

    (chosen,) = collect.merge({0: [point(4, 0.8)], 1: [point(8, 0.9)]})
    assert (chosen["reduced_dim"], chosen["value"]) == (6.0, pytest.approx(0.85))
    varied = collect.merge({k: [point(4, 0.8), point(8, 0.9)] for k in range(2)})
    assert [r["reduced_dim"] for r in varied] == [4, 8]


def test_grid_points_that_differ_in_the_last_bit_are_one():
    def point(noise):
        return results.record(evaluator="a", metric="f1", value=1.0, noise_relative=noise)

    assert len(collect.merge({0: [point(0.1)], 1: [point(np.nextafter(0.1, 1))]})) == 1
    with pytest.raises(UserError, match="seed 0 lacks"):
        collect.merge({0: [point(0.1)], 1: [point(0.1001)]})


def test_collect_writes_results_table_and_figures(tmp_path):
    for seed in range(3):
        write(tmp_path / "runs", seed, run(seed, layers=LAYERS[:2]))
    written = collect.collect(f"{tmp_path}/runs/seed-0,{tmp_path}/runs/seed-[12]", tmp_path / "all")
    assert [p.relative_to(tmp_path / "all").as_posix() for p in written] == [
        "accuracy.md", "report.html", "figures/tradeoff_method.png", "figures/tradeoff_layer.png", "results.json",
    ]  # fmt: skip
    content = results.read(tmp_path / "all")
    assert content["config"] == {**CONFIG, "seed": [0, 1, 2]}
    assert "--mode=collect" in content["command"]
    assert "±" in report.accuracy_table(content["records"])
    assert "3 seeds" in written[0].read_text()


def test_collecting_again_into_a_folder_that_the_glob_matches_gives_the_same(tmp_path):
    for seed in range(2):
        write(tmp_path, seed)
    (tmp_path / "notes.txt").write_text("no folder")
    for _ in range(2):
        collect.collect([f"{tmp_path}/*"], tmp_path / "all", command="again")
        content = (tmp_path / "all" / "results.json").read_bytes()
    assert json.loads(content)["config"]["seed"] == [0, 1]
    shutil.rmtree(tmp_path / "all")
    collect.collect(f"{tmp_path}/*", tmp_path / "all", command="again")
    assert (tmp_path / "all" / "results.json").read_bytes() == content


def test_versions_that_differ_are_all_named(tmp_path):
    for seed, jax in enumerate(("0.10.2", "0.11.0")):
        records = run(seed, layers=LAYERS[:1])[::50]
        config = {**CONFIG, "seed": seed}
        results.write(tmp_path / str(seed) / "results.json", "", config, records, {"jax": jax})
    collect.collect(f"{tmp_path}/?", tmp_path / "all")
    assert results.read(tmp_path / "all")["versions"] == {"jax": "0.10.2, 0.11.0"}


@pytest.mark.parametrize(
    ("spoil", "runs", "complaint"),
    [
        (lambda t: None, "{0}/no-*", "'.*no-\\*' matches no work folder"),
        (lambda t: None, "{0}/no-such", "matches no work folder"),
        (lambda t: None, " , ", "--runs is empty"),
        (lambda t: (t / "seed-9").mkdir(), "{0}/*", "seed-9/results.json does not exist"),
        (lambda t: shutil.copytree(t / "seed-0", t / "x"), "{0}/*", "seed 0 is there twice.*x"),
        (
            lambda t: write(t, 2, data={"name": "simulated"}, extra=1),
            "{0}/*",
            r"data.name \('motionsense' and 'simulated'\), extra \(None and 1\); only the seed",
        ),
        (
            lambda t: write(t, 2, run(2, layers=LAYERS[:1])[::7][:-1]),
            "{0}/*",
            "seed 2 lacks the point evaluator=privacy metric=.*which another seed has",
        ),
        (
            lambda t: write(t, 2, 2 * run(2, layers=LAYERS[:1])[::7]),
            "{0}/*",
            "seed 2 holds the point .* twice",
        ),
        (
            lambda t: (t / "all" / "config.json").mkdir(parents=True),
            "{0}/seed-*",
            "all holds a run: collect into a folder of its own",
        ),
        (
            lambda t: collect.collect(f"{t}/seed-?", t / "earlier"),
            "{0}/*",
            r"earlier is not the run of one seed \(seed is \[0, 1\]\)",
        ),
    ],
)
def test_a_mistake_is_one_clear_line_and_writes_nothing(tmp_path, spoil, runs, complaint):
    for seed in range(2):
        write(tmp_path, seed)
    spoil(tmp_path)
    with pytest.raises(UserError, match=complaint) as error:
        collect.collect(runs.format(tmp_path), tmp_path / "all")
    assert "\n" not in str(error.value) and not (tmp_path / "all" / "results.json").exists()


def test_several_uploads_are_matched_whatever_each_seeds_operating_noise_is():
    def at(seed, noise, value, draws):
        return results.record(
            evaluator="privacy", metric="privacy", mode="session", queries=4, seed=seed,
            noise_relative=noise, draws=draws, value=value, ci_low=value - 0.1, ci_high=value + 0.1,
        )  # fmt: skip

    (merged,) = collect.merge({1: [at(1, 0.0, 0.5, 1)], 2: [at(2, 0.4, 0.7, 10)]})
    assert merged["value"] == pytest.approx(0.6) and merged["noise_relative"] == 0.2
    assert merged["ci_low"] == pytest.approx(0.5) and merged["n_seeds"] == 2
