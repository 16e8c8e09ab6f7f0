"""One training loop: resuming is going on, bit for bit; one compilation for equal losses; and it learns."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_jax import train
from hybrid_jax.data.batches import batch_indices
from hybrid_jax.losses import cross_entropy
from hybrid_jax.models.mtcnn import ConvStage, DenseStage, Heads
from hybrid_jax.optimizers import adam
from hybrid_jax.stages import Network, Stage

SIZE = 50
NUM_STEPS, PER_CALL = 23, 5
STOPS = [5, 10, 15, 20, 23]
KEY = jax.random.key(3)


@dataclass(frozen=True)
class Regression:
    """Mean squared error; with noise, the inputs are disturbed by the step's key. Counts steps in its model state."""

    noise: float = 0.0

    def __call__(self, params, model_state, data, indices, key):
        x = data["x"][indices]
        x = x + self.noise * jax.random.normal(key, x.shape)
        error = x @ params["w"] + params["b"][None] - data["y"][indices]
        terms = {"squared": jnp.mean(jnp.square(error)), "absolute": jnp.mean(jnp.abs(error))}
        return terms["squared"], (terms, {"count": model_state["count"] + 1})


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(SIZE, 3)).astype(np.float32)
    y = x @ np.array([1.0, -2.0, 0.5], np.float32) + np.float32(0.7)
    return {"x": jnp.asarray(x), "y": jnp.asarray(y)}


def start(optimizer):
    params = {"w": jnp.zeros(3), "b": jnp.zeros(())}
    return train.init(params, optimizer, {"count": jnp.int32(0)})


def fit(loss, state, data, optimizer, key=KEY, **changes):
    settings = {"batch_size": 8, "num_steps": NUM_STEPS, "steps_per_call": PER_CALL} | changes
    indices = jnp.arange(SIZE, dtype=jnp.int32)
    return train.fit(loss, state, data, indices, key, optimizer=optimizer, **settings)


def numpy(tree):
    """A copy that outlives the buffers, which the next call takes over."""
    return jax.tree.map(np.array, tree)


