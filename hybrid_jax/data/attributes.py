"""Targets by name: labels that a data set has, and a person's numbers (height, weight, age) in three classes.

The paper claims that a feature trained without a sensitive variable hides any other one too. These are the others.
"""

import itertools

import numpy as np

from hybrid_jax.data.samples import Samples

NUMBERS = ("height", "weight", "age")
BINS = 3  # thirds of the people: of 24 there are 8 in each


def targets(samples: Samples) -> tuple[str, ...]:
    """Every name that `labels` knows."""
    numbers = [name for name in NUMBERS if name in samples.columns and len(_edges(samples, name))]
    return (*samples.classes, *numbers)


def labels(samples: Samples, target: str) -> np.ndarray:
    """The class of every sample, int32 [N]: of a label its own, of a number which third of the people it is in."""
    if target in samples.classes:
        return samples.columns[target].astype(np.int32)
    edges = _edges(samples, target)
    return np.searchsorted(edges, samples.columns[target], side="right").astype(np.int32)


def class_names(samples: Samples, target: str) -> tuple[str, ...]:
    """What the classes of a target are called."""
    if target in samples.classes:
        return samples.classes[target]
    edges = [f"{edge:g}" for edge in _edges(samples, target)]
    between = [f"{low} to {high}" for low, high in itertools.pairwise(edges)]
    return (f"under {edges[0]}", *between, f"{edges[-1]} and more")


def _edges(samples: Samples, target: str) -> np.ndarray:
    """Where the classes of a number begin; a person counts once, however many samples there are."""
    _, first = np.unique(samples.columns["identity"], return_index=True)
    people = np.sort(samples.columns[target][first])
    at = [round(len(people) * part / BINS) for part in range(1, BINS)]
    return np.unique(people[at][people[at] > people[0]])
