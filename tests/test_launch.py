"""The user's mistakes: one clear line, exit code 2, and nothing that the work folder held is touched."""

from pathlib import Path

import pytest
from command_line import run

import launch
from configs import activity, common
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import setup

ROOT = Path(__file__).parents[1]


def test_exit_code_2_and_one_line(tmp_path):
    folder = tmp_path / "run"
    done = run("--config=configs/activity.py:smoke", f"--workdir={folder}", "--config.seed=abc")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "config.seed=abc" in done.stderr
    assert not folder.exists()


ON_THE_COMMAND_LINE = {
    "unknown config argument 'smok': did you mean 'smoke'": ["--config=configs/activity.py:smok"],
    "unknown config key 'splt'": ["--config=configs/activity.py:smoke,splt=trial"],
    "unknown config file 'configs/activty.py': did you mean 'configs/activity.py'": [
        "--config=configs/activty.py"
    ],
    "configs/common.py has no get_config": ["--config=configs/common.py"],
    "unknown config field 'seeed': did you mean 'seed'": [
        "--config=configs/activity.py",
        "--config.seeed=1",
    ],
    "unknown config field 'pretrain.epoch': did you mean 'pretrain.epochs'": [
        "--config=configs/activity.py",
        "--config.pretrain.epoch=1",
    ],
    "unknown config file 'README.md'": ["--config=README.md"],
    "unknown config argument 'smoky': did you mean 'smoke'": [
        "--config",
        "configs/activity.py:smoky",
    ],
    "unknown config field 'seed.value'": ["--config=configs/activity.py", "--config.seed.value=1"],
}


@pytest.mark.parametrize("message", ON_THE_COMMAND_LINE)
def test_mistakes_on_the_command_line(message, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError) as caught:
        launch._check_config(["launch.py", *ON_THE_COMMAND_LINE[message]])
    assert message in str(caught.value)


IN_THE_CONFIG = {
    "unknown layer 'conv_9': did you mean 'conv_4'": {"layers": ("conv_9",)},
    "unknown layer 'output'": {"layers": ("output",)},
    "unknown method 'simpel': did you mean 'simple'": {"methods": ("simpel",)},
    "reduced_dim 961 at conv_4: the feature has dimension 960; choose 1 to 960": {
        "reduction.dim": 961,
        "layers": ("conv_4",),
    },
    "reduced_dim -1 at fc_2": {"reduction.dim": -1},
    "noise is never negative": {"noise.relative": (0.0, -0.1)},
    "begins with 0.0": {"noise.relative": (0.1, 0.2)},
    "unknown evaluator 'acuracy': did you mean 'accuracy'": {"evaluators": ("acuracy",)},
    "unknown gallery 'selff': did you mean 'self'": {"privacy.galleries": ("selff",)},
    "unknown attacker_data": {"privacy.attacker_data": ("all",)},
    "unknown prior": {"privacy.prior": "flat"},
    "unknown ties": {"privacy.ties": "first"},
    "unknown target 'gendr': did you mean 'gender'": {"sensitive": ("gendr",)},
    "unknown data set (config.data.name) 'motion'": {"data.name": "motion"},
    "unknown model (config.model.name) 'mtcn'": {"model.name": "mtcn"},
    "unknown contrastive convention": {"siamese.convention": "cafe"},
    "config.pretrain.epochs 0.0: must be above 0": {"pretrain.epochs": 0.0},
    "config.finetune.learning_rate -1.0": {"finetune.learning_rate": -1.0},
    "unknown schedule (config.finetune.schedule) 'cos'": {"finetune.schedule": "cos"},
    "config.siamese.margin.fc_2 -1.0: must be 0 or more": {"siamese.margin.fc_2": -1.0},
    "config.privacy.num_draws 0": {"privacy.num_draws": 0},
    "batch_size 100000: there are only": {"pretrain.batch_size": 100000},
    "config.seed -1: must be 0 or more": {"seed": -1},
    "data seed -1: must be 0 or more": {"data.seed": -1},
    "unknown choice (config.stream.when) 'alwys': did you mean 'always'": {"stream.when": "alwys"},
    "config.stream.workers -1: must be 0 or more": {"stream.workers": -1},
    "config.privacy.max_queries -5": {"privacy.max_queries": -5},
    "config.reduction.clip_norm -1.0": {"reduction.clip_norm": -1.0},
    "config.sensitive is empty": {"sensitive": ()},
    "unknown attacker (config.attack.attackers) 'mpl': did you mean 'mlp'": {
        "attack.attackers": ("mpl",)
    },
    "unknown attacker (config.attack.on_validation) 'mpl'": {"attack.on_validation": ("mpl",)},
    "config.attack.attackers is empty": {"attack.attackers": ()},
    "unknown stage to freeze 'fc_9'": {"attack.freeze": "fc_9"},
    "config.attack.max_windows -1: must be 0 or more": {"attack.max_windows": -1},
    "config.attack.uploads 0: how many uploads": {"attack.uploads": (0, 1)},
    "config.privacy.uploads 1.5: how many uploads": {"privacy.uploads": (1, 1.5)},
    "unknown attacker_data that config.attack has too (config.attack.disjoint_data) 'both'": {
        "attack.disjoint": ("mlp",),
        "attack.folds": 2,
        "attack.disjoint_data": ("both",),
    },
    "config.attack.budget.epochs 0.0: must be above 0": {"attack.budget.epochs": 0.0},
    "config.attack.folds 3: the test people of one class of gender are 2": {
        "attack.disjoint": ("mlp",),
        "attack.folds": 3,
    },
    "unknown layer/method (config.attack.unlimited) 'fc_2/advancd'": {
        "attack.unlimited": ("fc_2/advancd",)
    },
    "config.reconstruction.matcher.epochs 0.0": {"reconstruction.matcher.epochs": 0.0},
    "unknown split (config.privacy.splits) 'tset': did you mean 'test'": {
        "privacy.splits": ("tset",)
    },
    "config.data has num_subjects, seconds, seed, trials_per_activity, which data set "
    "'motionsense' does not take": {"data.name": "motionsense"},
    "no validation window": {"data.seconds": 2.0, "evaluators": ("accuracy",)},
    "config.siamese has no contrastive_weight for layer": {"siamese": {"convention": "caffe"}},
}


