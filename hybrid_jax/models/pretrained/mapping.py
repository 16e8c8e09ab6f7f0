"""Weights of a network of the user's own, whose tensors a mapping names."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from hybrid_jax.errors import UserError, told
from hybrid_jax.models.pretrained.layouts import Path, Shape

OUTPUTS_FIRST = (
    "torch",
    "caffe",
)  # formats whose kernels are [outputs, inputs, ...]; ours are [..., inputs, outputs]
NOT_WEIGHTS = (".num_batches_tracked",)  # what PyTorch keeps beside them
NOT_FINITE = "not finite (NaN or infinity)"


class Tensor(NamedTuple):
    """A tensor by its name in the file, and what makes the variable of it where the format's rule does not."""

    name: str
    arrange: Callable[[np.ndarray], np.ndarray]


# By model: the tensor of each variable, called by its path below its collection, as in conv_1/conv/kernel.
WEIGHTS: dict[str, Mapping[str, str | Tensor]] = {}


def flattened(*shape: int) -> Callable[[np.ndarray], np.ndarray]:
    """For the kernel of a dense layer that follows a flattening, in a file that flattens channels first.

    Args:
        shape: of what our network flattens, without the batch: (..., channels).

    Returns:
        What makes our [inputs, outputs] of [outputs, inputs].
    """
    *sides, channels = shape

    def arrange(kernel: np.ndarray) -> np.ndarray:
        own = kernel.reshape(len(kernel), channels, *sides)
        return np.moveaxis(own, (0, 1), (-1, -2)).reshape(-1, len(kernel))

    return arrange


def mapped(
    weights: Mapping[str, str | Tensor],
    format_name: str,
    needed: Mapping[Path, Shape],
    tensors: Mapping[str, np.ndarray],
    fresh: Iterable[str],
) -> tuple[dict[Path, np.ndarray], dict[str, list[str]]]:
    """The variables that a file has.

    A kernel's axes are turned where the format has outputs first; all else stays as it is (of Keras everything does).

    Args:
        weights: see `WEIGHTS`.
        format_name: of the file, see `files.read`.
        needed: shape of each variable of the network.
        tensors: of the file.
        fresh: stages that need none.

    Returns:
        Variables by path, and what is wrong, by its kind.

    Raises:
        errors.UserError: a value of `weights` that is neither a name nor a `Tensor`.
    """
    found: dict[Path, np.ndarray] = {}
    unnamed, missing, misshapen, failed, not_finite = [], [], [], [], []
    for own, value in weights.items():
        if not isinstance(value, str | Tensor):
            raise UserError(
                f"WEIGHTS names {value!r} for {own}: give the tensor's name, or Tensor(name, arrange)"
            )
    for path, shape in needed.items():
        own = "/".join(path[1:])
        if path[1] in fresh:
            continue
        if own not in weights:
            unnamed.append(own)
            continue
        tensor = _tensor(weights[own], format_name, path, len(shape))
        if tensor.name not in tensors:
            missing.append(tensor.name)
            continue
        given = np.shape(tensors[tensor.name])
        try:
            array = np.asarray(tensor.arrange(tensors[tensor.name]))
        except (ValueError, IndexError):
            array = np.zeros(0)
        except Exception as error:  # whatever a function of the user's own raises
            failed.append(f"{tensor.name} for {own}: {told(error)}")
            continue
        if array.shape == shape:
            found[path] = array
            not_finite += [tensor.name] * (not np.isfinite(array).all())
        else:
            misshapen.append(f"{tensor.name} {_sides(given)} for {own} {_sides(shape)}")
    names = {value.name if isinstance(value, Tensor) else value for value in weights.values()}
    extra = sorted(n for n in tensors.keys() - names if not n.endswith(NOT_WEIGHTS))
    strange = sorted(weights.keys() - {"/".join(path[1:]) for path in needed})
    return found, {
        "not named in WEIGHTS": unnamed,
        "named in WEIGHTS, but no variable of the network": strange,
        "missing": missing,
        "extra": extra,
        "misshapen": misshapen,
        "not to be arranged": failed,
        NOT_FINITE: not_finite,
    }


def _tensor(given: str | Tensor, format_name: str, path: Path, axes: int) -> Tensor:
    if isinstance(given, Tensor):
        return given
    if format_name in OUTPUTS_FIRST and path[-1] == "kernel" and axes > 1:
        return Tensor(given, lambda a: np.moveaxis(a, (0, 1), (-1, -2)))
    return Tensor(given, np.asarray)


def _sides(shape: tuple[Any, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
