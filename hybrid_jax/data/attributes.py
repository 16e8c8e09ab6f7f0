"""Targets by name: labels that a data set has, and a person's numbers (height, weight, age) in three classes.

The paper claims that a feature trained without a sensitive variable hides any other one too. These are the others.
"""

import itertools

import numpy as np

from hybrid_jax.data.windows import Windows

NUMBERS = ("height", "weight", "age")
BINS = 3  # thirds of the people: of 24 there are 8 in each


def targets(windows: Windows) -> tuple[str, ...]:
    """Every name that `labels` knows."""
    numbers = [name for name in NUMBERS if name in windows.columns and len(_edges(windows, name))]
    return (*windows.classes, *numbers)


def labels(windows: Windows, target: str) -> np.ndarray:
    """The class of every window, int32 [N]: of a label its own, of a number which third of the people it is in."""
    if target in windows.classes:
        return windows.columns[target].astype(np.int32)
    edges = _edges(windows, target)
    return np.searchsorted(edges, windows.columns[target], side="right").astype(np.int32)


def class_names(windows: Windows, target: str) -> tuple[str, ...]:
    """What the classes of a target are called."""
    if target in windows.classes:
        return windows.classes[target]
    edges = [f"{edge:g}" for edge in _edges(windows, target)]
    between = [f"{low} to {high}" for low, high in itertools.pairwise(edges)]
    return (f"under {edges[0]}", *between, f"{edges[-1]} and more")


def _edges(windows: Windows, target: str) -> np.ndarray:
    """Where the classes of a number begin; a person counts once, however many windows there are."""
    _, first = np.unique(windows.columns["identity"], return_index=True)
    people = np.sort(windows.columns[target][first])
    at = [round(len(people) * part / BINS) for part in range(1, BINS)]
    return np.unique(people[at][people[at] > people[0]])