def make(**overrides):
    config = activity.get_config("smoke").unlock()
    for path, value in overrides.items():
        *parents, leaf = path.split(".")
        at = config
        for parent in parents:
            at = at[parent]
        at[leaf] = value
    return config


@pytest.mark.parametrize("message", IN_THE_CONFIG)
def test_mistakes_in_the_config_leave_no_folder(message, tmp_path):
    with pytest.raises(UserError) as caught:
        setup.training(make(**IN_THE_CONFIG[message]), tmp_path / "run")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_folder_of_another_config_is_refused_and_untouched(tmp_path):
    folder = tmp_path / "run"
    setup.training(make(), folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"another config: finetune.epochs \(1.0 there, 2.0 now\)"):
        setup.training(make(**{"finetune.epochs": 2.0}), folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    setup.training(make(), folder)


def test_a_missing_data_folder_is_named(tmp_path):
    config = activity.get_config().unlock()
    config.data.dir = str(tmp_path / "nowhere")
    with pytest.raises(UserError, match="nowhere does not exist"):
        setup.training(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_parse():
    keys = {"split": "trial", "width": 64}
    assert common.parse(None, ("full", "fast"), keys) == ("full", keys)
    assert common.parse("fast,width=32", ("full", "fast"), keys) == ("fast", keys | {"width": 32})
    assert common.parse("width=32", ("full", "fast"), keys) == ("full", keys | {"width": 32})
    for wrong in ("slow", "full", "width=32,fast", "widht=3", "width=wide"):
        with pytest.raises(UserError):
            common.parse(wrong, ("full", "fast"), keys)


def test_what_does_not_fit_is_streamed(monkeypatch):
    config = make()
    assert setup.load_task(config).workers is None
    monkeypatch.setattr(setup, "fits", lambda num_bytes: num_bytes < 1000)
    assert setup.load_task(config).workers == 2
    assert setup.load_task(make(**{"stream.when": "never"})).workers is None
    monkeypatch.undo()
    assert setup.load_task(make(**{"stream.when": "always", "stream.workers": 3})).workers == 3
