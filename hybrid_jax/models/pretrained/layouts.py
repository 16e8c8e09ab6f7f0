"""Which tensor of a file each variable of a network is, and how its axes are arranged there."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

Path = tuple[str, ...]  # collection, stage, and on to the leaf
Shape = tuple[int, ...]


class Entry(NamedTuple):
    """A tensor by its name in the file, the shape that it must have, and what makes the variable of it."""

    tensor: str
    shape: Shape
    arrange: Callable[[np.ndarray], np.ndarray] = np.asarray


# Of a variable's path and shape, and of the names in the file.
Layout = Callable[[Path, Shape, Iterable[str]], Entry]

CHANNELS = 512  # of VGG-16's last block
BATCH_NORM = {"scale": "gamma", "bias": "beta", "mean": "moving_mean", "var": "moving_variance"}
TORCH_CONV = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # numbers among `features`
TORCH_DENSE = {"fc6": 0, "fc7": 3, "fc8": 6}  # among `classifier`
# torchvision's images are red green blue in [0, 1], over these; ours are in [0, 255].
TORCH_SCALE = 255 * np.array([0.229, 0.224, 0.225])
KERAS_DENSE = {"fc6": "fc1", "fc7": "fc2", "fc8": "predictions"}


def mini_xception_in_keras(path: Path, shape: Shape, names: Iterable[str]) -> Entry:
    """The published file: Keras numbered its layers in the order in which they were made."""
    _, stage, *rest, leaf = path
    block = 0 if stage == "stem" else int(stage[-1]) if stage.startswith("block") else 5
    part, _, number = rest[0].rpartition("_")
    if part == "depthwise":
        at = f"separable_conv2d_{2 * (block - 1) + int(number)}/depthwise_kernel"
        return Entry(at, (*shape[:2], shape[3], shape[2]), lambda a: a.transpose(0, 1, 3, 2))
    if part == "pointwise":
        return Entry(f"separable_conv2d_{2 * (block - 1) + int(number)}/pointwise_kernel", shape)
    if part == "norm":
        own = 0 if number == "beside" else int(number)
        return Entry(f"batch_normalization_{3 * block + own}/{BATCH_NORM[leaf]}", shape)
    # In the stem two convolutions, in each block the one beside, in the end the head.
    return Entry(f"conv2d_{int(number) if stage == 'stem' else block + 2}/{leaf}", shape)


def vgg16_in_keras(path: Path, shape: Shape, names: Iterable[str]) -> Entry:
    """Keras-applications: axes are ours, the first convolution reads blue green red."""
    _, stage, *_, leaf = path
    if stage in KERAS_DENSE:
        return Entry(f"{KERAS_DENSE[stage]}/{leaf}", shape)
    tensor = f"block{stage[4]}_conv{stage[6]}/{leaf}"
    return Entry(tensor, shape, _reversed_input if _is_first(stage, leaf) else np.asarray)


def vgg16_in_torch(path: Path, shape: Shape, names: Iterable[str]) -> Entry:
    """torchvision: output channels first; the images' scale goes into the first convolution."""
    _, stage, *_, leaf = path
    dense = TORCH_DENSE.get(stage)
    place = f"features.{TORCH_CONV[_number(stage)]}" if dense is None else f"classifier.{dense}"
    if leaf == "bias":
        return Entry(f"{place}.bias", shape)
    own_shape, arrange = _output_first(stage, shape)
    if _is_first(stage, leaf):
        return Entry(
            f"{place}.weight", own_shape, lambda a: arrange(a) / TORCH_SCALE[None, None, :, None]
        )
    return Entry(f"{place}.weight", own_shape, arrange)


def vgg16_in_caffe(path: Path, shape: Shape, names: Iterable[str]) -> Entry:
    """Caffe: output channels first, images blue green red; the head's name says its classes, as in fc8-2."""
    _, stage, *_, leaf = path
    layer = stage
    if stage == "fc8":
        heads = {name.rpartition("/")[0] for name in names if re.match(r"fc8\b", name)}
        layer = min(heads, default=stage)
    if leaf == "bias":
        return Entry(f"{layer}/1", shape)
    own_shape, arrange = _output_first(stage, shape)
    if _is_first(stage, leaf):
        return Entry(f"{layer}/0", own_shape, lambda a: _reversed_input(arrange(a)))
    return Entry(f"{layer}/0", own_shape, arrange)


LAYOUTS: dict[tuple[str, str], Layout] = {
    ("mini_xception", "keras"): mini_xception_in_keras,
    ("vgg16", "keras"): vgg16_in_keras,
    ("vgg16", "torch"): vgg16_in_torch,
    ("vgg16", "caffe"): vgg16_in_caffe,
}


def entries(
    layout: Layout, shapes: Mapping[Path, Shape], names: Iterable[str]
) -> dict[Path, Entry]:
    """The entry of every variable."""
    return {path: layout(path, shape, names) for path, shape in shapes.items()}


def _output_first(stage: str, shape: Shape) -> tuple[Shape, Callable[[np.ndarray], np.ndarray]]:
    """The shape of a kernel where outputs come first, and what makes ours of it."""
    if len(shape) == 4:
        rows, columns, inputs, outputs = shape
        return (outputs, inputs, rows, columns), lambda a: a.transpose(2, 3, 1, 0)
    inputs, outputs = shape
    if stage != "fc6":
        return (outputs, inputs), np.transpose
    # What it flattens comes there by channel, row and column; here by row, column and channel.
    side = math.isqrt(inputs // CHANNELS)
    return (
        (outputs, inputs),
        lambda a: (
            a.reshape(outputs, CHANNELS, side, side).transpose(2, 3, 1, 0).reshape(inputs, outputs)
        ),
    )


def _is_first(stage: str, leaf: str) -> bool:
    return (stage, leaf) == ("conv1_1", "kernel")


def _reversed_input(kernel: np.ndarray) -> np.ndarray:
    return kernel[:, :, ::-1]


def _number(stage: str) -> int:
    """Of a convolution of VGG-16 among all, from 0: conv1_1 to conv5_3."""
    before = (0, 2, 4, 7, 10)
    return before[int(stage[4]) - 1] + int(stage[6]) - 1
