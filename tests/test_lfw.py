"""LFW in its official layout: which images, of whom, labelled how, in which split; and what is wrong with others."""

import shutil
import zipfile

import numpy as np
import pytest
from faces_tree import PEOPLE, SIDE, WOMEN, files_of, write_faces
from PIL import Image

from hybrid_jax.data import TEST, TRAIN, VALIDATION, lfw, lfw_lists
from hybrid_jax.data.image_files import ImageFiles
from hybrid_jax.data.images import MANY
from hybrid_jax.data.people import split_people
from hybrid_jax.errors import UserError

LABELLED = sum(PEOPLE.values()) - 2


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("lfw"))


@pytest.fixture
def copied(faces, tmp_path):
    return shutil.copytree(faces, tmp_path / "copied")


def names_of(images):
    return np.array(images.classes["identity"])[images.columns["identity"]]


def test_every_labelled_image_is_there_with_its_gender_and_its_person(faces):
    found = lfw.load(faces)
    assert found.images.shape == (LABELLED, 64, 64, 1) and found.images.dtype == np.uint8
    assert found.classes["gender"] == ("female", "male")
    expected = [int(name not in WOMEN) for name in names_of(found)]
    np.testing.assert_array_equal(found.columns["gender"], expected)
    for person, number in PEOPLE.items():
        mine = names_of(found) == person
        # The first woman's and the first man's first image are in no list.
        assert mine.sum() == number - (person in ("Ann_Lee", "Cy_Oz"))
        np.testing.assert_array_equal(found.columns["start"][mine], np.arange(mine.sum()))
    np.testing.assert_array_equal(found.columns["recording"], found.columns["identity"])


@pytest.mark.parametrize("seed", range(5))
def test_nobody_is_in_two_splits(faces, seed):
    found = lfw.load(faces, side=8, seed=seed)
    names = [set(names_of(found)[found.indices(part)]) for part in (TRAIN, VALIDATION, TEST)]
    assert sum(map(len, names)) == len(set.union(*names)) == len(PEOPLE)
    assert all(names)


def test_splits_have_their_share_of_women_and_of_people_with_many_images(data_root):
    found = lfw.load(data_root / "lfw", side=8)
    assert len(found.images) == 13_229 and len(found.classes["identity"]) == 5_748
    people = [
        set(found.columns["identity"][found.indices(part)]) for part in (TRAIN, VALIDATION, TEST)
    ]
    assert not (people[0] & people[1] or people[0] & people[2] or people[1] & people[2])
    for part, share in ((TRAIN, 0.6), (VALIDATION, 0.1), (TEST, 0.3)):
        mine = found.columns["identity"][found.indices(part)]
        counts = np.bincount(mine, minlength=len(found.classes["identity"]))
        gender = found.columns["gender"][np.unique(found.columns["identity"], return_index=True)[1]]
        assert abs((counts >= MANY).sum() - share * 423) <= 2
        for label in (0, 1):
            assert (
                abs(((counts > 0) & (gender == label)).sum() - share * (gender == label).sum()) <= 2
            )


def test_another_seed_is_another_split():
    labels, counts = np.repeat([0, 1], 80), np.tile([1, MANY], 80)
    found = split_people(labels, counts, 1)
    assert np.array_equal(found, split_people(labels, counts, 1))
    assert not np.array_equal(found, split_people(labels, counts, 2))
    assert np.array_equal(found, split_people(labels, counts, 1, least=2))
    assert not np.array_equal(found, split_people(labels, counts, 1, least=MANY + 1))
    for label in (0, 1):
        for count in (1, MANY):
            mine = found[(labels == label) & (counts == count)]
            assert list(np.bincount(mine)) == [24, 4, 12]


