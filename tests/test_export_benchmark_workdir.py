"""The device benchmark of a work folder: its files, its records, and that later runs keep them."""

import csv
import re

import jax
import pytest
from test_export_benchmark import OLD
from test_launch import make

from export import command
from export.benchmark import __main__ as benchmark
from export.benchmark.records import add
from hybrid_jax import collect, embedding_files, models, results
from hybrid_jax.data import simulated
from hybrid_jax.embedded import LayerFeatures
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import run, workdir
from hybrid_jax.phase import Budget
from hybrid_jax.task import Task

NAMES = ("on_premise", "simple-fc_1", "reduced-fc_1", "simple-fc_2", "reduced-fc_2")
METRICS = {
    "load_ms": "ms", "first_ms": "ms", "median_ms": "ms", "p90_ms": "ms", "peak_mb": "MB",
    "file_bytes": "bytes", "uplink_bytes": "bytes",
}  # fmt: skip
CONFIG = {
    "layers": ("fc_2", "fc_1"),  # named in any order
    "methods": ("simple", "reduced"),
    "evaluators": ("accuracy",),
}


pytestmark = pytest.mark.slow  # seven networks are converted


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A work folder of an untrained network, benchmarked; and what the benchmark wrote."""
    home, config = tmp_path_factory.mktemp("run"), make(**CONFIG)
    workdir.create(home / "run", config)
    windows = simulated.load(num_subjects=2, trials_per_activity=2, seconds=4)
    task = Task(models.make(config.model, {"activity": 4}), windows, "activity")
    variables = jax.jit(task.init)(jax.random.key(0))
    budget = Budget(epochs=1, learning_rate=1e-2, schedule="cosine", batch_size=16)
    for layer in CONFIG["layers"]:
        features = LayerFeatures.extract(task, layer, variables, 0.0, None)
        axes = features.reduce("pca", 4, jax.random.key(0), budget)
        for method, reduction in (("simple", None), ("reduced", axes)):
            embedded = features.embed(method, "pca", reduction, jax.random.key(0))
            embedding_files.save(home / "run", embedded, config.model.to_dict(), 0.0)
    kept = results.record(
        evaluator="accuracy", metric="accuracy", value=0.5, seed=0, unit="fraction"
    )
    results.write(home / "run" / "results.json", "launch.py", config.to_dict(), [kept])
    given = [f"--workdir={home / 'run'}", f"--out={home / 'out'}"]
    benchmark.main([*given, "--runs=2", "--steady=3", "--host=here"])
    return home


def of_device(path):
    return results.select(results.read(path)["records"], evaluator="device")


def test_every_configuration_has_its_files_rows_and_records(folder):
    out, records = folder / "out", of_device(folder / "run")
    assert sorted(p.stem for p in out.glob("*.tflite")) == sorted(NAMES)
    with (out / "device.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * len(NAMES) and "mean_ms" not in rows[0]
    assert len(records) == len(METRICS) * len(NAMES)
    assert {r["metric"]: r["unit"] for r in records} == METRICS
    for r in records:
        name = "-".join(filter(None, (r["method"], r["layer"])))
        about = (r["host"], r["format"], r["n"], r["dataset"], r["seed"], r["target"])
        assert about == ("here, 1 thread", "tflite float32", 2, "simulated", 0, None)
        size = (out / f"{name}.tflite").stat().st_size
        assert r["metric"] != "file_bytes" or r["value"] == size
    uplink = {
        r["layer"]: r["value"]
        for r in results.select(records, metric="uplink_bytes", method="reduced")
    }
    assert uplink == {"fc_1": 16, "fc_2": 16}


def test_the_table_and_the_figures_name_the_host(folder):
    page = (folder / "out" / "device.md").read_text()
    assert page.startswith("# mtcnn on simulated, tflite float32, on here, 1 thread.\n")
    places = [page.index(name) for name in ("On-premise  ", "Simple, FC-1", "Reduced, FC-2")]
    assert places == sorted(places)
    for home in (folder / "out" / "figures", folder / "run" / "figures"):
        for name in ("latency", "load", "memory"):
            assert (home / f"device_{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_later_run_keeps_the_records_and_its_tables_are_as_before(folder, tmp_path):
    config = make(**CONFIG | {"layers": ("fc_2",)})
    run.run(config, tmp_path, "launch.py")
    page = (tmp_path / "accuracy.md").read_text()
    add(tmp_path, of_device(folder / "run"))
    run.run(config, tmp_path, "launch.py")
    assert of_device(tmp_path) == of_device(folder / "run") != []
    assert (tmp_path / "accuracy.md").read_text() == page


def test_a_damaged_results_file_is_told_before_the_run(tmp_path):
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(UserError, match=r"cannot be read as JSON.*; remove it first"):
        run._on_device(tmp_path)


def test_collect_keeps_them_though_other_seeds_have_none(folder, tmp_path):
    content = results.read(folder / "run")
    for seed, records in enumerate((content["records"], results.off_device(content["records"]))):
        config = content["config"] | {"seed": seed}
        records = [r | {"seed": seed} for r in records]
        results.write(tmp_path / f"{seed}" / "results.json", "run", config, records)
    collect.collect([str(tmp_path / "?")], tmp_path / "all")
    assert [r | {"seed": 0} for r in of_device(tmp_path / "all")] == of_device(folder / "run")


def test_the_same_of_a_phone_s_logs(folder, tmp_path):
    for path in (folder / "out").glob("*.tflite"):
        log = re.sub(r"0\.004448", f"{path.stat().st_size / 1e6:.6g}", OLD)
        (tmp_path / f"{path.stem}.txt").write_text(3 * log)
    given = [f"--workdir={folder / 'run'}", f"--out={tmp_path / 'out'}", f"--logs={tmp_path}"]
    benchmark.main([*given, "--host=Pixel"])
    records = of_device(folder / "run")
    phone = results.select(records, host="Pixel")
    assert {r["metric"] for r in phone} == METRICS.keys() - {"median_ms", "p90_ms"} | {"mean_ms"}
    assert {r["value"] for r in phone if r["metric"] == "mean_ms"} == {33.2094}
    assert len(records) == len(phone) + len(METRICS) * len(NAMES)
    assert (tmp_path / "out" / "figures" / "device_latency.png").exists()


def test_a_folder_that_lacks_an_embedding_is_refused(folder, tmp_path, capsys):
    for name in ("config.json", "results.json"):
        (tmp_path / name).write_bytes((folder / "run" / name).read_bytes())
    given = [f"--workdir={tmp_path}", f"--out={tmp_path / 'out'}"]
    assert command.run(benchmark.PROGRAM, benchmark.main, given) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "has no embedding fc_1/simple, fc_1/reduced, fc_2/simple, fc_2/reduced" in line
    assert not (tmp_path / "out").exists()
