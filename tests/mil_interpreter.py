"""What a saved .mlpackage computes, by NumPy: CoreML runs on macOS alone.

Each operation is computed in float32 and rounded once to the type that the program gives its output. For float16 that
is the least that any device rounds: Apple does not say in what its units sum products, and some round more. Of sums,
differences, products, quotients and roots it is also IEEE's float16, since float32 has more than twice its digits.

Only the operations that our networks use are here; padding and shapes are as in coremltools' iOS 18 operation set.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np


class Package:
    """A package read back, to evaluate.

    Attributes:
        spec: its description, for the names and shapes of inputs and outputs.
        operations: of its MIL program, in order, without constants.
    """

    def __init__(self, path: Path):
        with warnings.catch_warnings(action="ignore"):
            import coremltools as ct
            from coremltools.converters.mil.frontend.milproto.load import load

            model = ct.models.MLModel(str(path), skip_model_load=True)
            self.spec = model.get_spec()
            self._main = load(
                self.spec, self.spec.specificationVersion, model.weights_dir
            ).functions["main"]
        self.operations = [o for o in self._main.operations if o.op_type != "const"]

    def __call__(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """The output [1, ...].

        Args:
            inputs: float32 [1, ...] by name.

        Raises:
            ValueError: an input of another shape or type, or an output of an operation that is not of the shape that
                the program says.
            NotImplementedError: an operation, or a setting of one, that is not here; names it.
        """
        for name, var in self._main.inputs.items():
            if inputs[name].shape != tuple(var.shape) or inputs[name].dtype != dtype(var):
                raise ValueError(f"{name} is {inputs[name].dtype} {inputs[name].shape}")
        values = dict(inputs)
        for operation in self.operations:
            (out,) = operation.outputs
            found = np.asarray(_run(operation, values)).astype(dtype(out))
            if found.shape != tuple(out.shape):
                raise ValueError(f"{out.name} is {found.shape}, the program says {out.shape}")
            values[out.name] = found
        return values[self._main.outputs[0].name]


def dtype(var) -> np.dtype:
    """Of a value of the program."""
    from coremltools.converters.mil.mil.types import nptype_from_builtin

    return np.dtype(nptype_from_builtin(var.dtype))


def _run(operation, values: dict[str, np.ndarray]) -> np.ndarray:
    if operation.op_type not in OPERATIONS:
        raise NotImplementedError(f"operation {operation.op_type}")
    arguments = {}
    for name, var in operation.inputs.items():
        if var is not None:
            value = values.get(var.name, var.val)
            is_half = getattr(value, "dtype", None) == np.float16
            arguments[name] = value.astype(np.float32) if is_half else value
    return OPERATIONS[operation.op_type](**arguments)


def conv(x, weight, strides, pad_type, pad, dilations, groups, bias=None) -> np.ndarray:
    """[N, C, ...] with [O, C / groups, ...] to [N, O, ...]: no kernel is turned round, as in all such libraries."""
    n, channels, out = len(x), x.shape[1] // groups, len(weight)
    seen = windows(padded(x, pad_type, pad), weight.shape[2:], strides, dilations)
    rank = x.ndim - 2
    places = seen.shape[2 : 2 + rank]
    columns = seen.reshape(n, groups, channels, np.prod(places), -1).transpose(1, 0, 3, 2, 4)
    columns = columns.reshape(groups, n * np.prod(places), -1)
    kernels = weight.reshape(groups, out // groups, -1).transpose(0, 2, 1)
    y = (columns @ kernels).reshape(groups, n, *places, out // groups)
    y = np.moveaxis(y, (0, -1), (1, 2)).reshape(n, out, *places)
    return y if bias is None else y + bias.reshape(-1, *[1] * rank)


def max_pool(x, kernel_sizes, strides, pad_type, pad, ceil_mode) -> np.ndarray:
    """Largest of each window of [N, C, ...], minus infinity around."""
    if ceil_mode:
        raise NotImplementedError("max_pool with ceil_mode")
    rank = x.ndim - 2
    x = padded(x, pad_type, pad, -np.inf)
    return windows(x, kernel_sizes, strides, [1] * rank).max(axis=tuple(range(-rank, 0)))


def padded(x, pad_type: str, pad, value: float = 0.0) -> np.ndarray:
    """[N, C, ...] with what a convolution or a pooling adds around: `pad` before and after each axis, in turn."""
    if pad_type not in ("valid", "custom"):
        raise NotImplementedError(f"pad_type {pad_type}")
    around = np.reshape(pad, (-1, 2)) if pad_type == "custom" else np.zeros((x.ndim - 2, 2), int)
    return np.pad(x, [(0, 0), (0, 0), *map(tuple, around)], constant_values=value)


def windows(x, sizes: Sequence[int], strides, dilations) -> np.ndarray:
    """Views of [N, C, ...]: [N, C, places ..., sizes ...]."""
    axes = tuple(range(2, x.ndim))
    reach = tuple((size - 1) * d + 1 for size, d in zip(sizes, dilations, strict=True))
    seen = np.lib.stride_tricks.sliding_window_view(x, reach, axes)
    return seen[(slice(None), slice(None), *(slice(None, None, s) for s in (*strides, *dilations)))]


def pad(x, pad, mode, constant_val) -> np.ndarray:
    """`pad` before and after each of the last axes, in turn."""
    if mode != "constant":
        raise NotImplementedError(f"pad with mode {mode}")
    around = np.reshape(pad, (-1, 2))
    widths = [(0, 0)] * (x.ndim - len(around)) + [tuple(w) for w in around]
    return np.pad(x, widths, constant_values=constant_val)


def matmul(x, y, transpose_x, transpose_y) -> np.ndarray:
    """The product of the last two axes."""
    x = np.swapaxes(x, -1, -2) if transpose_x else x
    return x @ (np.swapaxes(y, -1, -2) if transpose_y else y)


def linear(x, weight, bias) -> np.ndarray:
    """[..., I] with [O, I] to [..., O]."""
    return x @ weight.T + bias


def _binary(function):
    return lambda x, y: function(x, y)


def _reduced(function):
    return lambda x, axes, keep_dims: function(x, axis=tuple(axes), keepdims=bool(keep_dims))


OPERATIONS = {
    "add": _binary(np.add),
    "cast": lambda x, dtype: x,  # the program's type of the output is that of the cast
    "conv": conv,
    "exp": lambda x: np.exp(x),
    "linear": linear,
    "matmul": matmul,
    "max_pool": max_pool,
    "maximum": _binary(np.maximum),
    "minimum": _binary(np.minimum),
    "mul": _binary(np.multiply),
    "pad": pad,
    "real_div": _binary(np.divide),
    "reduce_mean": _reduced(np.mean),
    "reduce_sum": _reduced(np.sum),
    "reshape": lambda x, shape: x.reshape(shape),
    "sqrt": lambda x: np.sqrt(x),
    "sub": _binary(np.subtract),
    "transpose": lambda x, perm: x.transpose(perm),
}
