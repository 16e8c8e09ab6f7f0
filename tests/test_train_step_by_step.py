"""Steps with a convolution's gradient are called one by one on a CPU: the same steps, and the same from any stop on."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from test_train import KEY, NETWORK, NUM_STEPS, SIZE, check_resumes, fit, numpy

from hybrid_jax import train
from hybrid_jax.losses import cross_entropy
from hybrid_jax.models.mini_xception import mini_xception
from hybrid_jax.optimizers import adam

pytestmark = pytest.mark.skipif(
    jax.default_backend() != "cpu", reason="elsewhere a loop costs nothing"
)


class Own(nn.Module):
    """As somebody would bring it: Flax's own convolution."""

    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Conv(4, (3, 3))(x))
        return nn.Dense(3)(x.reshape(x.shape[0], -1))


def loss(apply, variables, model_state, data, indices, key):
    logits = apply(variables, data["x"][indices], key)
    return cross_entropy(logits, data["y"][indices]), ({}, model_state)


def of_own(variables, x, key):
    return Own().apply(variables, x)


def of_mtcnn(variables, x, key):
    return NETWORK.apply(variables, x, True, rngs={"dropout": key})[0]


XCEPTION = mini_xception({"gender": 2})


def of_xception(variables, x, key):
    return XCEPTION.apply(variables, x, True)[0]


OWN, MTCNN, SMALL_XCEPTION = (partial(loss, apply) for apply in (of_own, of_mtcnn, of_xception))


def case(init, shape):
    """Data of images or windows of that shape, and variables for them: all of these are trained."""
    generator = np.random.default_rng(0)
    x = jnp.asarray(generator.normal(size=(SIZE, *shape)), jnp.float32)
    return {"x": x, "y": jnp.asarray(np.arange(SIZE) % 2)}, jax.jit(init)(KEY, x)


def test_one_by_one_they_are_those_of_the_loop(monkeypatch):
    data, variables = case(Own().init, (8, 8, 3))
    optimizer = adam(1e-2, num_steps=NUM_STEPS)
    own = [numpy(pair) for pair in fit(OWN, train.init(variables, optimizer), data, optimizer)]
    monkeypatch.setattr(train, "_loops", lambda *_: True)
    looped = [numpy(pair) for pair in fit(OWN, train.init(variables, optimizer), data, optimizer)]
    assert [int(state.step) for state, _ in own] == [int(state.step) for state, _ in looped]
    assert jax.tree.structure(own) == jax.tree.structure(looped)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-5), own, looped)


def test_they_go_on_from_any_stop():
    data, variables = case(Own().init, (8, 8, 3))
    optimizer = adam(1e-2, schedule="cosine", num_steps=NUM_STEPS)
    check_resumes(OWN, lambda: train.init(variables, optimizer), data, optimizer)


@pytest.mark.parametrize(
    ("loss", "init", "shape", "looped"),
    [
        (OWN, Own().init, (8, 8, 3), False),
        (MTCNN, NETWORK.init, (3, 20), True),
        (SMALL_XCEPTION, XCEPTION.init, (32, 32, 1), True),
    ],
    ids=["flax's convolution", "mtcnn", "mini_xception"],
)
def test_what_has_no_such_gradient_is_looped_over(monkeypatch, loss, init, shape, looped):
    decided = []

    def decide(*arguments):
        decided.append(loops(*arguments))
        raise StopIteration  # before anything is compiled

    data, variables = case(init, shape)
    optimizer = adam(1e-2, num_steps=NUM_STEPS)
    loops = train._loops
    monkeypatch.setattr(train, "_loops", decide)
    with pytest.raises(RuntimeError):
        next(fit(loss, train.init(variables, optimizer), data, optimizer))
    assert decided == [looped]


def test_nothing_is_decided_elsewhere(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert train._loops(None, None)
