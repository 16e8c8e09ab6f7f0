"""What the Bayes adversary makes of a request's queries: by their likelihoods, or by counting nearer features."""

from collections.abc import Callable

import numpy as np

from hybrid_jax.errors import UserError
from hybrid_jax.privacy import engine, instance
from hybrid_jax.privacy.ranking import Outcomes
from hybrid_jax.privacy.request import Request


def outcomes(
    request: Request, *, on_progress: Callable[[int, int], None] | None = None, **blocks: int | None
) -> tuple[Outcomes, np.ndarray]:
    """The outcome of every query, and which of them count.

    Args:
        request: who is asked what.
        on_progress: called as on_progress(queries done, Q).
        **blocks: of mode 'classes', as in `engine.outcomes`.

    Returns:
        `Outcomes` of NumPy arrays [S, G, Q], and `counted` [Q].

    Raises:
        UserError: no query counts.
    """
    if request.mode == "instance":
        found = instance.outcomes(request, on_progress=on_progress)
        return found, np.ones(len(request.queries.labels), bool)
    found, own_left = engine.outcomes(request, on_progress=on_progress, **blocks)
    return found, counted(request, own_left)


def counted(request: Request, own_left: np.ndarray) -> np.ndarray:
    """Which queries count: those to which exclusion leaves a sample of their own class, bool [Q].

    Raises:
        UserError: no query counts.
    """
    found = own_left > 0
    if not found.any():
        raise UserError(
            f"gallery {request.rule!r} leaves no query a sample of its own class: give a "
            "gallery with more of each class, or another rule"
        )
    return found
