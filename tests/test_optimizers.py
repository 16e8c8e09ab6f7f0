"""Adam by name: schedules end where they should, and mistakes are named."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from hybrid_jax.errors import UserError
from hybrid_jax.optimizers import FASTER, SCHEDULES, adam, sgd


def step_sizes(optimizer, num_steps):
    """Size of each update under a constant gradient, where Adam's step is the learning rate."""

    @jax.jit
    def run():
        def step(state, _):
            updates, state = optimizer.update(jnp.ones(()), state, jnp.zeros(()))
            return state, -updates

        return jax.lax.scan(step, optimizer.init(jnp.zeros(())), length=num_steps)[1]

    return np.asarray(run())


def test_the_constant_schedule_is_constant():
    found = step_sizes(adam(0.3, schedule="constant", num_steps=10), 30)
    np.testing.assert_allclose(found, 0.3, rtol=1e-4)


@pytest.mark.parametrize("num_steps", [1, 2, 10])
def test_the_cosine_schedule_falls_from_the_learning_rate_to_0_and_stays_there(num_steps):
    found = step_sizes(adam(0.3, schedule="cosine", num_steps=num_steps), num_steps + 3)
    share = np.minimum(np.arange(num_steps + 3) / num_steps, 1)
    np.testing.assert_allclose(found, 0.3 * (1 + np.cos(np.pi * share)) / 2, rtol=1e-4, atol=1e-8)
    assert found[num_steps:].max() == 0.0


def test_no_step_at_all_is_no_division_by_zero():
    adam(0.3, schedule="cosine", num_steps=0)


def test_equal_settings_give_one_object_and_so_one_compilation():
    assert adam(1e-3, schedule="cosine", num_steps=7) is adam(1e-3, schedule="cosine", num_steps=7)
    assert adam(1e-3, num_steps=7) is not adam(2e-3, num_steps=7)


def test_an_unknown_schedule_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=rf"unknown schedule 'cosin': .*{', '.join(SCHEDULES)}"):
        adam(1e-3, schedule="cosin", num_steps=1)


@pytest.mark.parametrize("learning_rate", [0.0, -1e-3, float("nan")])
def test_a_learning_rate_that_is_not_positive_is_refused(learning_rate):
    with pytest.raises(UserError, match=f"learning_rate {learning_rate}: must be above 0"):
        adam(learning_rate, num_steps=1)


@pytest.mark.parametrize("num_steps", [1, 2, 300])
def test_an_average_takes_the_same_steps_and_weighs_each_by_a_power_of_its_number(num_steps):
    gradients = jax.random.normal(jax.random.key(0), (num_steps, 2))

    def run(optimizer):
        def step(carry, gradient):
            params, state = carry
            updates, state = optimizer.update(gradient, state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), params

        start = jnp.array([7.0, -7.0])
        return jax.lax.scan(step, (start, optimizer.init(start)), gradients)

    settings = {"schedule": "constant", "num_steps": num_steps}
    _, expected = run(adam(0.3, **settings))
    (_, state), taken = run(adam(0.3, **settings, average=True))
    np.testing.assert_allclose(taken, expected, rtol=1e-6)
    number = np.arange(1, num_steps + 1.0)
    # The product of all that later steps leave of step t: t (t + 1) (t + 2) / (s (s + 1) (s + 2) ...), about t^3.
    weight = number * (number + 1) * (number + 2)
    mean = (weight[:, None] * np.asarray(taken)).sum(axis=0) / weight.sum()
    np.testing.assert_allclose(state.average, mean, rtol=1e-4)


def test_sgd_steps_as_the_authors_solver_does():
    """Momentum .9; biases twice as far, dense stages ten times (reference (c))."""
    params = {
        stage: {"conv": {"kernel": jnp.ones(2), "bias": jnp.ones(1)}}
        for stage in ("conv1_1", "fc6")
    }
    gradients = jax.tree.map(jnp.ones_like, params)
    optimizer = sgd(1e-2, num_steps=1, faster=("fc6",))
    state = optimizer.init(params)
    for expected in (1.0, 1.9, 2.71):
        steps, state = optimizer.update(gradients, state, params)
        for stage, rate in (("conv1_1", 1.0), ("fc6", FASTER)):
            found = steps[stage]["conv"]
            np.testing.assert_allclose(found["kernel"], -1e-2 * rate * expected, rtol=1e-5)
            np.testing.assert_allclose(found["bias"], -2e-2 * rate * expected, rtol=1e-5)


def test_stages_can_be_faster_under_adam_too():
    params = {stage: {"kernel": jnp.ones(2), "bias": jnp.ones(1)} for stage in ("a", "b")}
    optimizer = adam(1e-3, num_steps=1, faster=("b",))
    gradients = jax.tree.map(jnp.ones_like, params)
    steps, _ = optimizer.update(gradients, optimizer.init(params), params)
    for leaf in ("kernel", "bias"):
        np.testing.assert_allclose(steps["b"][leaf][0], FASTER * steps["a"][leaf][0], rtol=1e-6)
