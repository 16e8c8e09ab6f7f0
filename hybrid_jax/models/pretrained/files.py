"""Files of weights as tensors by name; nothing here knows any network."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hybrid_jax.errors import UserError, in_a_line, unknown
from hybrid_jax.models.pretrained import caffe

Tensors = dict[str, np.ndarray]

# Keras 1, in whose names the weights of keras-applications were published: block1_conv1_W_1, block1_conv1_b_1.
KERAS_1 = re.compile(r"_(W|b)(_\d+)?")
KERAS_1_NAMES = {"W": "kernel", "b": "bias"}
# Its other files number a layer's weights instead of naming them.
KERAS_3 = "the whole model in HDF5 is read: save it by model.save('weights.h5')"


def read(path: Path) -> tuple[str, Tensors]:
    """The format of a file (`keras`, `torch` or `caffe`) and its tensors.

    Raises:
        errors.UserError: no such file, an unknown ending, or contents that are not what the ending says.
    """
    if path.suffix == ".keras":
        raise UserError(f"{path}: of Keras 3 {KERAS_3}")
    if path.suffix not in READERS:
        raise unknown(f"ending of {path}", path.suffix, READERS)
    if not path.is_file():
        raise UserError(f"{path}: no such file; it should hold pre-trained weights")
    format_name, reader = READERS[path.suffix]
    return format_name, reader(path)


def keras(path: Path) -> Tensors:
    """HDF5 as Keras 2 wrote it, and Keras 3 writes whole models: `layer/weight`, such as `conv2d_1/kernel`."""
    import h5py

    try:
        file = h5py.File(path)
    except OSError as error:
        raise UserError(f"{path} is no HDF5 file that can be read ({error})") from None
    with file:
        root = file.get("model_weights", file)
        if "layer_names" not in root.attrs:
            raise UserError(
                f"{path} is HDF5, but not of Keras 2's layout (no layer_names): of Keras 3 {KERAS_3}"
            )
        found = {}
        for layer in map(_text, root.attrs["layer_names"]):
            for weight in map(_text, root[layer].attrs["weight_names"]):
                # Whatever scopes or models it lies in, its own name and its layer's come last.
                *_, place, leaf = layer, *weight.removesuffix(":0").split("/")
                if (old := KERAS_1.fullmatch(leaf.removeprefix(place))) and leaf.startswith(place):
                    leaf = KERAS_1_NAMES[old[1]]
                if weight in root[layer]:  # else it is missing, as are those that have no name here
                    found[f"{place}/{leaf}"] = np.asarray(root[layer][weight])
        return found


def torch(path: Path) -> Tensors:
    """A PyTorch state dict, by PyTorch itself: pickles are not ours to interpret."""
    try:
        import torch
    except ImportError:
        raise UserError(
            f"reading {path} needs PyTorch: pip install torch, or save the state dict as .safetensors"
        ) from None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # whatever a file that is none makes of it; PyTorch advises to trust it
        raise UserError(
            f"{path} is no state dict of PyTorch: save one, as by torch.save(model.state_dict(), {path.name!r})"
        ) from None
    if not isinstance(state, dict) or not all(hasattr(value, "numpy") for value in state.values()):
        raise UserError(f"{path} holds no state dict of PyTorch: save model.state_dict()")
    return {name: value.detach().float().numpy() for name, value in state.items()}


def safetensors(path: Path) -> Tensors:
    """Tensors of a PyTorch state dict, without PyTorch."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError, OSError) as error:
        raise UserError(f"{path} is no safetensors file ({in_a_line(error)})") from None


READERS: dict[str, tuple[str, Callable[[Path], Tensors]]] = {
    ".h5": ("keras", keras),
    ".hdf5": ("keras", keras),
    ".pth": ("torch", torch),
    ".pt": ("torch", torch),
    ".safetensors": ("torch", safetensors),
    ".caffemodel": ("caffe", caffe.read),
}


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
