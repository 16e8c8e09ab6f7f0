"""A sweep: which points share what, that each is a plain run, and that a failure stops nothing."""

import json

import pytest

from configs import activity, common
from hybrid_jax import metric_log, results
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import points as points_module
from hybrid_jax.experiment import run, sweep
from hybrid_jax.experiment.points import Point, points, shard


def config(**fields):
    made = activity.get_config("smoke").unlock()
    made.evaluators = ("accuracy",)
    made.pretrain.epochs = made.finetune.epochs = 0.5
    made.noise.relative, made.reduction.autoencoder_layers = (0.0, 1.0), ()
    made.update_from_flattened_dict(fields)
    return made.lock()


def settings(seeds=(0, 1)):
    return common.grid(
        seed=seeds, layer=("fc_2",), method=("reduced", "reduced_siamese"), reduced_dim=(2, 4)
    )


def test_grid_is_every_combination_the_first_axis_slowest():
    assert common.grid(a=(1, 2), b="xy") == [
        {"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"},
    ]  # fmt: skip


def test_a_point_forgets_what_its_method_does_not_read():
    axes = {"contrastive_weight": 0.1, "margin": 3.0, "reduced_dim": 8}
    kept = {
        method: {axis for axis, _ in Point.of({"method": method, **axes}).settings} - {"method"}
        for method in ("simple", "reduced", "siamese", "advanced")
    }
    assert kept == {
        "simple": set(), "reduced": {"reduced_dim"}, "siamese": {"contrastive_weight", "margin"},
        "advanced": set(axes),
    }  # fmt: skip
    assert len(points(common.grid(method=("simple",), margin=(3.0, 10.0)))) == 1


@pytest.mark.parametrize("preset", [None, "smoke"])
def test_the_configs_own_sweep_is_valid_and_its_names_are_unique(preset):
    found = points(activity.sweep(preset))
    assert len(found) == {None: 360, "smoke": 26}[preset]
    assert len({point.name for point in found}) == len(found)


def test_only_what_trains_otherwise_is_another_group():
    one = {"seed": 0, "layer": "fc_2", "method": "advanced", "contrastive_weight": 0.1}
    group = Point.of(one).group
    assert group == "seed=0"
    later = {
        "reduced_dim": 2,
        "margin": 3.0,
        "noise.tolerance": 0.1,
        "privacy.num_draws": 2,
        "attack.max_windows": 8,
    }
    assert Point.of({**one, **later}).group == group
    assert Point.of({**one, "pretrain.epochs": 3.0}).group != group
    assert Point.of({**one, "siamese.convention": "caffe"}).group != group
    assert Point.of({"layer": "fc_2"}).group == "all"


def test_what_a_point_sets():
    point = Point.of({
        "layer": "conv_4", "method": "advanced", "contrastive_weight": 2, "margin": 5.0,
        "reduced_dim": 3, "seed": 7, "finetune.learning_rate": 0.5,
    })  # fmt: skip
    base = activity.get_config()
    made = point.config(base)
    assert (made.layers, made.methods, made.seed) == (("conv_4",), ("advanced",), 7)
    assert made.siamese.contrastive_weight.conv_4 == 2.0 and made.siamese.margin.conv_4 == 5.0
    assert made.siamese.contrastive_weight.fc_2 == base.siamese.contrastive_weight.fc_2
    assert made.reduction.dim == 3 and made.finetune.learning_rate == 0.5
    assert base.seed == 0 and base.layers == ("conv_4", "fc_1", "fc_2")


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_are_whole_groups_and_together_all(count):
    found = points(activity.sweep())
    parts = [shard(found, index, count) for index in range(1, count + 1)]
    assert sorted((p for part in parts for p in part), key=found.index) == found
    groups = [{point.group for point in part} for part in parts]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 5


@pytest.mark.parametrize(
    ("given", "options", "complaint"),
    [
        ([{"method": "advancd"}], {}, "unknown method 'advancd': did you mean 'advanced'"),
        ([{"lyer": "fc_2"}], {}, "unknown sweep axis 'lyer': did you mean 'layer'"),
        ([{"finetune.epoch": 1.0}], {}, "did you mean 'finetune.epochs'"),
        ([{"seed": "x"}], {}, "sweep axis seed='x'"),
        ([{"seed": -1}], {}, "config.seed -1"),
        ([{"layer": "fc_9"}], {}, "unknown layer 'fc_9'"),
        ([{"reduced_dim": 4}, {"reduced_dim": 999}], {}, "reduced_dim 999 at fc_2"),
        ([{"model.name": "x" * 300}], {}, "too long for a folder"),
        (
            [{"data.dir": "a/b", "layer": "fc_1"}, {"data.dir": "a_b", "layer": "fc_2"}],
            {},
            "two trainings that are both called data.dir=a_b",
        ),
        ([], {}, "gives no point"),
        ([{"model.name": "a/b"}, {"model.name": "a_b"}], {}, "two points .* called model.name=a_b"),
        (settings(), {"sharded": "0/2"}, "sweep_shard=0/2: give i/n"),
        (settings(), {"sharded": "3/2"}, "sweep_shard=3/2: give i/n"),
        (settings(), {"sharded": "half"}, "sweep_shard=half: give i/n"),
        (settings(), {"sharded": "3/3"}, "is empty: the points share 2 trainings"),
        (settings(), {"runner": "slurm"}, "unknown sweep runner .*'slurm'"),
    ],
)
def test_a_mistake_is_found_before_any_work(tmp_path, given, options, complaint):
    with pytest.raises(UserError, match=complaint) as error:
        sweep.run(config(), given, tmp_path / "sweep", "", **options)
    assert "\n" not in str(error.value) and not (tmp_path / "sweep").exists()


