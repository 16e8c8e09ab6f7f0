"""Streamed training is training: the same steps, from any step, whatever loads the batches."""

from dataclasses import dataclass

import jax
import numpy as np
import pytest
from test_train import (
    KEY,
    NUM_STEPS,
    PER_CALL,
    SIZE,
    STOPS,
    Regression,
    assert_equal,
    fit,
    numpy,
    start,
)
from test_train import data as data

from hybrid_jax import train
from hybrid_jax.data.stream import GROUP, Stream
from hybrid_jax.optimizers import adam

INDICES = np.arange(SIZE, dtype=np.int32)
LOSS = Regression(noise=0.3)


@dataclass(frozen=True)
class Columns:
    x: np.ndarray
    y: np.ndarray

    def __call__(self, numbers):
        return {"x": self.x[numbers], "y": self.y[numbers]}


def fit_stream(state, data, optimizer, *, indices=INDICES, workers=0, **changes):
    load = Columns(*(np.asarray(data[name]) for name in ("x", "y")))
    settings = {"num_steps": NUM_STEPS, "steps_per_call": PER_CALL} | changes
    stream = Stream(load, indices, 8, workers=workers)
    return train.fit_stream(LOSS, state, {}, stream, KEY, optimizer=optimizer, **settings)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_it_is_training_on_the_device_to_rounding(data, schedule):
    optimizer = adam(0.05, schedule=schedule, num_steps=NUM_STEPS)
    expected = [numpy(pair) for pair in fit(LOSS, start(optimizer), data, optimizer)]
    found = [numpy(pair) for pair in fit_stream(start(optimizer), data, optimizer)]
    assert [int(state.step) for state, _ in found] == STOPS
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found, expected
    )


@pytest.mark.slow
def test_going_on_from_any_stop_is_never_having_stopped(data):
    """Also within a group of steps, and after stops that fell elsewhere."""
    assert any(stop % GROUP for stop in STOPS)
    optimizer = adam(0.05, num_steps=NUM_STEPS)
    whole = [numpy(pair) for pair in fit_stream(start(optimizer), data, optimizer)]
    for i, (state, _) in enumerate(whole):
        again = fit_stream(jax.tree.map(jax.numpy.asarray, state), data, optimizer)
        assert_equal([numpy(pair) for pair in again], whole[i + 1 :])
    for per_call in (1, 8, 1000):
        *_, (state, _) = fit_stream(start(optimizer), data, optimizer, steps_per_call=per_call)
        assert_equal(numpy(state), whole[-1][0])


def test_two_processes_give_what_a_thread_gives(data):
    optimizer = adam(0.05, num_steps=NUM_STEPS)
    *_, one = fit_stream(start(optimizer), data, optimizer)
    *_, two = fit_stream(start(optimizer), data, optimizer, workers=2)
    assert_equal(numpy(two), numpy(one))


def test_only_the_given_samples_are_trained_on(data):
    poisoned = {name: a.at[:25].set(np.nan) for name, a in data.items()}
    optimizer = adam(0.05, num_steps=NUM_STEPS)
    calls = fit_stream(start(optimizer), poisoned, optimizer, indices=INDICES[25:])
    assert all(np.isfinite(terms["loss"]) for _, terms in calls)


def test_one_compilation_serves_all_calls_and_groups(data):
    optimizer = adam(0.06, num_steps=NUM_STEPS)
    before = train._run_group._cache_size()
    for per_call in (3, 5, 23):
        list(fit_stream(start(optimizer), data, optimizer, steps_per_call=per_call))
    assert train._run_group._cache_size() == before + 1


def test_nothing_is_loaded_when_all_steps_are_done(data):
    optimizer = adam(0.05, num_steps=NUM_STEPS)
    assert list(fit_stream(start(optimizer), data, optimizer, num_steps=0)) == []
