"""Runs of a session's windows that do not overlap: what an adversary combines."""

from collections.abc import Mapping

import numpy as np

from hybrid_jax.errors import UserError


def in_order(session: np.ndarray, order: np.ndarray, columns: Mapping) -> list[np.ndarray]:
    """Each session's queries in their order, without those that overlap one before.

    Args:
        session: which queries belong together [Q].
        order: numbers by which a session's queries follow each other [Q].
        columns: `recording` [Q], `start` [Q] and `window`, all or none; without them nothing overlaps.

    Returns:
        Rows of each session.

    Raises:
        UserError: an order that is no number, or only some of the columns.
    """
    if order.dtype.kind not in "iuf":
        raise UserError(f"order is {order.dtype}: it needs numbers, to know which query follows")
    given = recording, start, window = [columns.get(n) for n in ("recording", "start", "window")]
    rows = np.lexsort((order, session))
    if start is not None or window is not None:
        if any(column is None for column in given):
            raise UserError("recording, start and window go together: they tell what overlaps")
        rows = _apart(rows, session, np.asarray(recording), np.asarray(start), window)
    return np.split(rows, np.flatnonzero(session[rows][1:] != session[rows][:-1]) + 1)


def _apart(rows, session, recording, start, window) -> np.ndarray:
    if start.dtype.kind not in "iu" or int(window) != window or window < 1:
        raise UserError(f"window {window}, start {start.dtype}: both need to be whole numbers")
    free_from: dict[tuple, int] = {}
    taken = []
    for row in rows:
        of, begin = (session[row], recording[row]), int(start[row])
        if begin >= free_from.get(of, begin):
            free_from[of] = begin + int(window)
            taken.append(row)
    return np.array(taken)


def runs_of(windows: list[np.ndarray], n: int) -> np.ndarray:
    """Rows of every run of n windows [R, n]; what is left over of a session is dropped."""
    return np.concatenate([rows[: len(rows) // n * n].reshape(-1, n) for rows in windows])
