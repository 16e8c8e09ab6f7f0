"""Drawn faces: who and what leaves its trace, what the seed decides, and what stays when a size changes."""

import numpy as np
import pytest

from hybrid_jax import results
from hybrid_jax.data import TEST, TRAIN, VALIDATION, face_drawing, simulated_faces
from hybrid_jax.data.people import split_people
from hybrid_jax.errors import UserError

PARTS = (TRAIN, VALIDATION, TEST)
SMALL = {"num_people": 14, "images_per_person": 4, "side": 32}


@pytest.fixture(scope="module")
def many():
    """Enough people that a probe's accuracy on others is not chance."""
    return simulated_faces.load(num_people=200, images_per_person=6, side=32)


def describe(images):
    """Every image's grey pixels, without its brightness and contrast, [N, D]."""
    pixels = images.reshape(len(images), -1).astype(np.float64)
    pixels -= pixels.mean(1, keepdims=True)
    return pixels / pixels.std(1, keepdims=True)


def probe(made, column, *, shuffle=None):
    """Test accuracy on a column of ridge regression, fitted to the training images of other people."""
    train, test = made.indices(TRAIN), made.indices(TEST)
    pixels, labels = describe(made.images), made.columns[column]
    if shuffle is not None:
        labels = shuffle.permutation(labels)
    x = (pixels - pixels[train].mean(0)) / pixels[train].std(0)
    kernel = x[train] @ x[train].T + len(train) * np.eye(len(train))
    weights = x[train].T @ np.linalg.solve(kernel, 2.0 * labels[train] - 1)
    return ((x[test] @ weights > 0) == labels[test]).mean()


@pytest.mark.parametrize(("column", "at_least"), [("gender", 0.8), ("expression", 0.8)])
def test_a_linear_probe_finds_both_in_people_it_has_not_seen(many, column, at_least):
    assert at_least < probe(many, column) < 0.98


@pytest.mark.parametrize("column", ["gender", "expression"])
def test_a_linear_probe_on_shuffled_labels_is_at_chance(many, column):
    n = len(many.indices(TEST))
    found = probe(many, column, shuffle=np.random.default_rng(0))
    assert abs(found - 0.5) < 4 * np.sqrt(0.25 / n)


def test_people_look_like_themselves():
    made = simulated_faces.load(num_people=20, images_per_person=8)
    pixels, identity = describe(made.images), made.columns["identity"]
    distance = -pixels @ pixels.T
    np.fill_diagonal(distance, np.inf)
    assert (identity[distance.argmin(1)] == identity).mean() > 10 / 20


def test_no_trait_tells_women_from_men():
    """Of a single one at most nine in ten are on their gender's side of the best threshold."""
    people = simulated_faces.draw_people(2000, 0)
    order = {name: people["gender"][people[name].argsort()] for name in simulated_faces.TRAITS}
    best = {}
    for name, gender in order.items():
        right = np.cumsum(1 - gender) + gender.sum() - np.cumsum(gender)
        best[name] = max(right.max(), (2000 - right).max()) / 2000
    assert max(best.values()) < 0.9
    assert sum(value > 0.6 for value in best.values()) >= 8


def test_a_smile_changes_mouth_and_eyes_and_nothing_else():
    people, views = simulated_faces.draw_people(30, 0), simulated_faces.draw_views(30, 1, 0)
    still = dict.fromkeys(("shift_x", "shift_y", "angle", "turn", "parting"), np.zeros(30))
    face = {**people, **views, **still, "gradient_x": np.zeros(30), "scale": np.ones(30)}
    rest, smiling = (
        face_drawing.draw({**face, "smile": np.full(30, smile), "open": np.full(30, smile)}, 64, 1)
        for smile in (0.0, 1.0)
    )
    changed = abs(smiling - rest)[..., 0].mean(0)
    rows, columns = np.nonzero(changed > 0.01)
    eyes, mouth = (changed[rows_] > 0.01 for rows_ in (slice(24, 36), slice(38, 50)))
    assert eyes.any() and mouth.any() and changed[38:50].max() > 0.1
    assert rows.min() >= 22 and rows.max() < 52 and columns.min() >= 20 and columns.max() < 44
    np.testing.assert_allclose(changed, changed[:, ::-1], atol=1e-4)  # in a face that is not turned


