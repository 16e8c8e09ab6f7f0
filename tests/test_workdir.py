"""One folder, one config: another is refused by name of what differs, and nothing in the folder changes."""

import json

import ml_collections
import pytest

from hybrid_jax.errors import UserError
from hybrid_jax.experiment import workdir


def config(**changes):
    made = ml_collections.ConfigDict(
        {
            "seed": 0,
            "layers": ("conv_4", "fc_1"),
            "data": {"name": "motionsense", "dir": None},
            "siamese": {"margin": {"fc_1": 10.0, "conv_4": 3.0}, "convention": "caffe"},
        }
    )
    made.update_from_flattened_dict(changes)
    return made


def contents(folder):
    return {
        path.relative_to(folder): (path.stat().st_mtime_ns, path.is_file() and path.read_bytes())
        for path in folder.rglob("*")
    }


@pytest.fixture
def folder(tmp_path):
    """A work folder with something in it."""
    path = tmp_path / "runs" / "demo"
    workdir.create(path, config())
    (path / "checkpoints").mkdir()
    (path / "metrics.jsonl").write_text("{}\n")
    return path


def test_a_folder_of_collected_results_is_refused(tmp_path):
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(UserError, match="holds collected results: use another folder"):
        workdir.create(tmp_path, config())
    assert not (tmp_path / "config.json").exists()


def test_a_new_folder_is_made_and_holds_the_config(tmp_path):
    workdir.check(tmp_path / "a" / "b", config())
    assert not (tmp_path / "a").exists()
    workdir.create(tmp_path / "a" / "b", config())
    held = json.loads((tmp_path / "a" / "b" / "config.json").read_text())
    assert held["siamese"] == {"margin": {"fc_1": 10.0, "conv_4": 3.0}, "convention": "caffe"}
    assert held == workdir.plain(config()) and held["layers"] == ["conv_4", "fc_1"]
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["config.json"]


def test_an_empty_folder_or_one_without_a_config_is_taken(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    workdir.create(tmp_path, config())
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_same_config_goes_on(folder):
    before = contents(folder)
    workdir.check(folder, config())
    assert contents(folder) == before
    workdir.create(folder, config(seed=0))
    assert {k: v[1] for k, v in contents(folder).items()} == {k: v[1] for k, v in before.items()}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"seed": 1}, r"config: seed \(0 there, 1 now\); use that config, or another folder$"),
        ({"siamese.margin.fc_1": 3.0}, r"siamese\.margin\.fc_1 \(10\.0 there, 3\.0 now\)"),
        (
            {"data.dir": "/x", "seed": 2},
            r"data\.dir \(None there, '/x' now\), seed \(0 there, 2 now\)",
        ),
        ({"layers": ("conv_4",)}, r"layers \(\['conv_4', 'fc_1'\] there, \['conv_4'\] now\)"),
    ],
)
@pytest.mark.parametrize("call", [workdir.check, workdir.create])
def test_another_config_is_refused_with_what_differs_and_nothing_changes(
    folder, changes, complaint, call
):
    before = contents(folder)
    with pytest.raises(UserError, match=complaint) as raised:
        call(folder, config(**changes))
    assert str(folder) in str(raised.value) and "\n" not in str(raised.value)
    assert "convention" not in str(raised.value)  # what agrees is not listed
    assert contents(folder) == before


def test_a_field_that_the_other_config_lacks_differs(folder):
    more, less = config(), config()
    more.siamese.added = 1
    del less.siamese.convention
    with pytest.raises(UserError, match=r"siamese\.added \(None there, 1 now\)"):
        workdir.check(folder, more)
    with pytest.raises(UserError, match=r"siamese\.convention \('caffe' there, None now\)"):
        workdir.check(folder, less)


@pytest.mark.parametrize("call", [workdir.check, workdir.create])
@pytest.mark.parametrize("below", ["", "demo", "runs/demo"])
def test_a_file_is_no_folder_nor_is_anything_below_it(tmp_path, below, call):
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(UserError, match=r"file is a file"):
        call(path / below, config())
    assert path.read_text() == "mine"


def test_leaves_by_dotted_name():
    tree = {"a": 1, "b": {"c": 2, "d": {"e": [3]}, "f": {}}}
    assert workdir.flat(tree) == {"a": 1, "b.c": 2, "b.d.e": [3]}


def test_a_damaged_config_is_named(folder):
    (folder / "config.json").write_text('{"seed": ')
    with pytest.raises(UserError, match=r"config.json is damaged .*: mend it"):
        workdir.check(folder, config())
