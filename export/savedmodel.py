"""The cloud half for a server: a TensorFlow SavedModel with a free batch, and JAX's own serialised export."""

from pathlib import Path

import jax
import numpy as np
from jax import export as jax_export

from export import module
from export.halves import Half, on_cpu
from export.litert import SIGNATURE
from export.quiet import quiet

PLATFORMS = ("cpu", "cuda", "tpu")


def save(half: Half, folder: Path) -> None:
    """Writes a SavedModel, through jax2tf; any batch size."""
    with quiet():
        _save(half, folder)


def _save(half: Half, folder: Path) -> None:
    tf, made = module.tensorflow(), module.of(half, None, PLATFORMS)
    signatures = {SIGNATURE: made.function.get_concrete_function()}
    tf.saved_model.save(made, str(folder), signatures=signatures)


def serialised(half: Half) -> bytes:
    """What `jax.export.deserialize` reads on a machine with JAX alone; any batch size, on CPU, GPU and TPU."""
    (shape,) = half.inputs.values()
    (batch,) = jax_export.symbolic_shape("b")
    spec = jax.ShapeDtypeStruct((batch, *shape), np.float32)
    return bytes(jax_export.export(jax.jit(half.closed), platforms=PLATFORMS)(spec).serialize())


def run(folder: Path, z: np.ndarray) -> np.ndarray:
    """The logits [B, C] that a SavedModel gives features [B, d]."""
    with quiet():
        tf = module.tensorflow()
        signature = tf.saved_model.load(str(folder)).signatures[SIGNATURE]
        (name,) = signature.structured_input_signature[1]
        return next(iter(signature(**{name: tf.constant(z)}).values())).numpy()


def run_serialised(path: Path, z: np.ndarray) -> np.ndarray:
    """The logits [B, C] that a serialised export gives features [B, d]."""
    with on_cpu():
        return np.asarray(jax_export.deserialize(bytearray(path.read_bytes())).call(z))
