"""Several uploads together: what privacy does as they grow more, over all blocks, and what is refused."""

import math

import jax
import numpy as np
import pytest
from rank_samples import DRAWS, KEY

from hybrid_jax.errors import UserError
from hybrid_jax.privacy import engine, ranking, repeated_uploads, sessions
from hybrid_jax.privacy.request import Request

COMMON = {"key": KEY, "num_draws": DRAWS}
PRIOR = np.array([0.5, 0.1, 0.4])


def people(informative, sessions_each=24, windows=16):
    rng = np.random.default_rng(5)
    session = np.repeat(np.arange(3 * sessions_each), windows)
    labels, held = session % 3, np.arange(150) % 3
    centres = informative * rng.normal(size=(3, 2))
    columns = {
        "session": session,
        "order": np.arange(len(session)),
        "gallery": "held_out",
        "gallery_features": rng.normal(size=(150, 2)) + centres[held],
        "gallery_labels": held,
    }
    return rng.normal(size=(len(session), 2)) + centres[labels], labels, columns


def test_privacy_falls_with_what_is_combined():
    features, labels, columns = people(informative=0.5)
    found = sessions(features, labels, noise_std=2.0, uploads=[1, 4, 16], **columns, **COMMON)
    privacy = [of["privacy"].value[0] for of in found.values()]
    assert privacy[0] > privacy[1] + 0.03 > privacy[2] + 0.06
    del columns["session"], columns["order"]
    found = repeated_uploads(
        features, labels, noise_std=2.0, uploads=[1, 4, 16], **columns, **COMMON
    )
    assert np.all(np.diff([of["privacy"].value[0] for of in found.values()]) < -0.01)


def test_what_says_nothing_says_nothing_in_any_number():
    features, labels, columns = people(informative=0.0, sessions_each=32)
    found = sessions(features, labels, noise_std=0.5, uploads=[1, 4, 16], **columns, **COMMON)
    for n, of in found.items():
        assert of.n == len(labels) // n
        error = np.std([1, 2, 3]) / 3 / math.sqrt(of.n)
        np.testing.assert_allclose(of["privacy"].value, of["privacy"].chance, atol=3 * error)


def test_outcomes_are_the_log_ratios_judged_over_all_blocks(monkeypatch):
    features, labels, columns = people(informative=0.5)
    request = Request.check(
        features,
        labels,
        noise_std=[0, 0.5, 30, np.inf],
        key=KEY,
        num_draws=3,
        index=None,
        gallery="leave_group_out",
        prior=PRIOR,
        groups=columns["session"] // 5,
    )
    told = []
    monkeypatch.setattr(engine, "AT_ONCE", 2**20)
    ratios, left = engine.log_ratios(request, on_progress=lambda *done: told.append(done))
    assert len(told) > 2 and told[-1] == (len(labels),) * 2
    assert ratios.shape == (3, 4, len(labels), 3) and left.shape == (len(labels), 3)
    judge = jax.jit(ranking.judge)
    judged = judge(ratios, left, ranking.log_prior(PRIOR), request.queries.labels)
    outcomes, own_left = engine.outcomes(request)
    for found, expected in zip(judged, outcomes, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(left[np.arange(len(labels)), labels], own_left)


# Errors

SIZE = 12
SESSION, ORDER = np.repeat([0, 5, 7], [7, 3, 2]), np.arange(SIZE)
SUBJECTS = np.repeat([0, 1, 2], [7, 3, 2])
RECORDING, START = SESSION, 25 * ORDER
WINDOWS = np.random.default_rng(6).normal(size=(SIZE, 2))
PLACES = {"recording": RECORDING, "start": START, "window": 50}
TOGETHER = {"session": SESSION, "order": ORDER, **COMMON}


@pytest.mark.parametrize(
    ("uploads", "message"),
    [
        (0, "uploads 0: it needs whole numbers from 1"),
        ([1, 2.5], "uploads 2.5: it needs whole numbers from 1"),
        ([1.0, np.nan], "uploads nan: it needs whole numbers from 1"),
        (np.inf, "uploads inf: it needs whole numbers from 1"),
        (True, "uploads True: it needs whole numbers from 1"),
        ("two", "uploads two: it needs whole numbers from 1"),
        ([], "uploads has shape (0,): it needs one number, or a vector"),
        ([[1]], "uploads has shape (1, 1): it needs one number, or a vector"),
        ([2, 1, 2], "uploads 2 is there more than once: give each number once"),
    ],
)
def test_uploads_are_whole_numbers(uploads, message):
    for measure, columns in ((repeated_uploads, COMMON), (sessions, TOGETHER)):
        with pytest.raises(UserError) as error:
            measure(WINDOWS, SUBJECTS, noise_std=1.0, uploads=uploads, **columns)
        assert str(error.value) == message


@pytest.mark.parametrize(
    ("noise_std", "message"),
    [
        ([1.0, 2.0], "noise_std [1.0, 2.0]: several uploads are measured at one, 0 or more"),
        (-0.5, "noise_std -0.5: several uploads are measured at one, 0 or more"),
        (math.nan, "noise_std nan: several uploads are measured at one, 0 or more"),
    ],
)
def test_the_noise_is_one(noise_std, message):
    for measure, columns in ((repeated_uploads, COMMON), (sessions, TOGETHER)):
        with pytest.raises(UserError) as error:
            measure(WINDOWS, SUBJECTS, noise_std=noise_std, uploads=1, **columns)
        assert str(error.value) == message


PLACE = "recording, start and window go together: they tell what overlaps"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"uploads": [9, 8]}, "uploads 8: the longest session has 7 windows, none overlapping"),
        (PLACES | {"uploads": 5}, "uploads 5: the longest session has 4 windows, none overlapping"),
        ({"session": SESSION[1:]}, f"session has shape ({SIZE - 1},): it needs ({SIZE},), one for"),
        ({"order": ORDER[None]}, f"order has shape (1, {SIZE}): it needs ({SIZE},), one for each"),
        ({"resample": 3}, f"resample has shape (): it needs ({SIZE},), one for each query"),
        ({"order": ORDER.astype(str)}, "order is <U21: it needs numbers"),
        ({"session": SUBJECTS * 0}, "session 0 has labels [0, 1, 2]: it needs the same for all"),
        ({"resample": ORDER % 2}, "session 0 has resample [0, 1]: it needs the same for all its"),
        ({"start": START}, PLACE),
        ({"window": 50}, PLACE),
        ({"recording": RECORDING, "window": 50}, PLACE),
        (PLACES | {"window": 0}, "window 0, start int64: both need to be whole numbers"),
        (PLACES | {"window": 1.5}, "window 1.5, start int64: both need to be whole numbers"),
        (PLACES | {"start": START / 2}, "window 50, start float64: both need to be whole numbers"),
        ({"ties": "best"}, "unknown ties 'best'"),
        ({"num_draws": 0}, "num_draws 0"),
        (
            {"gallery": "leave_group_out", "groups": np.zeros(SIZE)},
            "gallery 'leave_group_out' leaves no query a sample of its own class",
        ),
    ],
)
def test_errors_name_the_thing(arguments, message):
    with pytest.raises(UserError) as error:
        sessions(WINDOWS, SUBJECTS, **{"noise_std": 1.0, "uploads": 1} | TOGETHER | arguments)
    assert str(error.value).startswith(message)


def test_a_number_that_no_session_reaches_is_left_out():
    found = sessions(WINDOWS, SUBJECTS, noise_std=1.0, uploads=[8, 1], **TOGETHER)
    assert list(found) == [1]
