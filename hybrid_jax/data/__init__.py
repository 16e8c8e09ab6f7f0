"""Data sets as windows, and the one rule that says which windows make up a batch.

Importing this loads no TensorFlow; only MotionSense's download does, when it is asked for.
"""

from hybrid_jax.data import motionsense, simulated
from hybrid_jax.data.batches import batch_indices
from hybrid_jax.data.windows import GAP, TEST, TRAIN, VALIDATION, Windows, gather

DATASETS = {"motionsense": motionsense.load, "simulated": simulated.load}

__all__ = [
    "DATASETS",
    "GAP",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "Windows",
    "batch_indices",
    "gather",
]
