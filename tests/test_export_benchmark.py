"""What the device benchmark measures, reads from a phone's logs, and leaves in a work folder."""

import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from export import tflite
from export.benchmark import __main__ as benchmark
from export.benchmark import configurations, logs, records, rounds, table
from export.halves import INPUT, Half
from hybrid_jax import results
from hybrid_jax.errors import UserError
from hybrid_jax.report.device import device_table

ROOT = Path(__file__).parents[1]
HOST = "a phone"
METRICS = {"load_ms", "first_ms", "median_ms", "p90_ms", "peak_mb", "file_bytes", "uplink_bytes"}

# Printed by builds of 2020, 2024 and 2025: the last in logcat, with percentiles.
OLD = """\
STARTING!
Loaded model /data/local/tmp/m.tflite
The input model file size (MB): 0.004448
Initialized session in 0.855ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
count=15 first=49060 curr=33682 min=32825 max=49060 avg=34825.1 std=3930

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
count=50 first=32891 curr=33978 min=32641 max=34005 avg=33209.4 std=450

Inference timings in us: Init: 855, First inference: 49060, Warmup (avg): 34825.1, Inference (avg): 33209.4
Peak memory footprint (MB): init=0 overall=12.8672
"""
NEW = """\
INFO: STARTING!
INFO: The input model file size (MB): 16.9008
INFO: count=1 curr=3512391
INFO: count=50 first=2990275 curr=2913402 min=2727568 max=3189954 avg=2.95034e+06 std=109798

INFO: Inference timings in us: Init: 17187, First inference: 3512391, \
Warmup (avg): 3.51239e+06, Inference (avg): 2.95034e+06
INFO: Memory footprint delta from the start of the tool (MB): init=4.21094 overall=46.0859
INFO: Overall peak memory footprint (MB) via periodic monitoring: 93.2383
"""
LOGCAT = """\
I tflite  : count=3 first=187533 curr=199462 min=1 max=2 avg=211669 std=16613 p5=199462 median=200386 p95=235158
I tflite  : count=25 first=187533 curr=140990 min=140071 max=195121 avg=145528 std=13583 \
p5=140545 median=141253 p95=187533
I tflite  : Inference timings in us: Init: 92318, First inference: 187533, Warmup (avg): 211669, Inference (avg): 145528
I tflite  : Memory footprint delta from the start of the tool (MB): init=54.2852 overall=73.4102
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A tiny .tflite file: a product of 8 x 8."""
    kernel = jnp.asarray(np.eye(8), jnp.float32)
    half = Half(lambda kernel, x: jnp.matmul(x, kernel), kernel, {INPUT: (8,)}, "feature")
    path = tmp_path_factory.mktemp("file") / "tiny.tflite"
    path.write_bytes(tflite.convert(half, "float32"))
    return path


@pytest.fixture(scope="module")
def measured(file):
    return rounds.measured({"tiny": file}, 2, steady=20, threads=1)["tiny"]


def test_a_run_is_a_process_that_imports_litert_and_numpy_alone(measured):
    for one in measured:
        assert {"numpy", "ai_edge_litert"} <= set(one["packages"])
        assert not {"jax", "tensorflow", "hybrid_jax", "export"} & set(one["packages"])


def test_the_numbers_of_a_run_are_sane(measured):
    for one in measured:
        assert 0 < one["median_ms"] <= one["p90_ms"] < 1e3
        assert 0 < one["load_ms"] < 1e5 and 0 < one["first_ms"] < 1e5
        assert 0 <= one["peak_mb"] < 100


def test_memory_counts_the_model(tmp_path, measured):
    """A file of 16 MB of weights needs that much more, whatever the process held before it."""
    kernel = jnp.asarray(np.random.default_rng(0).standard_normal((2048, 2048)), jnp.float32)
    path = tmp_path / "large.tflite"
    half = Half(lambda kernel, x: jnp.matmul(x, kernel), kernel, {INPUT: (2048,)}, "feature")
    path.write_bytes(tflite.convert(half, "float32"))
    ballast = np.ones(2**26)  # 512 MB in this process are not the other's
    (large,) = rounds.measured({"large": path}, 1, steady=2, threads=1)["large"]
    assert ballast.nbytes > 5e8
    assert 16 < large["peak_mb"] - measured[0]["peak_mb"] < 80


