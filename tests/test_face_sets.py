"""IMDB-WIKI and VGG-Face in the form in which they are published: small sets, and what is wrong with others."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from hybrid_jax.data import TEST, TRAIN, VALIDATION, vggface, wiki
from hybrid_jax.errors import UserError

NUMBER = 40


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """What one test prepared is not there in another."""
    monkeypatch.setenv("HYBRID_JAX_CACHE", str(tmp_path_factory.mktemp("cache")))


def cells(values):
    """A row of MATLAB cells."""
    found = np.empty((1, len(values)), object)
    found[0] = values
    return found


def write_wiki(folder, key="wiki", **changes):
    """40 images of 34 people: every fifth has no gender, every eighth no face, one in ten a second face."""
    paths = [f"{number % 3:02d}/{number}_1980.jpg" for number in range(NUMBER)]
    for number, path in enumerate(paths):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20 + number), (number, 0, 0)).save(folder / path, quality=95)
    numbers = np.arange(NUMBER)
    fields = {
        "dob": numbers.astype(float)[None],
        "full_path": cells(paths),
        "gender": np.where(numbers % 5 == 4, np.nan, numbers % 2)[None].astype(float),
        # The last ones are of one person, and the first has no name.
        "name": cells(
            [np.array([])] + [f"Person {min(number, 33)}" for number in range(1, NUMBER)]
        ),
        "face_location": cells([np.zeros((1, 4))] * NUMBER),
        "face_score": np.where(numbers % 8 == 0, -np.inf, 3.0)[None],
        "second_face_score": np.where(numbers % 10 == 1, 2.0, np.nan)[None],
    } | changes
    savemat(folder / f"{key}.mat", {key: fields})
    return folder


@pytest.mark.parametrize("key", ["wiki", "imdb"])
def test_images_with_a_gender_are_taken_by_default(tmp_path, key):
    found = wiki.load(write_wiki(tmp_path, key), side=16, num_train=20)
    assert found.dataset == key and found.images.shape == (32, 16, 16, 3)
    assert found.split_kind == "identity" and found.classes["gender"] == ("female", "male")
    red = np.rint(found.images[:, 8, 8, 0]).astype(int)
    kept = [number for number in range(NUMBER) if number % 5 != 4]
    np.testing.assert_allclose(red, kept, atol=3)
    np.testing.assert_array_equal(found.columns["gender"], np.mod(kept, 2))
    people = np.array(found.classes["identity"])[found.columns["identity"]]
    assert list(people[:2]) == ["00/0_1980.jpg", "Person 1"]
    assert (people == "Person 33").sum() == sum(number >= 33 for number in kept)


def test_the_filter_is_what_it_says(tmp_path):
    folder = write_wiki(tmp_path)
    for keep, expected in (
        ({"least_score": 0.0}, lambda n: n % 8 != 0),
        ({"most_second_score": 1.0}, lambda n: n % 10 != 1),
        ({"least_score": 0.0, "most_second_score": 1.0}, lambda n: n % 8 != 0 and n % 10 != 1),
    ):
        found = wiki.load(folder, side=4, num_train=10, **keep)
        assert len(found.images) == sum(expected(n) and n % 5 != 4 for n in range(NUMBER))


def test_an_image_that_is_got_again_is_prepared_again(tmp_path, monkeypatch):
    folder = write_wiki(tmp_path)
    before = wiki.load(folder, side=4, num_train=20)
    assert np.array_equal(wiki.load(folder, side=4, num_train=20).images, before.images)
    Image.new("RGB", (60, 60), (250, 0, 0)).save(folder / "01/7_1980.jpg", quality=95)
    monkeypatch.setattr("hybrid_jax.data.image_files.MOST_BAD", 0.1)
    gone = folder / "01/13_1980.jpg"
    gone.unlink()
    gone.symlink_to(gone.name)  # to itself: nobody can read it
    fewer = wiki.load(folder, side=4, num_train=20)
    assert len(fewer.images) == len(before.images) - 1
    gone.unlink()
    Image.new("RGB", (30, 33), (13, 0, 0)).save(gone, quality=95)
    after = wiki.load(folder, side=4, num_train=20)
    changed = (after.images != before.images).any(axis=(1, 2, 3))
    assert changed.sum() == 1 and after.images[changed, 0, 0, 0] > 240


@pytest.mark.parametrize("seed", range(4))
def test_training_has_the_number_and_nobody_is_in_two_splits(tmp_path, seed):
    found = wiki.load(write_wiki(tmp_path), side=4, num_train=20, seed=seed)
    assert len(found.indices(TRAIN)) == 20
    people = [
        set(found.columns["identity"][found.indices(part)]) for part in (TRAIN, VALIDATION, TEST)
    ]
    assert sum(map(len, people)) == len(set.union(*people)) and all(people)
    assert not np.array_equal(
        found.split, wiki.load(tmp_path, side=4, num_train=20, seed=seed + 1).split
    )


def test_mistakes_in_wiki_are_named(tmp_path):
    with pytest.raises(
        UserError, match=r"holds no wiki.mat or imdb.mat; name the extracted folder"
    ):
        wiki.load(tmp_path)
    folder = write_wiki(tmp_path)
    with pytest.raises(
        UserError, match="32 images leave none beside 45000 for training: lower num_train"
    ):
        wiki.load(folder, side=4)
    (folder / "01/7_1980.jpg").unlink()
    with pytest.raises(UserError, match=r"01/7_1980.jpg is missing .1 of 32 in its table."):
        wiki.load(folder, side=4, num_train=20)
    whole = (folder / "wiki.mat").read_bytes()
    for damaged in (b"no table", whole[:1000], whole[: len(whole) // 2]):
        (folder / "wiki.mat").write_bytes(damaged)
        with pytest.raises(UserError, match=r"wiki.mat cannot be read as a MATLAB file .*: get it"):
            wiki.load(folder)
    savemat(folder / "wiki.mat", {"wiki": {"full_path": cells(["a"])}})
    with pytest.raises(UserError, match=r"wiki.mat is no table of IMDB-WIKI: wiki.name is missing"):
        wiki.load(folder)
    savemat(folder / "wiki.mat", {"imdb": 3})
    with pytest.raises(UserError, match=r"wiki.full_path is missing"):
        wiki.load(folder)


@pytest.fixture
def people(tmp_path):
    for number in range(6):
        (tmp_path / f"p{number}").mkdir()
        for image in range(2 + number):
            picture = Image.new("RGB", (20, 20), (40 * number, 0, 0))
            picture.save(tmp_path / f"p{number}/{image:08d}.png")
    return tmp_path


def test_some_people_of_vggface_are_in_every_split(people):
    found = vggface.load(people, side=8, num_people=4)
    names, identity = found.classes["identity"], found.columns["identity"]
    assert len(names) == len(set(names)) == 4 and set(names) <= {f"p{n}" for n in range(6)}
    counts = [2 + int(name[1]) for name in names]
    np.testing.assert_array_equal(identity, np.repeat(np.arange(4), counts))
    reds = [40 * int(names[k][1]) for k in identity]
    np.testing.assert_array_equal(found.images[:, 0, 0, 0], reds)
    assert found.images.shape[1:] == (8, 8, 3) and not found.people_apart
    for person, count in enumerate(counts):
        split = found.split[identity == person]
        assert (split[: count // 2] != TEST).all() and (split[count // 2 :] == TEST).all()
        assert (split == VALIDATION).sum() == count // 2 // 4
    assert vggface.load(people, side=8, num_people=4).classes["identity"] == names
    seeds = (vggface.load(people, side=8, num_people=4, seed=seed) for seed in range(8))
    assert len({other.classes["identity"] for other in seeds}) > 1


def test_mistakes_in_vggface_are_named(people):
    with pytest.raises(UserError, match="has 6 people: num_people 100 should be 2 to that many"):
        vggface.load(people)
    (people / "p0/00000001.png").unlink()
    with pytest.raises(UserError, match="p0 has 1 image: a person needs 2 at least"):
        vggface.load(people, num_people=6)
