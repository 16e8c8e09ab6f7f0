"""What a network of the user's own does otherwise than it says is found before it trains, and named with its stage."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from hybrid_jax import models
from hybrid_jax.errors import UserError
from hybrid_jax.models import contract
from hybrid_jax.models.dense import DenseStage, Heads
from hybrid_jax.stages import Network, Stage

SHAPE, CLASSES = (12, 50), 4
DENSE, HEAD = DenseStage(8, flatten=True), Heads((("activity", CLASSES),), dropout=0.5)


class OwnStream(nn.Module):
    """Random numbers that training gives none for."""

    when: bool

    @nn.compact
    def __call__(self, x, train):
        if train == self.when:
            self.make_rng("noise")
        return x


class OneBatch(nn.Module):
    """For batches of one size."""

    size: int

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(3)(x.reshape(self.size, -1))


class OneRow(nn.Module):
    """Forgets the others where it trains."""

    @nn.compact
    def __call__(self, x, train):
        return x[:1] if train else x


class Field(nn.Module):
    """With a field of any kind."""

    value: object

    @nn.compact
    def __call__(self, x, train):
        return x


class Grows(nn.Module):
    """Counts in a variable whose shape is the batch's."""

    @nn.compact
    def __call__(self, x, train):
        seen = self.variable("seen", "rows", jnp.zeros, 1)
        if train:
            seen.value = jnp.zeros(len(x))
        return x


def starts_with(module):
    return Network((Stage("a", module), Stage("b", DENSE), Stage("output", HEAD)))


BROKEN = {
    "stage 'a' does not take [3, 12, 50] as it trains, from inputs [12, 50] of mine: InvalidRng": (
        starts_with(OwnStream(True))
    ),
    "stage 'a' does not take [2, 12, 50], from inputs [12, 50] of mine: InvalidRng": (
        starts_with(OwnStream(False))
    ),
    "stage 'a' gives [2, 3] of [1, 12, 50]: it gives one array [B": starts_with(OneBatch(2)),
    "stage 'a' does not take [2, 12, 50]": starts_with(OneBatch(1)),
    "stage 'a' gives [1, 12, 50] of [3, 12, 50] as it trains": starts_with(OneRow()),
    "stage 'a' has other variables as it trains than at first": starts_with(Grows()),
    "field 'value' of stage 'a' is no constant (unhashable type: 'list')": starts_with(Field([1])),
    "(unhashable type: 'dict'): give a tuple": starts_with(Field({"a": 1})),
    "(unhashable type: 'numpy.ndarray')": starts_with(Field(np.zeros(3))),
    "its stages are a list: give Network a tuple": Network([Stage("a", DENSE), Stage("b", HEAD)]),
    "DenseStage among its stages: each is Stage(name, module)": Network((DENSE, HEAD)),
    "Stage among its stages: each is Stage(name, module)": starts_with(nn.Dense),
    "a stage cannot be called 'params'": Network((Stage("params", DENSE), Stage("output", HEAD))),
}


@pytest.mark.parametrize("message", BROKEN)
def test_what_would_fail_later_is_named(message):
    with pytest.raises(UserError) as caught:
        contract.check("own", BROKEN[message], SHAPE, CLASSES, "mine")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_batch_normalisation_and_dropout_are_what_training_gives_for():
    class Normal(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            x = nn.BatchNorm(use_running_average=not train)(x)
            return nn.Dropout(0.5, deterministic=not train)(x)

    contract.check("own", starts_with(Normal()), SHAPE, CLASSES, "mine")


MADE = {
    "model own cannot be made: KeyError: gender (test_contract.py, line ": lambda tasks: tasks[
        "gender"
    ],
    "own(tasks, **config.model), which it does not take: too many positional arguments": (
        lambda: None
    ),
    "does not take: missing a required argument: 'depth'": lambda tasks, depth, width=3: None,
    "config.model has width, which own does not take: it takes tasks": lambda tasks: None,
}


@pytest.mark.parametrize("message", MADE)
def test_a_function_that_makes_no_network_is_named(message, monkeypatch):
    monkeypatch.setitem(models.MODELS, "own", MADE[message])
    settings = {"width": 3} if "width" in message or "depth" in message else {}
    with pytest.raises(UserError) as caught:
        models.make({"name": "own", **settings}, {"activity": 4})
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_function_may_take_whatever_settings(monkeypatch):
    monkeypatch.setitem(models.MODELS, "own", lambda tasks, **settings: settings)
    assert models.make({"name": "own", "width": 3}, {"activity": 4}) == {"width": 3}