def test_ray_starts_the_processes_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep.hosts, "joined", lambda: True)
    with pytest.raises(UserError, match="sweep_runner=ray starts the processes itself"):
        sweep.run(config(), settings(), tmp_path / "sweep", "", runner="ray")
    assert not (tmp_path / "sweep").exists()


@pytest.mark.slow
def test_each_point_is_a_plain_run_and_trains_what_it_shares_once(tmp_path, monkeypatch, capfd):
    trained = []
    monkeypatch.setattr(
        metric_log.MetricLog,
        "__init__",
        lambda self, folder, phase, step, made=metric_log.MetricLog.__init__: (
            trained.append((phase, step)), made(self, folder, phase, step),
        )[1],
    )  # fmt: skip
    written = sweep.run(config(), settings([3]), tmp_path / "sweep", "c")
    assert len(written) == 4
    fresh = [phase for phase, step in trained if step == 0]
    assert sorted(fresh) == ["pretrain", "siamese/fc_2", "simple"]
    assert "[4/4]" in capfd.readouterr().err
    point = points(settings([3]))[-1]
    run.run(point.config(config()), tmp_path / "plain", "c")
    there = tmp_path / "sweep" / "points" / point.name
    for name in ("results.json", "accuracy.md", "config.json"):
        assert (there / name).read_bytes() == (tmp_path / "plain" / name).read_bytes(), name
    # Finished points are not run again.
    before = [path.stat().st_mtime_ns for path in written]
    trained.clear()
    assert sweep.run(config(), settings([3]), tmp_path / "sweep", "c") == written
    assert [path.stat().st_mtime_ns for path in written] == before and not trained


@pytest.fixture
def stubs(monkeypatch):
    """Trainings and points that take no time, noted as they begin; those that `fails` is true of raise."""
    begun, fails = [], []

    def train(config, workdir, trainings, layer=None):
        begin("train", layer, config)

    def run(config, workdir, command, trainings):
        begin("run", None, config)
        results.write(workdir / "results.json", command, config.to_dict(), [])

    def begin(*what):
        begun.append(what[:2])
        if any(failing(*what) for failing in fails):
            raise RuntimeError("out of luck")

    monkeypatch.setattr(sweep.single, "train", train)
    monkeypatch.setattr(sweep.single, "run", run)
    return begun, fails


def test_a_failed_point_is_recorded_and_the_rest_are_done(tmp_path, stubs):
    begun, fails = stubs
    fails.append(lambda what, layer, config: what == "run" and config.reduction.dim == 2)
    given = [{"seed": 0, "method": "reduced", "reduced_dim": dim} for dim in (2, 4)]
    with pytest.raises(UserError, match=r"1 of 2 points failed.*reduced_dim=2\}") as error:
        sweep.run(config(), given, tmp_path, "")
    assert "\n" not in str(error.value)
    failed, done = (tmp_path / "points" / point.name for point in points(given))
    content = json.loads((failed / "error.json").read_text())
    assert "out of luck" in content["error"] and content["config"]["reduction"]["dim"] == 2
    assert (done / "results.json").exists() and not (failed / "results.json").exists()
    fails.clear(), begun.clear()
    assert len(sweep.run(config(), given, tmp_path, "")) == 2
    # The one that was done is not run again.
    assert begun == [("train", None), ("run", None)] and not (failed / "error.json").exists()


def test_of_several_processes_none_goes_on_where_another_may_not(tmp_path, stubs, monkeypatch):
    """A mistake is met by all of them alike, and is recorded; whatever else ends the process."""
    begun, fails = stubs
    monkeypatch.setattr(sweep.hosts, "joined", lambda: True)
    monkeypatch.setattr(sweep.hosts, "is_first", lambda: True)
    given = [{"seed": seed, "method": "reduced"} for seed in (0, 1)]
    fails.append(lambda what, layer, config: what == "run" and config.seed == 0)
    with pytest.raises(RuntimeError, match="out of luck"):
        sweep.run(config(), given, tmp_path, "")
    assert begun == [("train", None), ("run", None)]


def test_a_training_that_fails_fails_its_points_and_no_others(tmp_path, stubs):
    begun, fails = stubs
    fails.append(lambda what, layer, config: layer and config.siamese.margin.fc_2 == 3.0)
    given = common.grid(method=("reduced", "reduced_siamese", "advanced"), margin=(3.0, 10.0))
    with pytest.raises(UserError, match=r"2 of 5 points failed"):
        sweep.run(config(), given, tmp_path, "")
    trainings = [layer for what, layer in begun if what == "train"]
    assert trainings == [None, "fc_2", "fc_2"] and begun.count(("run", None)) == 3
    for path in tmp_path.glob("points/*/error.json"):
        assert "margin=3" in path.parent.name and "out of luck" in path.read_text()
    assert len(list(tmp_path.glob("points/*/error.json"))) == 2


def test_a_folder_of_another_config_is_refused(tmp_path):
    sweep.workdir.create(tmp_path, config())
    with pytest.raises(UserError, match="made with another config"):
        sweep.run(config(seed=5), settings(), tmp_path, "")


def test_no_two_axes_write_the_same_field():
    assert set(points_module.AXES).isdisjoint(activity.get_config().keys())
