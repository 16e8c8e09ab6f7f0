"""A half as a TFLite file, through jax2tf: float32, float16 or int8."""

from collections.abc import Iterable, Sequence

import numpy as np

from export import module
from export.halves import Half
from export.litert import SIGNATURE, LiteRT
from export.quiet import first_line, quiet
from hybrid_jax.errors import UserError, unknown
from hybrid_jax.progress import bar

PRECISIONS = ("float32", "float16", "int8")
# What int8 quantises: the network's stages, by the names that Flax gives their operations. PCA, clipping and noise come
# after them and stay float32: rounding there would be noise that no privacy measure has seen.
QUANTISED = r".*/Network/.*"
QUANTISED_INPUT = "_quantized"  # what ai-edge-quantizer adds to the name of a tensor that it rounds


def convert(half: Half, precision: str, samples: Iterable[np.ndarray] = ()) -> bytes:
    """The file's content; batch 1, built-in operations alone.

    Args:
        half: what to convert.
        precision: one of `PRECISIONS`.
        samples: representative inputs [1, ...] for int8: standardised, of the training data.

    Raises:
        errors.UserError: an unknown precision, int8 without samples, or operations that TFLite does not know.
    """
    if precision not in PRECISIONS:
        raise unknown("precision", precision, PRECISIONS)
    if precision == "int8":
        return quantised(convert(half, "float32"), half, samples)
    with quiet():
        return _float(half, precision)


def _float(half: Half, precision: str) -> bytes:
    tf, made = module.tensorflow(), module.of(half, 1, ("cpu",))
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [made.function.get_concrete_function()], made
    )
    if precision == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    try:
        return converter.convert()
    except Exception as error:  # of MLIR, several pages long
        raise UserError(f"TFLite cannot take this network: {first_line(error)}") from error


def quantised(model: bytes, half: Half, samples: Iterable[np.ndarray]) -> bytes:
    """A float32 file in int8.

    Args:
        model: the file's content.
        half: what it computes.
        samples: see `convert`.

    Raises:
        errors.UserError: no samples, or a file of which nothing can be rounded, or not all that has to be.
    """
    samples = list(samples)
    if not samples:
        raise UserError("int8 needs representative inputs: the data of the work folder's config")
    rest = {
        name: np.zeros((1, *shape), np.float32) for name, shape in list(half.inputs.items())[1:]
    }
    first = next(iter(half.inputs))
    with quiet():
        from ai_edge_quantizer import quantizer
        from ai_edge_quantizer.qtyping import TFLOperationName

        quantise = quantizer.Quantizer(model)
        quantise.add_static_config(QUANTISED, TFLOperationName.ALL_SUPPORTED, 8, 8)
        ranges = quantise.calibrate({SIGNATURE: [{first: x, **rest} for x in samples]})
        if not ranges:
            raise UserError(
                "int8: none of this network's operations can be rounded: they have names of no Network's"
            )
        try:
            return bytes(quantise.quantize(ranges).quantized_model)
        except ValueError as error:
            raise UserError(
                f"int8 cannot take this network: {first_line(error)}; pool in two dimensions, or leave tflite out"
            ) from error


def clipped_share(
    model: bytes, rounded: bytes, samples: Sequence[np.ndarray] | np.ndarray
) -> float:
    """The share of a float model's intermediate values that lie outside what the quantised one can hold.

    Args:
        model: float32.
        rounded: the same in int8.
        samples: N inputs [1, ...] other than those that the ranges were found on.
    """
    ranges = LiteRT(rounded).int8_ranges()
    exact = LiteRT(model, keep=True)
    outside = total = 0
    with bar("ranges of int8", len(samples)) as advance:
        for done, x in enumerate(samples, 1):
            exact({next(iter(exact.inputs)): x})
            for name, (low, high) in ranges.items():
                values = exact.tensor(name.removesuffix(QUANTISED_INPUT))
                if values is not None:
                    outside += int(np.sum((values < low) | (values > high)))
                    total += values.size
            advance(done)
    if ranges and not total:
        raise ValueError("no int8 tensor has the name of a float one: what is clipped is not known")
    return outside / max(total, 1)
