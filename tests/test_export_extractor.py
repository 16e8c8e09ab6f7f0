"""Which files are no extractors."""

import re

import numpy as np
import pytest

from export import tflite
from export.extractor import Extractor
from export.halves import Half
from export.quiet import quiet
from hybrid_jax.errors import UserError


def test_a_file_that_is_no_extractor_is_named(tmp_path):
    two = Half(lambda _, x, y: x + y, (), {"a": (2,), "b": (2,)}, "feature")
    (tmp_path / "two.tflite").write_bytes(tflite.convert(two, "float32"))
    with pytest.raises(
        UserError, match=r"takes a, b and gives feature: an extractor takes one input"
    ):
        Extractor(tmp_path / "two.tflite")


@pytest.mark.parametrize(("shape", "dtype"), [((1, 2), np.int32), ((8, 2), np.float32)])
def test_a_file_of_other_numbers_or_of_several_samples_is_named(tmp_path, shape, dtype):
    with quiet():
        import tensorflow as tf

        function = tf.function(lambda x: 2 * tf.cast(x, tf.float32), autograph=False)
        concrete = function.get_concrete_function(tf.TensorSpec(shape, dtype, name="x"))
        model = tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()
    (tmp_path / "a.tflite").write_bytes(model)
    told = re.escape(f"{np.dtype(dtype).name} of shape {shape}")
    with pytest.raises(UserError, match=f"{told}: an extractor takes and gives one sample"):
        Extractor(tmp_path / "a.tflite")
