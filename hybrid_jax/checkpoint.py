"""Checkpoints on disk: the last one, to go on from, and the best on validation, to use."""

import logging
import math
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

# Orbax reports every save at INFO and every first-run detail at WARNING; the user has a progress bar.
logging.getLogger("absl").setLevel(logging.ERROR)


def _score(metrics: dict[str, float]) -> float:
    return metrics["score"]


class Checkpoints:
    """The checkpoints of one training, in one folder. Each appears whole or not at all (Orbax renames it into place).

    Several processes call the same methods, which wait for all; any number of them goes on from what is saved.

    Args:
        directory: where they lie; made when missing.
    """

    def __init__(self, directory: Path):
        policy = preservation_policy.AnyPreservationPolicy(
            [
                preservation_policy.LatestN(1),
                preservation_policy.BestN(
                    get_metric_fn=_score, n=1, keep_checkpoints_without_metrics=False
                ),
            ]
        )
        self._manager = ocp.CheckpointManager(
            Path(directory).resolve(),
            options=ocp.CheckpointManagerOptions(
                best_fn=_score,  # without it Orbax writes no score to disk, and calls the last one the best
                preservation_policy=policy,
                enable_async_checkpointing=False,
                create=True,
            ),
        )

    def save(self, step: int, state: Any, score: float | None = None) -> None:
        """Keeps `state` as the last checkpoint, and as the best if its `score` is: higher is better, NaN the worst."""
        if score is not None and math.isnan(score):
            score = -math.inf
        if jax.process_count() == 1:  # of several each writes a part of what lies on all of them
            state = jax.tree.map(np.asarray, state)
        self._manager.save(
            step,
            args=ocp.args.StandardSave(state),
            metrics=None if score is None else {"score": score},
        )

    def last_step(self) -> int | None:
        """Step of the last checkpoint; `None` when there is none."""
        return self._manager.latest_step()

    def last(self, like: Any) -> Any:
        """The last checkpoint, in the structure, shapes and dtypes of `like`."""
        return self._restore(self._manager.latest_step(), like)

    def best(self, like: Any) -> Any:
        """The checkpoint with the highest score."""
        return self._restore(self._manager.best_step(), like)

    def _restore(self, step: int, like: Any) -> Any:
        return self._manager.restore(
            step, args=ocp.args.StandardRestore(jax.tree.map(np.asarray, like))
        )

    def close(self) -> None:
        """Releases what Orbax holds."""
        self._manager.close()
