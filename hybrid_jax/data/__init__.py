"""Data sets as samples, and the one rule that says which samples make up a batch.

Importing this loads no TensorFlow; only MotionSense's download does, when it is asked for.
"""

from collections.abc import Callable

from hybrid_jax.data import (
    csv_files,
    frll,
    lfw,
    motionsense,
    npz_file,
    simulated,
    simulated_faces,
    vggface,
    wiki,
)
from hybrid_jax.data.arrays import Arrays
from hybrid_jax.data.batches import batch_indices
from hybrid_jax.data.images import Images
from hybrid_jax.data.own_arrays import from_arrays
from hybrid_jax.data.own_recordings import Recorded, from_recordings
from hybrid_jax.data.samples import GAP, TEST, TRAIN, VALIDATION, Samples
from hybrid_jax.data.windows import Windows, gather

# What `config.data` calls by its name, with the rest of it; a config file of your own may add one.
DATASETS: dict[str, Callable[..., Samples]] = {
    "motionsense": motionsense.load,
    "simulated": simulated.load,
    "lfw": lfw.load,
    "wiki": wiki.load,
    "vggface": vggface.load,
    "frll": frll.load,
    "simulated_faces": simulated_faces.load,
    "npz": npz_file.load,
    "csv": csv_files.load,
}

__all__ = [
    "DATASETS",
    "GAP",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "Arrays",
    "Images",
    "Recorded",
    "Samples",
    "Windows",
    "batch_indices",
    "from_arrays",
    "from_recordings",
    "gather",
]