def test_files_take_turns(monkeypatch):
    seen = []
    monkeypatch.setattr(rounds, "_run", lambda path, *_: seen.append(path.name) or {})
    rounds.measured({"a": Path("a"), "b": Path("b")}, 3, 1, 1)
    assert seen == ["a", "b"] * 3


def test_a_file_that_does_not_run_is_named(tmp_path):
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"broken\.tflite does not run on this machine: ValueError"):
        rounds.measured({"broken": path}, 1, 1, 1)


def parsed(tmp_path, text):
    path = tmp_path / "log.txt"
    path.write_text(text)
    return logs.read(path)


def test_what_old_builds_print(tmp_path):
    (found,) = parsed(tmp_path, OLD)
    assert found == {
        "load_ms": 0.855, "first_ms": 49.06, "mean_ms": 33.2094, "median_ms": None, "p90_ms": None,
        "peak_mb": pytest.approx(12.8672 * 2**20 / 1e6), "size_mb": 0.004448,
    }  # fmt: skip


def test_what_new_builds_print_and_logcat(tmp_path):
    (new,), (logcat,) = parsed(tmp_path, NEW), parsed(tmp_path, LOGCAT)
    assert (new["mean_ms"], new["size_mb"]) == (2950.34, 16.9008)
    assert new["peak_mb"] == pytest.approx(46.0859 * 2**20 / 1e6)  # the tool's own is not in it
    assert (logcat["load_ms"], logcat["median_ms"]) == (92.318, 141.253)  # not the warm-up's
    assert logcat["peak_mb"] == pytest.approx(73.4102 * 2**20 / 1e6) and logcat["size_mb"] is None


def test_a_log_holds_any_number_of_runs_each_with_its_own(tmp_path):
    cut_short = NEW[: NEW.index("INFO: Inference")]
    found = parsed(tmp_path, LOGCAT + OLD + cut_short + NEW + LOGCAT)
    assert [one["load_ms"] for one in found] == [92.318, 0.855, 17.187, 92.318]
    assert [one["median_ms"] for one in found] == [141.253, None, None, 141.253]
    assert [one["size_mb"] for one in found] == [None, 0.004448, 16.9008, None]


@pytest.mark.parametrize("content", [b"", b"\xff\x00garbage", b"ERROR: Failed to load model"])
def test_a_log_without_a_run_is_named(tmp_path, content):
    (tmp_path / "on_premise.txt").write_bytes(content)
    with pytest.raises(UserError, match=r"on_premise\.txt holds no output of benchmark_model"):
        logs.of_files(tmp_path, {"on_premise": tmp_path})


def test_a_log_that_is_missing_or_of_another_file_is_named(tmp_path, file):
    with pytest.raises(UserError, match=r"tiny\.txt cannot be read: No such file"):
        logs.of_files(tmp_path, {"tiny": file})
    size = file.stat().st_size / 1e6
    log = re.sub(r"0\.004448", f"{size:.6g}", OLD)
    (tmp_path / "tiny.txt").write_text(log)
    assert len(logs.of_files(tmp_path, {"tiny": file})["tiny"]) == 1
    (tmp_path / "tiny.txt").write_text(OLD)
    with pytest.raises(UserError, match=r"tiny\.txt tells of a model of 0\.004448 MB, but tiny\.t"):
        logs.of_files(tmp_path, {"tiny": file})


RUNS = [
    {"method": "simple", "layer": "conv_4", "run": i, "load_ms": load, "median_ms": None, "uplink_bytes": 3840}
    for i, load in enumerate((1.0, 2.0, 6.0))
]  # fmt: skip


