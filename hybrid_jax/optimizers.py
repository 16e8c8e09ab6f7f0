"""Optimizers by name, from plain numbers."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from hybrid_jax import errors

SCHEDULES = ("constant", "cosine")
FASTER = 10.0  # of fully connected layers, in the authors' code
LATE = 3  # power of the step by which `averaged` weighs: nine tenths lie in the second half


class Averaged(NamedTuple):
    """State of `averaged`."""

    inner: optax.OptState
    steps: jax.Array
    average: Any  # of the parameters after each step


@cache  # equal settings give one object, and so one compilation of the training step
def _made(
    steps: Callable[..., optax.GradientTransformation],
    biases: float,
    learning_rate: float,
    *,
    schedule: str = "constant",
    num_steps: int,
    average: bool = False,
    faster: tuple[str, ...] = (),
) -> optax.GradientTransformation:
    """An optimizer.

    Args:
        steps: makes it of the learning rate.
        biases: by how much longer steps of biases are.
        learning_rate: initial step size, > 0.
        schedule: `constant`, or `cosine`: decays to 0 over `num_steps`.
        num_steps: length of the whole training.
        average: whether `averaged` keeps a mean of the parameters too.
        faster: stages whose steps are `FASTER` times as long.

    Raises:
        errors.UserError: an unknown schedule or a learning rate that is not positive.
    """
    optimizer = steps(_rate(learning_rate, schedule, num_steps))
    if faster or biases != 1.0:
        optimizer = optax.chain(optimizer, _longer(faster, biases))
    return averaged(optimizer) if average else optimizer


# Adam (Kingma and Ba 2015) with optax's default moments; and the authors' own: gradient descent with momentum .9, and
# twice the rate for biases (reference (c)). Arguments are `_made`'s, from `learning_rate` on.
adam = partial(_made, optax.adam, 1.0)
sgd = partial(_made, partial(optax.sgd, momentum=0.9), 2.0)
OPTIMIZERS = {"adam": adam, "sgd": sgd}


def _rate(learning_rate: float, schedule: str, num_steps: int) -> optax.ScalarOrSchedule:
    if schedule not in SCHEDULES:
        raise errors.unknown("schedule", schedule, SCHEDULES)
    if not learning_rate > 0.0:
        raise errors.UserError(f"learning_rate {learning_rate}: must be above 0")
    if schedule == "cosine":
        return optax.cosine_decay_schedule(learning_rate, max(num_steps, 1))
    return learning_rate


def _longer(faster: tuple[str, ...], biases: float) -> optax.GradientTransformation:
    """Lengthens the steps of some stages, and those of biases."""

    def scaled(path: tuple, step: jax.Array) -> jax.Array:
        stage, leaf = path[0].key, path[-1].key
        return step * ((FASTER if stage in faster else 1.0) * (biases if leaf == "bias" else 1.0))

    return optax.stateless(lambda steps, _: jax.tree_util.tree_map_with_path(scaled, steps))


def averaged(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """The same steps, and beside them a mean of the parameters in which step t weighs about t^`LATE`.

    Polynomial-decay averaging (Shamir and Zhang, "Stochastic gradient descent for non-smooth optimization", ICML 2013,
    section 4). It forgets the start whatever the training's length is, which a fixed decay does not. Only
    parameters are averaged: batch statistics stay those of the last step.
    """

    def init(params: Any) -> Averaged:
        return Averaged(optimizer.init(params), jnp.int32(0), jax.tree.map(jnp.array, params))

    def update(gradients: Any, state: Averaged, params: Any) -> tuple[Any, Averaged]:
        updates, inner = optimizer.update(gradients, state.inner, params)
        steps = state.steps + 1
        share = (LATE + 1) / (steps + LATE)  # 1 at the first step
        new = optax.apply_updates(params, updates)
        return updates, Averaged(inner, steps, optax.incremental_update(new, state.average, share))

    return optax.GradientTransformation(init, update)
