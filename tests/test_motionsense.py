"""MotionSense as windows: labels, splits, the cache, the builder, and the counts of the real set."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from motionsense_tree import (
    MEN,
    recording_text,
)

from hybrid_jax.data import GAP, TEST, TRAIN, VALIDATION, motionsense
from hybrid_jax.data import motionsense_files as files
from hybrid_jax.errors import UserError


def same(one, other):
    assert one.classes == other.classes
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_array_equal(one.starts, other.starts)
    np.testing.assert_array_equal(one.split, other.split)
    for name, values in one.columns.items():
        np.testing.assert_array_equal(values, other.columns[name])


def test_labels_come_from_names_and_the_subjects_file(tree, cache):
    made = motionsense.load(tree, cache=cache)
    assert made.classes["activity"] == ("dws", "ups", "wlk", "jog")
    code = made.columns["identity"] + 1
    assert made.classes["identity"] == tuple(map(str, range(1, 25)))
    np.testing.assert_array_equal(made.columns["gender"], np.isin(code, MEN))
    np.testing.assert_array_equal(made.columns["height"], 150 + code)
    np.testing.assert_array_equal(made.columns["weight"], 60 + code)
    np.testing.assert_array_equal(made.columns["age"], 20 + code)
    trials = {a: set(made.columns["trial"][made.columns["activity"] == a].tolist())
              for a in range(4)}  # fmt: skip
    assert trials == {0: {1, 2, 11}, 1: {3, 4, 12}, 2: {7, 8, 15}, 3: {9, 16}}
    key = (7, "jog", 16)
    mine = (code == 7) & (made.columns["trial"] == 16)
    assert made.columns["start"][mine].tolist() == [0, 10, 20, 30, 40, 50, 60, 70]
    table = [line.split(",")[1:] for line in recording_text(key).splitlines()[1:]]
    expected = (np.array(table, float) - made.mean) / made.std
    first = made.starts[mine][0]
    np.testing.assert_allclose(made.rows[first : first + 120], expected, atol=1e-5)


def test_trial_split(tree, cache):
    made = motionsense.load(tree, cache=cache)
    np.testing.assert_array_equal(made.columns["trial"] > 10, made.split == TEST)
    assert {int(i) for i in made.columns["identity"][made.split == TEST]} == set(range(24))


@pytest.mark.parametrize("strict", [True, False])
def test_subject_split(tree, cache, strict):
    made = motionsense.load(tree, split_kind="subject", strict=strict, cache=cache)
    codes = {part: set((made.columns["identity"][made.split == part] + 1).tolist())
             for part in (TRAIN, VALIDATION, TEST)}  # fmt: skip
    assert codes[TEST] == {5, 10, 12, 22} and codes[VALIDATION] == {3, 8, 6, 14}
    assert codes[TRAIN] == set(range(1, 25)) - codes[TEST] - codes[VALIDATION]
    assert not (made.split == GAP).any()
    assert {int(t) for t in made.columns["trial"][made.split == TEST]} == {
        1, 2, 3, 4, 7, 8, 9, 11, 12, 15, 16}  # fmt: skip


def test_zip_and_folder_are_the_same_set(tree, archive, cache, tmp_path):
    made = motionsense.load(tree, cache=cache)
    for place in (tree / files.FOLDER, archive, archive / files.ARCHIVE, str(archive)):
        same(made, motionsense.load(place, cache=tmp_path))
    assert len(list(tmp_path.iterdir())) == 1  # one content, one prepared file


def test_order_of_columns_does_not_matter(damaged, tree, cache, tmp_path):
    path = damaged / files.FOLDER / "wlk_8/sub_3.csv"
    rows = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("".join(",".join(reversed(row)) + "\r\n" for row in rows))
    same(motionsense.load(tree, cache=cache), motionsense.load(damaged, cache=tmp_path))


def test_cache_is_keyed_by_everything_that_matters(tree, damaged, tmp_path):
    variants = [{}, {"split_kind": "subject"}, {"strict": False}, {"window": 40}, {"step": 20}]
    for number, options in enumerate(variants, start=1):
        motionsense.load(tree, cache=tmp_path, **options)
        assert len(list(tmp_path.glob("*.npz"))) == number
    path = damaged / files.FOLDER / "dws_1/sub_1.csv"
    path.write_text(re.sub(r"\d", "3", path.read_text(), count=1))
    motionsense.load(damaged, cache=tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == len(variants) + 1
    motionsense.load(tree, cache=tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == len(variants) + 1


def test_only_the_cache_is_read_when_it_has_the_set(archive, tmp_path, monkeypatch):
    made = motionsense.load(archive, cache=tmp_path)
    monkeypatch.setattr(files, "read", None)
    same(made, motionsense.load(archive, cache=tmp_path))


def test_the_official_set_needs_no_source_once_prepared(tree, tmp_path, monkeypatch):
    monkeypatch.setenv("HYBRID_JAX_CACHE", str(tmp_path))
    monkeypatch.setattr(files, "OFFICIAL", files.Source(tree).digest())
    made = motionsense.load(tree)
    monkeypatch.setattr(motionsense, "download", None)
    same(made, motionsense.load())
    monkeypatch.setenv("HYBRID_JAX_DATA", str(tmp_path))  # a root without motionsense/
    same(made, motionsense.load())


def test_environment_names_the_root(tree, tmp_path, cache, monkeypatch):
    (tmp_path / "motionsense").symlink_to(tree)
    monkeypatch.setenv("HYBRID_JAX_DATA", str(tmp_path))
    same(motionsense.load(cache=cache), motionsense.load(tree, cache=cache))
    monkeypatch.setenv("HYBRID_JAX_DATA", str(tmp_path / "typo"))
    with pytest.raises(UserError, match=r"HYBRID_JAX_DATA=.*typo: no such folder"):
        motionsense.load(cache=cache)


def test_a_cache_that_cannot_be_written_is_named(tree, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file.*HYBRID_JAX_CACHE"):
        motionsense.load(tree, cache=tmp_path / "file")


def in_a_fresh_process(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def test_reading_loads_no_tensorflow(tree, tmp_path):
    in_a_fresh_process(
        "import sys; from hybrid_jax.data import DATASETS; "
        f"DATASETS['motionsense']({str(tree)!r}, cache={str(tmp_path)!r}); "
        "assert not {'tensorflow', 'tensorflow_datasets'} & set(sys.modules)"
    )


def test_the_tfds_builder_gives_the_same_recordings(archive, tmp_path):
    pytest.importorskip("tensorflow_datasets", reason="downloads need tensorflow-datasets")
    in_a_fresh_process(f"""
