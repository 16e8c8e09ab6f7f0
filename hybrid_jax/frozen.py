"""Stages that fine-tuning leaves as they are: their output is computed once, and what learns begins above it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hybrid_jax import inference
from hybrid_jax.stages import split_at, split_variables
from hybrid_jax.task import Task


def features(task: Task, layer: str, variables: Mapping[str, Any]) -> np.ndarray:
    """float32 [N, ...], the output of `layer`, in eval mode, for every sample."""
    samples, below = task.samples, split_at(task.network, layer).extractor
    every = np.arange(len(samples.split), dtype=np.int32)
    found = inference.outputs(below, variables, every, samples.inputs, samples.data())
    return np.asarray(found)


def above(task: Task, layer: str, features: np.ndarray) -> Task:
    """The stages after `layer`, learning from its output."""
    return replace(task, network=split_at(task.network, layer).classifier, features=features)


def halves(task: Task, layer: str, variables: Mapping[str, Any]) -> tuple[dict, dict]:
    """The variables of the frozen stages, and of those above."""
    return split_variables(split_at(task.network, layer), variables)


def whole(kept: Mapping[str, Any], learned: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of both."""
    return {name: {**kept.get(name, {}), **learned.get(name, {})} for name in {**kept, **learned}}
