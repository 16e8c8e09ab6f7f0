"""A half as a TensorFlow module, through jax2tf: what TFLite's converter and a SavedModel begin with."""

from collections.abc import Sequence
from typing import Any

import jax

from export.halves import Half


def tensorflow() -> Any:
    """TensorFlow, on the CPU alone: accelerators are JAX's."""
    import tensorflow as tf

    for kind in ("GPU", "TPU"):
        tf.config.set_visible_devices([], kind)
    return tf


def of(half: Half, batch: int | None, platforms: Sequence[str]) -> Any:
    """A `tf.Module` whose `function` maps arrays by the half's names; its weights are variables of the module.

    Args:
        half: what it computes.
        batch: of every input; `None`: any, of a half with one input.
        platforms: what it is lowered for, of `cpu`, `cuda` and `tpu`.
    """
    from jax.experimental import jax2tf

    tf = tensorflow()

    shapes = None if batch else [None, "(b, ...)"]
    converted = jax2tf.convert(
        half.function,
        with_gradient=False,
        polymorphic_shapes=shapes,
        native_serialization_platforms=tuple(platforms),
    )
    module = tf.Module()
    module.held = jax.tree.map(tf.Variable, half.variables)  # what hangs on it is saved with it
    # The names of arguments are the signature's, those of the dict its outputs'.
    module.function = tf.function(
        lambda *arrays: {half.output: converted(module.held, *arrays)},
        input_signature=[
            tf.TensorSpec((batch, *shape), tf.float32, name=name)
            for name, shape in half.inputs.items()
        ],
        autograph=False,
    )
    return module
