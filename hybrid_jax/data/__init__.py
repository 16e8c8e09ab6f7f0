"""Data sets as samples, and the one rule that says which samples make up a batch.

Importing this loads no TensorFlow; only MotionSense's download does, when it is asked for.
"""

from collections.abc import Callable

from hybrid_jax.data import frll, lfw, motionsense, simulated, simulated_faces, vggface, wiki
from hybrid_jax.data.batches import batch_indices
from hybrid_jax.data.images import Images
from hybrid_jax.data.samples import GAP, TEST, TRAIN, VALIDATION, Samples
from hybrid_jax.data.windows import Windows, gather

DATASETS: dict[str, Callable[..., Samples]] = {
    "motionsense": motionsense.load,
    "simulated": simulated.load,
    "lfw": lfw.load,
    "wiki": wiki.load,
    "vggface": vggface.load,
    "frll": frll.load,
    "simulated_faces": simulated_faces.load,
}

__all__ = [
    "DATASETS",
    "GAP",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "Images",
    "Samples",
    "Windows",
    "batch_indices",
    "gather",
]