def test_a_smile_lifts_the_corners_of_the_mouth():
    """Of a closed mouth without lips, and so a line; where it is darkest is where it is."""
    people, views = simulated_faces.draw_people(30, 0), simulated_faces.draw_views(30, 1, 0)
    still = ("shift_x", "shift_y", "angle", "turn", "open", "lips", "mouth_bend", "stubble")
    face = {**people, **views, **dict.fromkeys(still, np.zeros(30)), "scale": np.ones(30)}
    lower = {}
    for smile in (0.0, 0.5, 1.0):
        drawn = face_drawing.draw({**face, "smile": np.full(30, smile)}, 256, 1)[:, 160:192, :, 0]
        row = drawn.argmin(1)
        lower[smile] = (row[:, 128] - (row[:, 110] + row[:, 145]) / 2).mean()
    assert abs(lower[0.0]) < 0.5 < 1 < lower[0.5] < 0.8 * lower[1.0]


def test_half_are_women_and_half_of_anybody_s_images_smile():
    made = simulated_faces.load(**SMALL)
    assert made.dataset == "simulated_faces" and made.split_kind == "identity"
    assert results.is_simulated([{"dataset": made.dataset}])
    assert made.classes["gender"] == ("female", "male")
    assert made.classes["expression"] == ("neutral", "smiling")
    assert made.classes["identity"] == tuple(f"{n:02d}" for n in range(1, 15))
    np.testing.assert_array_equal(made.columns["identity"], np.repeat(np.arange(14), 4))
    np.testing.assert_array_equal(made.columns["recording"], made.columns["identity"])
    np.testing.assert_array_equal(made.columns["start"], np.tile(np.arange(4), 14))
    np.testing.assert_array_equal(made.columns["expression"], np.tile([0, 1, 0, 1], 14))
    np.testing.assert_array_equal(made.columns["gender"], made.columns["identity"] % 2)
    assert {column.dtype for column in made.columns.values()} == {np.dtype(np.int32)}


@pytest.mark.parametrize("num_people", [14, 16, 60])
@pytest.mark.parametrize("seed", range(3))
def test_nobody_is_in_two_splits_and_each_has_women_and_men(num_people, seed):
    made = simulated_faces.load(num_people=num_people, images_per_person=2, side=20, seed=seed)
    names = np.array(made.classes["identity"])[made.columns["identity"]]
    people = [set(names[made.indices(part)]) for part in PARTS]
    assert sum(map(len, people)) == len(set.union(*people)) == num_people
    for part, share in zip(PARTS, (0.6, 0.1, 0.3), strict=True):
        gender = made.columns["gender"][made.indices(part)][::2]
        assert gender.mean() == 0.5 and abs(len(gender) - share * num_people) <= 2


def test_fourteen_people_or_any_more_have_a_woman_and_a_man_for_each_split():
    for num_people in range(simulated_faces.FEWEST_PEOPLE, 300, 2):
        gender = np.arange(num_people) % 2
        split = split_people(gender, np.full(num_people, 4), 0)
        assert len(set(zip(split, gender, strict=True))) == 2 * len(PARTS)


