"""Weights that others trained, in the files that they published them in.

    variables = load("vgg16.safetensors", "vgg16", variables, fresh=("fc8",))

A file is read into tensors by name (`files`); a layout says which of them each of a network's variables is, and in
what order of axes (`layouts`). To add a network or a format, add a layout; for a network of your own name its tensors
in `WEIGHTS`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from hybrid_jax.errors import UserError, unknown
from hybrid_jax.models.pretrained import files
from hybrid_jax.models.pretrained.layouts import LAYOUTS, Layout, entries
from hybrid_jax.models.pretrained.mapping import NOT_FINITE, WEIGHTS, Tensor, flattened, mapped

__all__ = ["WEIGHTS", "Tensor", "flattened", "load"]


def load(
    path: str | Path, model: str, variables: Mapping[str, Any], fresh: Iterable[str] = ()
) -> dict[str, Any]:
    """A network's variables from a file.

    Args:
        path: .h5 or .hdf5 (Keras 2, weights or whole model; Keras 3, whole model), .safetensors, .pth or .pt (PyTorch
            state dict), or .caffemodel.
        model: name of the network in `LAYOUTS` or `WEIGHTS`.
        variables: of that network; they say which shapes are needed, and are what `fresh` stages keep.
        fresh: stages that the file is not asked for, as a head for other classes.

    Returns:
        Variables like those given, float32.

    Raises:
        errors.UserError: no such file, a format or a network without layout, a file that cannot be read, or one that is
            of another network or not finite: every tensor that is wrong is named.
    """
    path, fresh = Path(path), frozenset(fresh)
    stages = {name for tree in variables.values() for name in tree}
    for name in fresh - stages:
        raise unknown("stage to leave fresh", name, sorted(stages))
    format_name, tensors = files.read(path)
    needed = flatten_dict(variables)
    shapes = {name: np.shape(leaf) for name, leaf in needed.items()}
    if model in WEIGHTS:
        found, problems = mapped(WEIGHTS[model], format_name, shapes, tensors, fresh)
    elif (model, format_name) in LAYOUTS:
        found, problems = _laid_out(LAYOUTS[model, format_name], shapes, tensors, fresh)
    else:
        readable = [kind for name, kind in LAYOUTS if name == model]
        remedy = "" if readable else ": name its tensors in models.pretrained.WEIGHTS"
        raise UserError(
            f"{path}: weights of {model} are read from {' or '.join(readable) or 'no file'}, not from {format_name}"
            f"{remedy}"
        )
    if any(problems.values()):
        listed = "; ".join(
            f"{kind}: {', '.join(names)}" for kind, names in problems.items() if names
        )
        raise UserError(f"{path} holds no weights of this {model}: {listed}")
    return unflatten_dict(
        needed | {name: jnp.asarray(array, jnp.float32) for name, array in found.items()}
    )


def _laid_out(layout: Layout, shapes, tensors: files.Tensors, fresh: frozenset[str]):
    """As `mapping.mapped`, of a network of the package."""
    every = entries(layout, shapes, tensors)
    wanted = {name: entry for name, entry in every.items() if name[1] not in fresh}
    missing = [entry.tensor for entry in wanted.values() if entry.tensor not in tensors]
    extra = sorted(tensors.keys() - {entry.tensor for entry in every.values()})
    found, misshapen, not_finite = {}, [], []
    for place, entry in wanted.items():
        if entry.tensor not in tensors:
            continue
        shape = tensors[entry.tensor].shape
        if shape != entry.shape:
            misshapen.append(f"{entry.tensor} {_sides(shape)} for {_sides(entry.shape)}")
        else:
            found[place] = entry.arrange(tensors[entry.tensor])
            not_finite += [entry.tensor] * (not np.isfinite(found[place]).all())
    problems = {"missing": missing, "extra": extra, "misshapen": misshapen, NOT_FINITE: not_finite}
    return found, problems


def _sides(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