def test_a_record_is_the_median_over_runs_with_its_spread():
    found = records.records(RUNS, {"host": HOST, "format": "tflite float32", "seed": 3})
    assert [r["metric"] for r in found] == ["load_ms", "uplink_bytes"]
    load = found[0]
    assert (load["evaluator"], load["method"], load["layer"]) == ("device", "simple", "conv_4")
    assert (load["value"], load["n"], load["unit"], load["seed"]) == (2.0, 3, "ms", 3)
    assert load["std"] == pytest.approx(np.std([1, 2, 6], ddof=1))
    assert (load["host"], load["format"]) == (HOST, "tflite float32")


def test_rows_of_two_reductions_have_names_of_their_own():
    kinds = ("pca", "autoencoder")
    runs = {
        kind: [run | {"method": "reduced", "reduction": kind} for run in RUNS] for kind in kinds
    }
    made = [r for kind in kinds for r in records.records(runs[kind], {"reduction": kind})]
    for found in (table.as_table(runs), device_table(made)):
        names = [line.split("|")[1].strip() for line in found.splitlines()[2:]]
        assert names == ["Reduced, Conv-4", "Reduced, Conv-4, autoencoder"]


def test_records_of_the_same_host_and_format_are_replaced_and_nothing_else(tmp_path):
    kept = results.record(evaluator="accuracy", metric="accuracy", value=0.5)
    results.write(tmp_path / "results.json", "first", {"seed": 0}, [kept], {"jax": "1"})
    for host, number in ((HOST, 1), ("another", 2), (HOST, 3)):
        made = {"host": host, "format": "tflite float32"}
        records.add(tmp_path, records.records(RUNS[:number], made))
    content = results.read(tmp_path)
    of_device = results.select(content["records"], evaluator="device", metric="load_ms")
    assert [(r["host"], r["n"]) for r in of_device] == [("another", 2), (HOST, 3)]
    assert content["records"][0] == kept
    assert (content["command"], content["versions"]) == ("first", {"jax": "1"})
    page = (tmp_path / "report.html").read_text()
    assert "On a device" in page and HOST in page and "another" in page


def test_uplink_is_the_exclusive_feature_in_float32():
    plan = configurations.untrained("mtcnn", None)
    found = {of.name: of.uplink_bytes for of in plan}
    assert len(found) == len(plan) == 7
    assert found == {
        "on_premise": 0,
        "simple-conv_4": 4 * 960, "reduced-conv_4": 4 * 8,
        "simple-fc_1": 4 * 400, "reduced-fc_1": 4 * 8,
        "simple-fc_2": 4 * 64, "reduced-fc_2": 4 * 8,
    }  # fmt: skip


MISTAKES = {
    "one of the arguments --workdir --network is required": [],
    "unknown network 'vgg'": ["--network=vgg"],
    "--side=20: vgg16 takes images of 48 pixels": ["--network=vgg16", "--side=20"],
    "--side=50: mtcnn takes windows": ["--network=mtcnn", "--side=50"],
    "--runs=0: give 1 or more": ["--network=mtcnn", "--runs=0"],
    "unknown precision 'int4'": ["--network=mtcnn", "--precision=int4"],
    "--host is missing": ["--network=mtcnn", "--logs=there"],
    "--precision=int8 needs a --workdir": ["--network=mtcnn", "--precision=int8"],
    "--reduction=autoencoder is of --workdir": ["--network=mtcnn", "--reduction=autoencoder"],
    "--steady=9: with --logs the phone has run": [
        "--network=mtcnn",
        "--logs=a",
        "--host=b",
        "--steady=9",
    ],
    "unknown reduction 'auto'": ["--workdir=W", "--reduction=auto"],
    "expected the folder of a run that has finished": ["--workdir=nowhere"],
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_told_and_leave_nothing(message, tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path)
    work = tmp_path_factory.mktemp("work")
    results.write(work / "results.json", "", {}, [])
    with pytest.raises(UserError) as caught:
        benchmark.main([a.replace("=W", f"={work}") for a in MISTAKES[message]] + ["--out=out"])
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())