def assert_equal(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def check_resumes(loss, make_state, data, optimizer):
    """From every stop on, states and terms are those of the run without a stop."""
    whole = [numpy(pair) for pair in fit(loss, make_state(), data, optimizer)]
    assert [int(state.step) for state, _ in whole] == STOPS
    for i, (state, _) in enumerate(whole):
        resumed = fit(loss, jax.tree.map(jnp.asarray, state), data, optimizer)
        assert_equal([numpy(pair) for pair in resumed], whole[i + 1 :])
    return whole


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_going_on_from_any_stop_is_never_having_stopped(data, schedule):
    optimizer = adam(0.05, schedule=schedule, num_steps=NUM_STEPS)
    check_resumes(Regression(noise=0.3), lambda: start(optimizer), data, optimizer)


NETWORK = Network(
    (
        Stage("conv_1", ConvStage(6, 5)),
        Stage("conv_2", ConvStage(4, 3, "SAME", pool=2, dropout=0.2)),
        Stage("fc", DenseStage(16, dropout=0.4, flatten=True)),
        Stage("output", Heads((("activity", 3),))),
    )
)


def network_loss(params, model_state, data, indices, key):
    logits, _ = NETWORK.apply({"params": params}, data["x"][indices], True, rngs={"dropout": key})
    return cross_entropy(logits, data["y"][indices]), ({}, model_state)


def test_a_network_with_dropout_resumes_bit_for_bit():
    generator = np.random.default_rng(0)
    data = {
        "x": jnp.asarray(generator.normal(size=(SIZE, 3, 20)), jnp.float32),
        "y": jnp.asarray(np.arange(SIZE) % 3),
    }
    params = jax.tree.map(
        lambda a: generator.normal(0, 0.3, a.shape).astype(np.float32),
        jax.eval_shape(NETWORK.init, KEY, data["x"])["params"],
    )
    optimizer = adam(1e-2, schedule="cosine", num_steps=NUM_STEPS)
    whole = check_resumes(network_loss, lambda: train.init(params, optimizer), data, optimizer)
    assert len({float(terms["loss"]) for _, terms in whole}) == len(STOPS)


def test_stops_fall_on_multiples_whatever_the_start(data):
    """So a run that was stopped between two of them meets the others where they were."""
    optimizer = adam(0.05, num_steps=NUM_STEPS)
    loss = Regression(noise=0.3)
    whole = {int(s.step): numpy(s) for s, _ in fit(loss, start(optimizer), data, optimizer)}
    ((state, _),) = fit(loss, start(optimizer), data, optimizer, num_steps=7, steps_per_call=7)
    seen = {int(s.step): numpy(s) for s, _ in fit(loss, state, data, optimizer)}
    assert list(seen) == [10, 15, 20, 23]
    assert_equal(seen, {step: whole[step] for step in seen})


def test_how_many_steps_a_call_takes_does_not_matter(data):
    optimizer = adam(0.05, num_steps=NUM_STEPS)
    ends = []
    for steps_per_call in (1, 4, 23, 1000):
        *_, (state, _) = fit(
            Regression(0.3), start(optimizer), data, optimizer, steps_per_call=steps_per_call
        )
        ends.append(numpy(state))
        assert state.step == state.model_state["count"] == NUM_STEPS
    for end in ends[1:]:
        assert_equal(end, ends[0])


def test_the_terms_are_means_over_the_call(data):
    optimizer = adam(0.05, num_steps=NUM_STEPS)
    each = [t for _, t in fit(Regression(), start(optimizer), data, optimizer, steps_per_call=1)]
    calls = [terms for _, terms in fit(Regression(), start(optimizer), data, optimizer)]
    assert len(each) == NUM_STEPS and set(calls[0]) == {"loss", "squared", "absolute"}
    for begin, end, terms in zip([0, *STOPS], STOPS, calls, strict=False):
        for name, value in terms.items():
            expected = np.mean([step[name] for step in each[begin:end]])
            np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_it_is_gradient_descent_on_the_batches_of_its_key(data):
    """Against a loop in NumPy, with Adam written out (Kingma and Ba 2015, Algorithm 1)."""
    *_, (state, _) = fit(
        Regression(), start(adam(0.05, num_steps=5)), data, adam(0.05, num_steps=5), num_steps=5
    )
    order = jax.random.bits(jax.random.fold_in(KEY, 0), (), jnp.uint32)
    x, y = np.float64(data["x"]), np.float64(data["y"])
    params, first, second = np.zeros(4), np.zeros(4), np.zeros(4)
    for t in range(5):
        chosen = np.asarray(batch_indices(order, t, size=SIZE, batch_size=8))
        inputs = np.column_stack([x[chosen], np.ones(8)])
        gradient = 2 * inputs.T @ (inputs @ params - y[chosen]) / 8
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        mean, square = first / (1 - 0.9 ** (t + 1)), second / (1 - 0.999 ** (t + 1))
        params = params - 0.05 * mean / (np.sqrt(square) + 1e-8)
    np.testing.assert_allclose(state.params["w"], params[:3], rtol=1e-4)
    np.testing.assert_allclose(state.params["b"], params[3], rtol=1e-4)


def test_a_linear_regression_finds_its_coefficients(data):
    optimizer = adam(0.1, schedule="cosine", num_steps=600)
    *_, (state, terms) = fit(
        Regression(), start(optimizer), data, optimizer, num_steps=600, steps_per_call=100
    )
    np.testing.assert_allclose(state.params["w"], [1.0, -2.0, 0.5], atol=1e-3)
    np.testing.assert_allclose(state.params["b"], 0.7, atol=1e-3)
    assert terms["loss"] < 1e-5


def test_only_the_given_samples_are_trained_on(data):
    """The others may hold anything."""
    poisoned = {name: a.at[25:].set(jnp.nan) for name, a in data.items()}
    optimizer = adam(0.05, num_steps=20)
    indices = jnp.arange(25, dtype=jnp.int32)
    settings = {"optimizer": optimizer, "batch_size": 8, "num_steps": 20, "steps_per_call": 20}
    ((state, _),) = train.fit(Regression(), start(optimizer), poisoned, indices, KEY, **settings)
    assert np.isfinite(state.params["w"]).all()


def test_the_key_decides_batches_and_noise(data):
    optimizer = adam(0.05, num_steps=5)

    def end(key, noise):
        *_, (state, _) = fit(Regression(noise), start(optimizer), data, optimizer, key, num_steps=5)
        return np.asarray(state.params["w"])

    for noise in (0.0, 0.3):
        np.testing.assert_array_equal(end(KEY, noise), end(KEY, noise))
        assert (end(KEY, noise) != end(jax.random.key(4), noise)).all()


def draw(params, model_state, data, indices, key):
    return 0.0 * params["b"], ({"draw": jax.random.uniform(key)}, model_state)


def test_each_step_has_a_key_of_its_own(data):
    optimizer = adam(0.05, num_steps=20)
    calls = fit(draw, start(optimizer), data, optimizer, num_steps=20, steps_per_call=1)
    assert len({float(terms["draw"]) for _, terms in calls}) == 20


def test_equal_losses_share_one_compilation(data):
    """Also over keys, data, starts and numbers of steps; another loss, or batch size, is another."""
    optimizer = adam(0.07, num_steps=NUM_STEPS)
    before = train._run._cache_size()
    for seed in range(3):
        other = jax.tree.map(lambda a, seed=seed: a + seed, data)
        for num_steps in (5, 12):
            key = jax.random.key(seed)
            list(
                fit(Regression(0.25), start(optimizer), other, optimizer, key, num_steps=num_steps)
            )
    assert train._run._cache_size() == before + 1
    list(fit(Regression(0.5), start(optimizer), data, optimizer))
    list(fit(Regression(0.5), start(optimizer), data, optimizer, batch_size=9))
    assert train._run._cache_size() == before + 3


def test_nothing_is_done_when_all_steps_are(data):
    optimizer = adam(0.05, num_steps=NUM_STEPS)
    *_, (state, _) = fit(Regression(), start(optimizer), data, optimizer)
    assert list(fit(Regression(), state, data, optimizer)) == []
    assert list(fit(Regression(), start(optimizer), data, optimizer, num_steps=0)) == []


def test_the_parameters_given_are_left_alone(data):
    """Training donates its state, and two trainings start from the same pre-trained parameters."""
    optimizer = adam(0.05, num_steps=NUM_STEPS)
    params = {"w": jnp.ones(3), "b": jnp.ones(())}
    for _ in range(2):
        list(
            fit(
                Regression(),
                train.init(params, optimizer, {"count": jnp.int32(0)}),
                data,
                optimizer,
            )
        )
        assert_equal(numpy(params), {"w": np.ones(3, np.float32), "b": np.float32(1)})
