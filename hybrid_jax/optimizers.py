"""Optimizers by name, from plain numbers."""

from functools import cache

import optax

from hybrid_jax import errors

SCHEDULES = ("constant", "cosine")


@cache  # equal settings give one object, and so one compilation of the training step
def adam(
    learning_rate: float, *, schedule: str = "constant", num_steps: int
) -> optax.GradientTransformation:
    """Adam (Kingma and Ba 2015) with optax's default moments.

    Args:
        learning_rate: initial step size, > 0.
        schedule: `constant`, or `cosine`: decays to 0 over `num_steps`.
        num_steps: length of the whole training.

    Raises:
        errors.UserError: an unknown schedule or a learning rate that is not positive.
    """
    if schedule not in SCHEDULES:
        raise errors.unknown("schedule", schedule, SCHEDULES)
    if not learning_rate > 0.0:
        raise errors.UserError(f"learning_rate {learning_rate}: must be above 0")
    if schedule == "cosine":
        return optax.adam(optax.cosine_decay_schedule(learning_rate, max(num_steps, 1)))
    return optax.adam(learning_rate)
