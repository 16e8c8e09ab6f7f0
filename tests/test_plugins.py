"""Files of the user's own that other processes import too."""

import subprocess
import sys
from pathlib import Path

import pytest

from configs import own
from hybrid_jax import models, plugins
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import setup, strangers, workdir

ROOT = Path(__file__).parents[1]
FILE = """
from beside_it import WIDTH
from hybrid_jax.models import MODELS, mtcnn
def make(tasks): return mtcnn(tasks, fc_2=WIDTH)
MODELS["planted"] = make
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    (tmp_path / "beside_it.py").write_text("WIDTH = 7\n")
    (tmp_path / "planted_file.py").write_text(FILE)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path / "planted_file.py"
    for name in ("planted_file", "beside_it"):
        sys.modules.pop(name, None)
    models.MODELS.pop("planted", None)


def config(**changes):
    made = own.experiment(
        data={"name": "simulated", "num_subjects": 4, "trials_per_activity": 2, "seconds": 8.0},
        primary="activity",
        sensitive=("gender",),
        model={"name": "planted"},
    )
    made.update(changes)
    return made.lock()


def test_a_file_is_imported_once_with_what_is_beside_it(file):
    plugins.load([str(file)])
    first = models.MODELS["planted"]
    plugins.load([str(file)])
    assert models.MODELS["planted"] is first and first.__module__ == "planted_file"


def test_what_is_recorded_is_found_by_another_process(file, tmp_path):
    plugins.load([str(file)])
    recorded = strangers.recorded(config(), str(file))
    assert recorded.plugins == (str(file),)
    workdir.create(tmp_path / "run", recorded)
    workdir.check(tmp_path / "run", config())  # where it is defined is not what it is
    program = (
        "import sys; from pathlib import Path; from hybrid_jax import models\n"
        "from hybrid_jax.experiment import setup, workdir\n"
        "found = workdir.read(Path(sys.argv[1]))\n"
        "print(setup.load_task(found).network.layers)"
    )
    command = [sys.executable, "-c", program, tmp_path / "run"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "fc_2" in done.stdout, done.stderr


def test_the_packages_own_names_need_no_plugin(file):
    assert not any(strangers.strangers(config(model={"name": "mtcnn"})))
    assert not strangers.recorded(config(model={"name": "mtcnn"}), str(file)).plugins


def test_another_name_for_one_of_them_does(file, monkeypatch):
    monkeypatch.setitem(models.MODELS, "alias", models.MODELS["mtcnn"])
    assert list(strangers.strangers(config(model={"name": "alias"}))) == [("model", "alias")]
    assert strangers.recorded(config(model={"name": "alias"}), str(file)).plugins == (str(file),)


def test_mistakes_are_named(file, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"config.plugins no.py: no such file"):
        plugins.load(["no.py"])
    with pytest.raises(UserError, match=r"config.plugins no_module: no such module"):
        plugins.load(["no_module"])
    (tmp_path / "planted_needs.py").write_text("import planted")
    monkeypatch.syspath_prepend(tmp_path)
    # Not of the plugin, whose name begins so.
    with pytest.raises(UserError, match=r"No module named 'planted' \(planted_needs.py, line 1\)"):
        plugins.load(["planted_needs"])
    (tmp_path / "json.py").write_text("")
    with pytest.raises(UserError, match="there is another module json: rename the file"):
        plugins.load([str(tmp_path / "json.py")])
    with pytest.raises(UserError, match=r"unknown model .* 'planted'"):
        setup.training(config(), tmp_path / "run")
    plugins.load([str(file)])
    with pytest.raises(UserError, match="--workers=2: model 'planted' is your own"):
        strangers.check(config(), "--workers=2")
    file.unlink()
    workdir.create(tmp_path / "run", config(plugins=(str(file),)))
    with pytest.raises(UserError, match="no such file; it defines what the config names"):
        workdir.read(tmp_path / "run")


def test_a_name_with_a_dot_is_no_module(tmp_path):
    (tmp_path / "exp.v2.py").write_text("")
    with pytest.raises(UserError, match=r"no dot in its name: rename it, as in exp_v2.py"):
        plugins.load([str(tmp_path / "exp.v2.py")])


def test_another_module_of_that_name_is_not_run(tmp_path, monkeypatch):
    """As launch.py, which defines its flags once."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "planted_other.py").write_text("1 / 0")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "planted_other.py").write_text("")
    with pytest.raises(UserError, match="there is another module planted_other: rename the file"):
        plugins.load([str(tmp_path / "mine" / "planted_other.py")])


def test_what_a_file_raises_is_named_with_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "planted_raises.py").write_text("\n1 / 0")
    with pytest.raises(UserError, match=r"ZeroDivisionError: .* \(planted_raises.py, line 2\)"):
        plugins.load([str(tmp_path / "planted_raises.py")])
