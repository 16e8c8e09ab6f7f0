"""Images as a network takes them: cropped, mirrored, normalised; and which people an adversary can be asked about."""

import jax
import numpy as np
import pytest

from hybrid_jax.data import TEST, TRAIN, VALIDATION, simulated_faces
from hybrid_jax.data.images import ImageInputs, tail
from hybrid_jax.errors import UserError


@pytest.fixture(scope="module")
def faces():
    return simulated_faces.load(num_people=20, images_per_person=8, side=24)


def test_a_network_is_given_the_middle_of_an_image_from_minus_one_to_one(faces):
    given = faces.presented("symmetric", crop=20)
    found = given.inputs(given.data(), np.array([5, 0], np.int32))
    expected = faces.images[[5, 0], 2:22, 2:22].astype(np.float32) / 127.5 - 1
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert given.input_shape == (20, 20, 1) and given.augmented
    assert not faces.presented("symmetric").augmented


def test_the_mean_image_is_that_of_the_training_images_and_is_cropped_with_them(faces):
    given = faces.presented("mean_image", crop=20)
    mean = faces.images[faces.split == TRAIN].astype(np.float64).mean(axis=0)
    expected = (faces.images[7].astype(np.float64) - mean)[2:22, 2:22]
    found = given.inputs(given.data(), np.array([7], np.int32))[0]
    np.testing.assert_allclose(found, expected, atol=1e-3)
    kept, deviation = given.normalisation
    np.testing.assert_allclose(kept, mean[2:22, 2:22], atol=1e-4)
    assert list(deviation) == [1.0]


@pytest.mark.parametrize("mirror", [False, True])
def test_training_sees_random_parts_of_each_image_and_mirror_images(faces, mirror):
    inputs = ImageInputs(crop=20, mirror=mirror)
    data = faces.presented("symmetric", crop=20, mirror=mirror).data()
    whole = faces.images[3].astype(np.float32) / 127.5 - 1
    met = set()
    for seed in range(40):
        (part,) = inputs(data, np.array([3], np.int32), jax.random.key(seed))
        places = {
            (top, left, turned)
            for top in range(5)
            for left in range(5)
            for turned in (False, True)
            if np.allclose(
                part, whole[top : top + 20, left : left + 20][:, :: -1 if turned else 1], atol=1e-5
            )
        }
        assert places
        met |= places
    assert len({(top, left) for top, left, _ in met}) > 10
    assert {turned for *_, turned in met} == {False, True} if mirror else {False}


def test_each_image_of_a_batch_is_augmented_for_itself(faces):
    inputs = ImageInputs(crop=20, mirror=True)
    same = inputs(faces.data(), np.zeros(16, np.int32), jax.random.key(0))
    assert len(np.unique(np.asarray(same).reshape(16, -1), axis=0)) > 8


def test_taken_images_are_those_that_lie_on_the_device(faces):
    numbers = np.array([9, 2], np.int32)
    batch = faces.take(numbers) | faces.shared
    found = faces.inputs(batch, slice(None))
    np.testing.assert_array_equal(found, faces.inputs(faces.data(), numbers))


def test_who_has_few_images_is_not_asked_about(faces):
    counts = np.bincount(faces.columns["identity"])
    assert faces.known("identity").all() and faces.known("gender").all() and (counts == 8).all()
    keep = ~((faces.columns["identity"] == 3) & (faces.columns["start"] > 0))
    fewer = type(faces)(
        **{f: getattr(faces, f) for f in ("dataset", "split_kind", "classes", "mean", "std")},
        split=faces.split[keep],
        images=faces.images[keep],
        columns={name: values[keep] for name, values in faces.columns.items()},
        least=2,
    )
    unknown = ~fewer.known("identity")
    assert set(fewer.columns["identity"][unknown]) == {3} and fewer.known("gender").all()


def test_a_matcher_learns_from_training_people_alone(faces):
    found = faces.matched
    people = {faces.classes["identity"][i] for i in faces.columns["identity"][faces.split == TRAIN]}
    assert set(found.classes["identity"]) == people and not found.people_apart
    for person in range(len(people)):
        split = found.split[found.columns["identity"] == person]
        assert (split == TRAIN).sum() == 6 and (split == VALIDATION).sum() == 2
    assert TEST not in found.split
    # Two images leave none to choose by.
    assert simulated_faces.load(num_people=20, images_per_person=2, side=24).matched is None


@pytest.mark.parametrize(("number", "last"), [(1, 0), (3, 0), (4, 1), (9, 2)])
def test_the_last_quarter_of_a_person_s_images_is_to_choose_by(number, last):
    assert list(tail(number)) == [TRAIN] * (number - last) + [VALIDATION] * last


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scale": "symetric"}, "unknown scale .* 'symetric': did you mean 'symmetric'"),
        ({"scale": "symmetric", "crop": 25}, "crop 25: the images of simulated_faces have 24"),
        ({"scale": "symmetric", "crop": -1}, "crop -1"),
    ],
)
def test_mistakes_are_named(faces, wrong, message):
    with pytest.raises(UserError, match=message):
        faces.presented(**wrong)
