"""The London set in its layout: which images, of whom, labelled how, in which split; and what is wrong with others."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hybrid_jax.data import TEST, TRAIN, VALIDATION, frll
from hybrid_jax.errors import UserError

IDS = [f"{3 * number + 1:03d}" for number in range(20)]
MEN = {person for person in IDS if int(person) % 4 == 1}
SIDE = 256


def grey(person, expression):
    return 60 + 6 * IDS.index(person) + 3 * (expression == "smiling")


def write_table(folder, rows):
    text = "".join(f"{row}\r\n" for row in ("face_id,face_age,face_gender,face_eth", *rows))
    (folder / "london_info.csv").write_text(text, encoding="utf-8-sig")


def rows_of(people):
    return [f"{person},NA,{'male' if person in MEN else 'female'},a/b" for person in people]


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """The folder: a face of one grey in a black frame of 32 pixels; and the table, in another order."""
    root = tmp_path_factory.mktemp("frll")
    for expression in ("neutral", "smiling"):
        (root / expression).mkdir()
        for person in IDS:
            pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
            pixels[32:-32, 32:-32] = grey(person, expression)
            Image.fromarray(pixels).save(root / expression / f"{person}.jpg", quality=95)
    write_table(root, rows_of(reversed(IDS)))
    return root


@pytest.fixture
def copied(faces, tmp_path):
    return Path(shutil.copytree(faces, tmp_path / "copied"))


def refused(message, *args, **kwargs):
    with pytest.raises(UserError, match=message):
        frll.load(*args, **kwargs)


def zipped(faces, path, *, table=True):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(faces.rglob("*.*")):
            if table or file.suffix != ".csv":
                archive.write(file, Path("frll") / file.relative_to(faces))
        archive.writestr("__MACOSX/frll/._london_info.csv", "junk")
    return path


def test_everybody_s_neutral_image_comes_before_the_smiling_one(faces):
    found = frll.load(faces)
    assert found.dataset == "frll" and found.split_kind == "identity"
    assert found.images.shape == (40, 64, 64, 1) and found.images.dtype == np.uint8
    expected = [grey(person, e) for person in IDS for e in ("neutral", "smiling")]
    np.testing.assert_allclose(found.images.mean(axis=(1, 2, 3)), expected, atol=1)
    np.testing.assert_array_equal(found.columns["start"], np.tile([0, 1], 20))
    np.testing.assert_array_equal(found.columns["expression"], found.columns["start"])


def test_labels_are_the_folder_s_and_the_table_s(faces):
    found = frll.load(faces)
    assert found.classes == {
        "expression": ("neutral", "smiling"),
        "gender": ("female", "male"),
        "identity": tuple(IDS),
    }
    np.testing.assert_array_equal(found.columns["identity"], np.repeat(np.arange(20), 2))
    np.testing.assert_array_equal(found.columns["recording"], found.columns["identity"])
    names = np.array(found.classes["identity"])[found.columns["identity"]]
    np.testing.assert_array_equal(found.columns["gender"], [name in MEN for name in names])


@pytest.mark.parametrize("seed", range(5))
def test_nobody_is_in_two_splits(faces, seed):
    found = frll.load(faces, side=4, seed=seed)
    names = np.array(found.classes["identity"])[found.columns["identity"]]
    people = [set(names[found.indices(part)]) for part in (TRAIN, VALIDATION, TEST)]
    assert set.union(*people) == set(IDS)
    assert [len(part) for part in people] == [12, 2, 6]
    assert [len(part & MEN) for part in people] == [3, 1, 1]
    assert np.array_equal(found.split, frll.load(faces, side=4, seed=seed).split)
    assert not np.array_equal(found.split, frll.load(faces, side=4, seed=seed + 1).split)


@pytest.mark.parametrize("crop", [{}, {"crop": 192}, {"crop": 208}, {"crop": 0}])
def test_the_middle_of_an_image_is_kept(faces, crop):
    """The face has 192 pixels of 256, the default crop fewer."""
    column = frll.load(faces, side=104, **crop).images[0, 52, :, 0] > 30
    kept = crop.get("crop", 176) or SIDE
    expected = min(1, 192 / kept) * 104
    assert abs(column.sum() - expected) <= 2 and column[52]
    assert abs(column[:52].sum() - column[52:].sum()) <= 1


def test_a_zip_and_a_folder_with_it_are_the_folder(faces, tmp_path):
    path = zipped(faces, tmp_path / "frll_front_256px.zip")
    expected = frll.load(faces, channels=3)
    assert expected.images.shape[1:] == (64, 64, 3)
    for place in (path, tmp_path, str(path)):
        found = frll.load(place, channels=3)
        np.testing.assert_array_equal(found.images, expected.images)
        np.testing.assert_array_equal(found.split, expected.split)
        for name, column in expected.columns.items():
            np.testing.assert_array_equal(found.columns[name], column, err_msg=name)


def test_the_table_may_lie_beside_the_zip(faces, tmp_path):
    zipped(faces, tmp_path / "frll.zip", table=False)
    refused(r"london_info.csv is missing: it says who is a woman", tmp_path)
    shutil.copy(faces / "london_info.csv", tmp_path)
    np.testing.assert_array_equal(
        frll.load(tmp_path).columns["gender"], frll.load(faces).columns["gender"]
    )


def test_other_folders_and_no_images_are_passed_over(copied):
    shutil.copytree(copied / "neutral", copied / "profile")
    (copied / "profile/001.jpg").rename(copied / "profile/900.jpg")
    (copied / "neutral/900.tem").touch()
    assert len(frll.load(copied, side=4).images) == 40


def test_an_image_that_cannot_be_read_is_refused_or_takes_its_person_with_it(copied, monkeypatch):
    bad = copied / "neutral" / f"{IDS[3]}.jpg"
    bad.write_bytes(bad.read_bytes()[:300])
    refused(rf"1 of 40 images cannot be read, the first is {bad}", copied)
    monkeypatch.setattr("hybrid_jax.data.image_files.MOST_BAD", 0.1)
    found = frll.load(copied)
    left = [person for person in IDS if person != IDS[3]]
    assert found.classes["identity"] == tuple(left)
    expected = [grey(person, e) for person in left for e in ("neutral", "smiling")]
    np.testing.assert_allclose(found.images.mean(axis=(1, 2, 3)), expected, atol=1)
    np.testing.assert_array_equal(found.columns["expression"], np.tile([0, 1], 19))
    np.testing.assert_array_equal(found.columns["gender"][::2], [name in MEN for name in left])


def test_a_missing_image_or_person_is_named(copied):
    (copied / f"smiling/{IDS[2]}.jpg").rename(copied / "smiling/999.jpg")
    refused(r"copied/smiling/999.jpg: london_info.csv has no face_id '999': add it", copied)
    (copied / "smiling/999.jpg").unlink()
    refused(
        rf"copied: smiling/{IDS[2]}.jpg is missing, and london_info.csv has face_id '{IDS[2]}'",
        copied,
    )
    write_table(copied, rows_of(person for person in IDS if person != IDS[2]))
    refused(rf"neutral/{IDS[2]}.jpg: london_info.csv has no face_id '{IDS[2]}'", copied)
    shutil.rmtree(copied / "neutral")
    write_table(copied, rows_of(IDS[:1]))
    for path in (copied / "smiling").glob("*.jpg"):
        if path.stem != IDS[0]:
            path.unlink()
    refused(rf"neutral/{IDS[0]}.jpg is missing", copied)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["001,30,mail,a"], "face_gender in line 2 of .*london_info.csv: 'mail': did you mean 'male'"),
        (["001,30,male,a", "002,30"], "face_gender in line 3 of .*: '': known: female, male"),
        (["001,30,male,a", "001,30,male,a"], "london_info.csv: line 3: face_id '001' is there twice"),
        ([], "001.jpg: london_info.csv has no face_id '001'"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused(copied, rows, message):
    write_table(copied, rows)
    refused(message, copied)


@pytest.mark.parametrize(
    ("text", "column"), [("id,face_gender\n", "face_id"), ("face_id,sex\n", "face_gender"), ("", "face_id")]
)  # fmt: skip
def test_a_table_of_other_columns_is_refused(copied, text, column):
    (copied / "london_info.csv").write_text(text)
    refused(f"london_info.csv: the first line names no column {column}: it needs", copied)


def test_what_is_no_set_is_refused(faces, copied, tmp_path):
    refused(r"FRLL: .*nowhere does not exist; name the folder that", tmp_path / "nowhere")
    refused(r"FRLL: .* holds no neutral/ or smiling/ and no zip; name", tmp_path)
    (tmp_path / "frll.zip").write_text("no zip")
    refused(r"frll.zip: not a whole zip file", tmp_path)
    with zipfile.ZipFile(tmp_path / "frll.zip", "w") as archive:
        archive.write(faces / "london_info.csv", "london_info.csv")
        archive.write(faces / f"neutral/{IDS[0]}.jpg", f"front/{IDS[0]}.jpg")
    refused(r"FRLL: .*frll.zip has no images in neutral/ or smiling/; name the", tmp_path)
    for wrong, message in (({"channels": 2}, "channels 2"), ({"side": 0}, "side 0")):
        refused(message, copied, **wrong)
    write_table(copied, rows_of(IDS[:2]))
    for path in copied.glob("*/*.jpg"):
        if path.stem not in IDS[:2]:
            path.unlink()
    refused("frll: 2 people are too few for training, validation and test", copied)


def test_a_damaged_table_in_a_zip_is_refused(faces, tmp_path):
    path = zipped(faces, tmp_path / "frll.zip")
    contents = bytearray(path.read_bytes())
    contents[contents.index(b"face_id")] ^= 1  # stored as it is, and so its checksum is wrong
    path.write_bytes(contents)
    refused(r"frll.zip:frll/london_info.csv cannot be read .*: get the set again", path)


def test_the_real_set(data_root):
    found = frll.load(data_root / "frll")
    assert found.images.shape == (204, 64, 64, 1) and len(found.classes["identity"]) == 102
    assert list(np.bincount(found.columns["gender"])) == [2 * 49, 2 * 53]
    assert list(np.bincount(found.columns["expression"])) == [102, 102]
    assert found.classes["identity"][0] == "001" and found.classes["identity"][-1] == "173"
    for part, women_and_men in ((TRAIN, [58, 64]), (VALIDATION, [10, 10]), (TEST, [30, 32])):
        assert list(np.bincount(found.columns["gender"][found.indices(part)])) == women_and_men
    # Both images are of one person: of a third at least, nobody else's neutral one is nearer to the smiling one.
    flat = found.images.reshape(102, 2, -1).astype(np.float32)
    distance = ((flat[:, None, 1] - flat[None, :, 0]) ** 2).sum(-1)
    assert (distance.argmin(1) == np.arange(102)).mean() > 0.3