import shutil, unittest.mock as mock
import numpy as np, tensorflow_datasets as tfds
from hybrid_jax.data import motionsense, motionsense_files as files, motionsense_tfds as builder
from hybrid_jax.errors import UserError

archive, out = {str(archive)!r}, {str(tmp_path)!r}
local = builder.MotionSense(source=archive, data_dir=out + "/local")
local.download_and_prepare()
assert {{k: v.num_examples for k, v in local.info.splits.items()}} == {{"train": 168, "test": 96}}

# What a download brings: files with other names, side by side.
paths = {{"zip": out + "/1234", "subjects": out + "/5678"}}
shutil.copy(archive + "/A_DeviceMotion_data.zip", paths["zip"])
shutil.copy(archive + "/data_subjects_info.csv", paths["subjects"])
def download(manager, urls):
    assert urls["zip"].startswith("https://github.com/mmalekzadeh/motion-sense/")
    return paths
with mock.patch.object(tfds.download.DownloadManager, "download", download), \\
     mock.patch.object(builder, "urlopen"):
    try:
        motionsense.load(cache=out)
        raise AssertionError("took other files for the official ones")
    except UserError as error:
        assert "no longer holds the files" in str(error)
    files.OFFICIAL = files.Source(archive).digest()
    made = motionsense.load(cache=out)
for name in ("train", "test"):
    assert local.info.splits[name].num_examples
direct = motionsense.load(archive, cache=out + "/direct")
np.testing.assert_array_equal(made.rows, direct.rows)
np.testing.assert_array_equal(made.split, direct.split)
for name, values in direct.columns.items():
    np.testing.assert_array_equal(made.columns[name], values)

with mock.patch.object(builder, "urlopen", side_effect=OSError("no network")):
    try:
        motionsense.load(cache=out + "/other")
        raise AssertionError("downloaded without a network")
    except UserError as error:
        assert "could not be downloaded" in str(error) and "no network" in str(error)
""", HYBRID_JAX_DATA="")  # fmt: skip


@pytest.mark.parametrize(
    ("strict", "training", "test"), [(True, 61_446, 14_139), (False, 61_726, 14_094)]
)
def test_counts_of_the_real_set(data_root, tmp_path, strict, training, test):
    folder = data_root / "motionsense"
    if not folder.exists():
        pytest.skip(f"needs MotionSense in {folder}")
    made = motionsense.load(folder, strict=strict, cache=tmp_path)
    sizes = {part: len(made.indices(part)) for part in (TRAIN, VALIDATION, TEST, GAP)}
    assert sizes[TEST] == test
    assert sizes[TRAIN] + sizes[VALIDATION] + sizes[GAP] == training
    assert 0.08 < sizes[VALIDATION] / training < 0.1
    assert len(made.rows) == 621_973 + 145_687
    first_test_row = 621_973
    assert made.starts[made.split == TEST].min() == first_test_row
    assert (made.starts[made.split != TEST] + 50 <= first_test_row).all()
    np.testing.assert_allclose(made.rows[:first_test_row].mean(0, np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(made.rows[:first_test_row].std(0, np.float64), 1, atol=1e-6)
    recordings = made.columns["recording"]
    assert len(np.unique(recordings)) == 24 * 11
    assert files.Source(folder).digest() == files.OFFICIAL
