"""Which windows are queries and which are gallery; which an attacker is fitted on, and which it chooses by."""

from collections.abc import Callable

import numpy as np

from hybrid_jax.data.samples import GAP, TRAIN, VALIDATION


def stratified(strata: list[np.ndarray], most: int, seed: int) -> np.ndarray:
    """A sample in which every stratum has its share, to within one item.

    Args:
        strata: columns [N]; a stratum is one combination of their values.
        most: size of the sample; 0, or N and above: everything.
        seed: decides which items of a stratum are taken.

    Returns:
        [min(most, N)] positions, ascending.
    """
    size = len(strata[0])
    if not 0 < most < size:
        return np.arange(size)
    rng = np.random.default_rng(seed)
    # Sorted by stratum, shuffled within: equal steps through that order meet each stratum by its share.
    order = np.lexsort((rng.random(size), *strata))
    taken = np.floor((np.arange(most) + rng.random()) * (size / most)).astype(int)
    return np.sort(order[taken])


def halves(recording: np.ndarray, start: np.ndarray, gap: int) -> tuple[np.ndarray, np.ndarray]:
    """The first half of every recording's samples, and the second half after a gap.

    Args:
        recording: [N] which recording a window is of.
        start: [N] its first row there.
        gap: samples left out between the two (`Samples.gap`).

    Returns:
        Positions of the two, ascending.
    """
    first, second = [], []
    for at in _in_order(recording, start):
        middle = len(at) // 2
        first.append(at[:middle])
        second.append(at[middle + gap :])
    return np.sort(np.concatenate(first)), np.sort(np.concatenate(second))


def tails(
    recording: np.ndarray, start: np.ndarray, tail: Callable[[int], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """What an attacker learns from, and what it chooses by, the end of every recording.

    Args:
        recording, start: as in `halves`.
        tail: see `Samples.tail`.

    Returns:
        Positions of the two, ascending.
    """
    parts: dict[int, list[np.ndarray]] = {TRAIN: [], VALIDATION: [], GAP: []}
    for at in _in_order(recording, start):
        split = tail(len(at))
        for part, found in parts.items():
            found.append(at[split == part])
    fit, choose = (np.sort(np.concatenate(parts[part])) for part in (TRAIN, VALIDATION))
    return fit, choose


def _in_order(recording: np.ndarray, start: np.ndarray) -> list[np.ndarray]:
    """Positions of each recording's windows, from its start on."""
    order = np.lexsort((start, recording))
    return np.split(order, np.flatnonzero(np.diff(recording[order])) + 1)