def test_of_large_images_the_middle_is_kept(faces):
    """The frame of 20 pixels is gone: 250 less 210 is 40."""
    cropped, whole = (lfw.load(faces, side=50, crop=crop) for crop in (210, 0))
    assert cropped.images[0].std() < 2 < 20 < whole.images[0].std()
    small = lfw.load(faces, side=SIDE, crop=SIDE).images[0]
    assert small.shape == (SIDE, SIDE, 1) and small[0, 0] < 20


def test_colours_are_red_green_blue(copied):
    red = Image.new("RGB", (250, 250), (250, 20, 40))
    red.save(copied / "lfw-deepfunneled/Dan_Wu/Dan_Wu_0001.jpg", quality=95)
    found = lfw.load(copied, channels=3)
    mine = found.images[(names_of(found) == "Dan_Wu") & (found.columns["start"] == 0)]
    np.testing.assert_allclose(mine.mean(axis=(0, 1, 2)), (250, 20, 40), atol=4)


def test_a_zip_is_the_folder(faces, tmp_path):
    with zipfile.ZipFile(tmp_path / "lfw-deepfunneled.zip", "w") as archive:
        for path in sorted((faces / "lfw-deepfunneled").rglob("*.jpg")):
            archive.write(path, path.relative_to(faces))
        archive.writestr("__MACOSX/lfw-deepfunneled/Ann_Lee/._Ann_Lee_0001.jpg", "junk")
    for file in lfw_lists.GENDER_LISTS.values():
        shutil.copy(faces / file, tmp_path)
    folder, zipped = lfw.load(faces), lfw.load(tmp_path)
    np.testing.assert_array_equal(folder.images, zipped.images)
    assert ImageFiles(lfw.find(faces)).digest() == ImageFiles(lfw.find(tmp_path)).digest()


def test_one_bad_image_is_reported_and_left_out_and_many_are_refused(copied, capsys, monkeypatch):
    bad = copied / "lfw-deepfunneled/Dan_Wu/Dan_Wu_0002.jpg"
    bad.write_bytes(bad.read_bytes()[:500])
    with pytest.raises(
        UserError, match=rf"1 of {LABELLED} images cannot be read, the first is {bad}"
    ):
        lfw.load(copied)
    monkeypatch.setattr("hybrid_jax.data.image_files.MOST_BAD", 1 / LABELLED)
    found = lfw.load(copied)
    assert len(found.images) == LABELLED - 1 and (names_of(found) == "Dan_Wu").sum() == 1
    assert (
        f"1 of {LABELLED} images cannot be read and are left out: {bad}" in capsys.readouterr().err
    )


@pytest.mark.parametrize("how", ["a huge image", "a file that may not be read", "an encrypted zip"])
def test_whatever_is_wrong_with_an_image_it_is_reported(faces, tmp_path, how, monkeypatch, capsys):
    monkeypatch.setattr("hybrid_jax.data.image_files.MOST_BAD", 0.1)
    copied, name = tmp_path / "copied", "Dan_Wu/Dan_Wu_0002.jpg"
    if how == "an encrypted zip":
        shutil.copytree(faces, copied, ignore=shutil.ignore_patterns("lfw-*"))
        with zipfile.ZipFile(copied / "lfw.zip", "w") as archive:
            for path in sorted((faces / "lfw-deepfunneled").rglob("*.jpg")):
                archive.write(path, path.relative_to(faces))
            at = archive.getinfo(f"lfw-deepfunneled/{name}").header_offset
            archive.getinfo(f"lfw-deepfunneled/{name}").flag_bits |= 1
        contents = bytearray((copied / "lfw.zip").read_bytes())
        contents[at + 6] |= 1  # as the directory at the end has it
        (copied / "lfw.zip").write_bytes(contents)
    else:
        shutil.copytree(faces, copied)
    if how == "a huge image":
        for path in (copied / "lfw-deepfunneled").rglob("*.jpg"):
            if path.name != "Dan_Wu_0002.jpg":
                Image.open(path).resize((64, 64)).save(path)
        monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", SIDE * SIDE // 2 - 1)
    elif how == "a file that may not be read":
        bad = copied / "lfw-deepfunneled" / name
        bad.unlink()
        bad.symlink_to(bad.name)  # to itself: also root cannot
    found = lfw.load(copied, crop=0)
    assert len(found.images) == LABELLED - 1 and (names_of(found) == "Dan_Wu").sum() == 1
    said = capsys.readouterr().err
    assert f"1 of {LABELLED} images cannot be read and are left out: " in said and name in said
    assert f"LFW: 2 of {LABELLED + 2} images are in no gender list and are left out" in said


