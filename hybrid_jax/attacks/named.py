"""An attack by the name of its attacker, which the errors of one of the user's own begin with."""

import numpy as np

from hybrid_jax.attacks import ATTACKERS, Knowledge
from hybrid_jax.attacks.attempt import attempt
from hybrid_jax.errors import UserError, told


def attack(
    name: str, knowledge: Knowledge, features: np.ndarray, labels: np.ndarray, uploads: np.ndarray
) -> np.ndarray:
    """`attempt.attempt` with `ATTACKERS[name]`.

    Raises:
        errors.UserError: what `attempt` raises, and whatever an attacker raises that is not the package's.
    """
    make = ATTACKERS[name]
    try:
        return attempt(make, knowledge, features, labels, uploads)
    except Exception as error:
        if make.__module__.startswith("hybrid_jax."):
            raise
        raise UserError(f"attacker {name!r}: {told(error)}") from error
