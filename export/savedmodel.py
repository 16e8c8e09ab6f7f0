"""The cloud half for a server: a TensorFlow SavedModel with a free batch, and JAX's own serialised export."""

from pathlib import Path

import jax
import numpy as np
from jax import export

from export.halves import Half
from export.quiet import quiet

SIGNATURE = "serving_default"
PLATFORMS = ("cpu", "cuda", "tpu")


def save(half: Half, folder: Path) -> None:
    """Writes a SavedModel, through jax2tf; any batch size."""
    with quiet():
        _save(half, folder)


def _save(half: Half, folder: Path) -> None:
    import tensorflow as tf
    from jax.experimental import jax2tf

    ((name, shape),) = half.inputs.items()
    converted = jax2tf.convert(half.function, polymorphic_shapes=["(b, ...)"], with_gradient=False)
    module = tf.Module()
    module.function = tf.function(
        lambda z: {half.output: converted(z)},
        input_signature=[tf.TensorSpec((None, *shape), tf.float32, name=name)],
        autograph=False,
    )
    tf.saved_model.save(
        module, str(folder), signatures={SIGNATURE: module.function.get_concrete_function()}
    )


def serialised(half: Half) -> bytes:
    """What `jax.export.deserialize` reads on a machine with JAX alone; any batch size, on CPU, GPU and TPU."""
    (shape,) = half.inputs.values()
    (batch,) = export.symbolic_shape("b")
    spec = jax.ShapeDtypeStruct((batch, *shape), np.float32)
    return bytes(export.export(jax.jit(half.function), platforms=PLATFORMS)(spec).serialize())


def run(folder: Path, z: np.ndarray) -> np.ndarray:
    """The logits [B, C] that a SavedModel gives features [B, d]."""
    with quiet():
        import tensorflow as tf

        signature = tf.saved_model.load(str(folder)).signatures[SIGNATURE]
        (name,) = signature.structured_input_signature[1]
        return next(iter(signature(**{name: tf.constant(z)}).values())).numpy()


def run_serialised(path: Path, z: np.ndarray) -> np.ndarray:
    """The logits [B, C] that a serialised export gives features [B, d]."""
    return np.asarray(export.deserialize(bytearray(path.read_bytes())).call(z))
