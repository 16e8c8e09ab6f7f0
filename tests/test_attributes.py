"""Targets by name: a label is itself, a person's number is a third of the people."""

from dataclasses import replace

import numpy as np
import pytest

from hybrid_jax.data import attributes, simulated


@pytest.fixture(scope="module")
def windows():
    return simulated.load(num_subjects=8, trials_per_activity=2, seconds=6.0)


def test_a_label_is_what_the_data_set_says(windows):
    np.testing.assert_array_equal(attributes.labels(windows, "gender"), windows.columns["gender"])
    assert attributes.class_names(windows, "activity") == windows.classes["activity"]


def test_thirds_are_of_people_not_of_windows(windows):
    people = np.array([150, 160, 160, 170, 180, 190, 200, 210], np.float32)
    # The tallest has almost all windows, and counts once.
    identity = np.full_like(windows.columns["identity"], 7)
    identity[:7] = np.arange(7)
    columns = {**windows.columns, "identity": identity, "height": people[identity]}
    found = attributes.labels(replace(windows, columns=columns), "height")
    of_person = {int(p): int(found[identity == p][0]) for p in range(8)}
    assert of_person == {0: 0, 1: 0, 2: 0, 3: 1, 4: 1, 5: 2, 6: 2, 7: 2}
    names = attributes.class_names(replace(windows, columns=columns), "height")
    assert names == ("under 170", "170 to 190", "190 and more")


def test_equal_people_are_never_told_apart(windows):
    identity = windows.columns["identity"]
    for heights, classes in (([170] * 7 + [180], 0), ([160] * 3 + [170] * 5, 2)):
        columns = {**windows.columns, "height": np.array(heights, np.float32)[identity]}
        changed = replace(windows, columns=columns)
        if classes:
            found = attributes.labels(changed, "height")
            assert len(set(found)) == len(attributes.class_names(changed, "height")) == classes
        else:
            assert "height" not in attributes.targets(changed)


def test_every_target_has_labels_of_its_classes(windows):
    assert set(attributes.targets(windows)) >= {"activity", "gender", "identity", "height", "age"}
    for target in attributes.targets(windows):
        labels = attributes.labels(windows, target)
        assert labels.dtype == np.int32 and labels.min() == 0
        assert labels.max() < len(attributes.class_names(windows, target))