def test_the_seed_decides_everything():
    one, same, other = (simulated_faces.load(**SMALL, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.images, same.images)
    np.testing.assert_array_equal(one.split, same.split)
    assert (one.images != other.images).mean() > 0.8
    assert not np.array_equal(one.split, other.split)
    traits, others = (simulated_faces.draw_people(14, seed) for seed in (3, 4))
    for name in set(traits) - {"gender"}:
        assert not np.array_equal(traits[name], others[name]), name


def test_more_people_and_images_leave_those_that_there_are():
    few = simulated_faces.load(**SMALL).images.reshape(14, 4, 32, 32)
    more = simulated_faces.load(num_people=22, images_per_person=7, side=32)
    np.testing.assert_array_equal(few, more.images.reshape(22, 7, 32, 32)[:14, :4])


def test_no_two_images_are_alike(monkeypatch):
    monkeypatch.setattr(simulated_faces, "NOISE", 0.0)
    images = simulated_faces.load(**SMALL).images.reshape(56, -1).astype(np.float64)
    distance = abs(images[:, None] - images).mean(-1) + 1e3 * np.eye(56)
    assert distance.min() > 2


@pytest.fixture(scope="module")
def faces():
    people, views = simulated_faces.draw_people(10, 1), simulated_faces.draw_views(10, 2, 1)
    return {name: np.repeat(trait, 2, axis=0) for name, trait in people.items()} | views


def test_grey_is_the_luma_of_the_colours(faces):
    colours, grey = (face_drawing.draw(faces, 32, channels) for channels in (3, 1))
    luma = colours @ np.array([0.299, 0.587, 0.114], np.float32)
    assert colours.std(-1).mean() > 0.03
    np.testing.assert_allclose(grey[..., 0], luma, atol=1e-5)


def test_a_small_image_is_a_large_one_shrunk(faces):
    small, large = (face_drawing.draw(faces, side, 1)[..., 0] for side in (32, 128))
    shrunk = large.reshape(20, 32, 4, 32, 4).mean((2, 4))
    assert abs(small - shrunk).mean() < 0.02 < 0.1 < abs(small - shrunk[::-1]).mean()


def test_a_shift_moves_the_face(faces):
    """By a whole number of pixels, where neither light nor edge follows."""
    flat = dict.fromkeys(("gradient_x", "gradient_y"), np.zeros(20))
    moved = {"shift_x": faces["shift_x"] + 4 / 32, "shift_y": faces["shift_y"] - 2 / 32}
    one, two = (face_drawing.draw({**faces, **flat, **m}, 64, 1) for m in ({}, moved))
    np.testing.assert_allclose(two[:, :-2, 4:], one[:, 2:, :-4], atol=1e-4)


def test_an_ellipse_s_edge_is_at_its_half_axes():
    at = np.array([[3.0, 0.0], [0.0, 2.0], [-3.0, 0.0], [0.0, 0.0], [3.0, 2.0]]).T
    found = face_drawing.ellipse(*at, 3.0, 2.0)
    np.testing.assert_allclose(found, [0, 0, 0, -2, 2 * (np.sqrt(2) - 1)], atol=1e-12)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [20, 33])
def test_sizes(side, channels):
    made = simulated_faces.load(num_people=14, images_per_person=3, side=side, channels=channels)
    assert made.images.shape == (42, side, side, channels) and made.images.dtype == np.uint8
    assert 60 < made.images.mean() < 200 and made.images.std() > 30
    assert ((made.images > 0) & (made.images < 255)).mean() > 0.9


def test_an_image_is_its_drawing_with_noise(monkeypatch):
    made = simulated_faces.load(**SMALL, channels=3)
    people, views = simulated_faces.draw_people(14, 0), simulated_faces.draw_views(14, 4, 0)
    faces = {name: np.repeat(trait, 4, axis=0) for name, trait in people.items()} | views
    drawn = 255 * face_drawing.draw(faces, 32, 3)
    assert (drawn > 256).any()  # the light may exceed what a pixel holds
    seen = (drawn > 30) & (drawn < 225)
    noise = (made.images - drawn)[seen]
    assert abs(noise.std() - 0.02 * 255) < 0.1 and abs(noise.mean()) < 0.1
    monkeypatch.setattr(simulated_faces, "NOISE", 0.0)
    clean = simulated_faces.load(**SMALL, channels=3).images
    np.testing.assert_allclose(clean, np.clip(drawn, 0, 255), atol=0.51)


@pytest.mark.parametrize("side", [20, 64, 200])
def test_an_edge_is_a_pixel_wide(side):
    """Whatever the side: about the share of a pixel that the shape covers, wherever the edge lies in it."""
    left = np.arange(side) * 2 / side - 1
    for edge in np.linspace(0, 2 / side, 7):
        canvas = face_drawing.Canvas(np.zeros((1, 3)), side, 1)
        distance = np.broadcast_to((left + 1 / side - edge).astype(np.float32), (1, side, side))
        canvas.paint(distance, np.ones(3))
        covered = np.clip((edge - left) * side / 2, 0, 1)
        np.testing.assert_allclose(
            canvas.pixels[0, :, :, 0], np.tile(covered, (side, 1)), atol=0.13
        )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_people": 13}, "num_people 13: must be even and at least 14"),
        ({"num_people": 12}, "num_people 12: must be even and at least 14"),
        ({"num_people": 15}, "num_people 15: must be even"),
        ({"images_per_person": 1}, "images_per_person 1: must be 2 or more"),
        ({"side": 19}, "side 19: must be 20 pixels or more"),
        ({"channels": 2}, r"channels 2: an image has 1 .grey. or 3"),
        ({"seed": -1}, "data seed -1: must be 0 or more"),
    ],
)
def test_wrong_sizes_are_named(wrong, message):
    with pytest.raises(UserError, match=message):
        simulated_faces.load(**SMALL | wrong)
