"""Damaged and missing files of MotionSense: each named in one line."""

import re
import shutil

import pytest
from motionsense_tree import HEADER

from hybrid_jax.data import motionsense
from hybrid_jax.data import motionsense_files as files
from hybrid_jax.errors import UserError


def cut(text):
    return text[: text.rindex(",")] + "\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cut, "line 121 has 12 fields where the header has 13; the file is cut short"),
        (lambda text: text[:-300], r"line \d+ has \d+ fields where the header has 13"),
        (lambda text: text[:-2], "line 121 has no line end; the file is cut short"),
        (lambda text: "\n".join(text.split("\n")[:30]) + "\n", "29 rows; .* at least 50"),
        (lambda text: HEADER + "\n", "has no rows"),
        (lambda text: "", "line 1 has no column 'attitude.roll'"),
        (lambda text: text.replace("gravity.y", "gravityY"), "line 1 has no column 'gravity.y'"),
        (lambda text: re.sub(r"\n7,[^,]*", "\n7,nan", text),
         "line 9, column 'attitude.roll': 'nan' is not a finite number"),
        (lambda text: re.sub(r"\n7,[^,]*", "\n7,", text),
         "line 9, column 'attitude.roll': '' is not a finite number"),
        (lambda text: re.sub(r"\n0,[^,]*,[^,]*", "\n0,1,oops", text),
         "line 2, column 'attitude.pitch': 'oops' is not"),
        (lambda text: re.sub(r"[^,\n]*\n$", "-inf\n", text),
         r"line 121, column 'userAcceleration.z': '-inf'"),
    ],
)  # fmt: skip
def test_a_damaged_recording_is_named(damaged, tmp_path, change, message):
    path = damaged / files.FOLDER / "ups_12/sub_24.csv"
    path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}: .*{message}") as caught:
        motionsense.load(damaged, cache=tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("gender", "sex", "line 1 has no column 'gender'"),
        ("\n24,84,174,44,0", "", "subject 24 is missing; it must have 1 to 24"),
        ("\n2,62,", "\n1,62,", "line 3: subject 1 is there twice"),
        ("\n2,62,", "\n2,,", "line 3, column 'weight': '' is not"),
        ("\n2,62,152,22,1", "\n2,62,152,22", "line 3, column 'gender': '' is not"),
        ("\n2,62,152,22,1", "\n2,62,152,22,2", "line 3, column 'gender': '2'; it must be 1"),
        ("\n2,62,152", "\n2,62,tall", "line 3, column 'height': 'tall' is not"),
    ],
)
def test_a_damaged_subjects_file_is_named(damaged, tmp_path, old, new, message):
    path = damaged / files.SUBJECTS_FILE
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}: {message}"):
        motionsense.load(damaged, cache=tmp_path / "cache")


def test_an_empty_subjects_file_is_named(damaged, tmp_path):
    (damaged / files.SUBJECTS_FILE).write_text("")
    with pytest.raises(UserError, match="line 1 has no column 'code'"):
        motionsense.load(damaged, cache=tmp_path / "cache")


def test_missing_files_are_named(damaged, tmp_path):
    (damaged / files.FOLDER / "jog_9/sub_8.csv").unlink()
    with pytest.raises(UserError, match=r"jog_9/sub_8\.csv is missing; the whole set has 264"):
        motionsense.load(damaged, cache=tmp_path)
    shutil.rmtree(damaged / files.FOLDER / "ups_3")
    with pytest.raises(UserError, match=r"ups_3/sub_1\.csv is missing and 24 more"):
        motionsense.load(damaged, cache=tmp_path)
    (damaged / files.SUBJECTS_FILE).unlink()
    with pytest.raises(UserError, match=r"data_subjects_info\.csv is missing; name the folder"):
        motionsense.load(damaged, cache=tmp_path)


def test_a_wrong_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere does not exist; name the folder that holds"):
        motionsense.load(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"has neither A_DeviceMotion_data.zip nor"):
        motionsense.load(tmp_path)


def test_a_damaged_zip_is_named(archive, tmp_path):
    shutil.copytree(archive, tmp_path, dirs_exist_ok=True)
    path = tmp_path / files.ARCHIVE
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=rf"{re.escape(str(path))}: not a whole zip file"):
        motionsense.load(path, cache=tmp_path)
    at = whole.index(b"dws_1/sub_1.csv") + 600
    path.write_bytes(whole[:at] + b"9999" + whole[at + 4 :])
    with pytest.raises(UserError, match=r"zip:dws_1/sub_1\.csv: cannot be read .*CRC"):
        motionsense.load(path, cache=tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split_kind": "trail"}, "unknown split_kind 'trail'"),
        ({"window": 0}, "window 0"),
        ({"step": 0}, "step 0"),
        ({"window": 121}, "120 rows; a recording has at least 121"),
    ],
)
def test_wrong_options_are_named(tree, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        motionsense.load(tree, cache=tmp_path, **options)