def test_mistakes_are_named(copied, tmp_path):
    for arguments, message in (
        (
            (tmp_path / "nowhere",),
            r"LFW: .*nowhere is no folder; name the folder that holds lfw-deepfunneled/",
        ),
        ((tmp_path,), "LFW: .* has no images"),
    ):
        with pytest.raises(UserError, match=message):
            lfw.load(*arguments)
    with pytest.raises(UserError, match=r"channels 2: an image has 1 .grey. or 3"):
        lfw.load(copied, channels=2)
    with pytest.raises(UserError, match="side 0: an image has at least 1 pixel"):
        lfw.load(copied, side=0)
    with (copied / "male_names.txt").open("a") as file:
        file.write("Nobody_Known_0001.jpg\n")
    with pytest.raises(
        UserError, match=r"male_names.txt: line \d+: there is no image 'Nobody_Known_0001.jpg'"
    ):
        lfw.load(copied)
    for name in lfw_lists.GENDER_LISTS.values():
        (copied / name).write_text("")
    with pytest.raises(UserError, match="LFW: no image is in a gender list"):
        lfw.load(copied)
    (copied / "male_names.txt").unlink()
    with pytest.raises(UserError, match=r"male_names.txt is missing"):
        lfw.load(copied)
    (copied / "lfw.zip").write_text("no zip")
    shutil.rmtree(copied / "lfw-deepfunneled")
    with pytest.raises(UserError, match=r"lfw.zip: not a whole zip file"):
        lfw.load(copied)


def test_the_official_lists(data_root):
    people = lfw_lists.read_people(data_root / "lfw/people.txt")
    assert [len(part) for part in people][:2] == [601, 555] and len(people) == 10
    assert sum(map(len, people)) == 5_749 and sum(sum(part.values()) for part in people) == 13_233
    pairs = lfw_lists.read_pairs(data_root / "lfw/pairs.txt")
    assert [sum(pair.same for pair in part) for part in pairs] == [300] * 10
    assert {len(part) for part in pairs} == {600}
    assert pairs[0][0] == (
        "Abel_Pacheco/Abel_Pacheco_0001.jpg",
        "Abel_Pacheco/Abel_Pacheco_0004.jpg",
        True,
    )
    files = set(ImageFiles(lfw.find(data_root / "lfw")).names)
    assert {name for part in pairs for pair in part for name in pair[:2]} <= files


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (lfw_lists.read_people, "1\n2\nA_B\t1\n", "is cut short"),
        (lfw_lists.read_people, "1\n1\nA_B\tx\n", r"line 3: 'A_B\\tx' is not of the form 'name number'"),
        (lfw_lists.read_people, "1\n1\nA_B\t1\nC_D\t1\n", r"line 4: 'C_D\\t1' comes after the last set"),
        (lfw_lists.read_pairs, "1 1\nA_B 1 2\nA_B 1 2\n", "line 3: .*'name number name number'"),
        (lfw_lists.read_pairs, "ten\n", "line 1: 'ten' is not of the form 'number number'"),
    ],
)  # fmt: skip
def test_damaged_lists_are_refused(tmp_path, read, text, message):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        read(tmp_path / "list.txt")


def test_files_are_named_by_person_and_number():
    assert lfw_lists.file_of("Ann_Lee", 3) == f"Ann_Lee/{files_of('Ann_Lee')[2]}"
