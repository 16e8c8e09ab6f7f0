"""The networks' device halves written straight in Keras, with the parameters of ours: up to Conv-4, and to block_4."""

from typing import Any

import numpy as np

from hybrid_jax.models.mini_xception import STEM, WIDTHS
from hybrid_jax.results import flat

ORDER = ("kernel", "scale", "bias", "mean", "var")  # of a Keras layer's weights, in Flax's names


def mtcnn(keras, shape: tuple[int, ...]):
    """Takes [1, 12, 50, 1]; layers as in the authors' notebook (reference, section a)."""
    layers = keras.layers

    def conv(x, name: str, features: int, width: int, padding: str = "valid"):
        convolution = layers.Conv2D(features, (1, width), 1, padding, activation="relu", name=name)
        return convolution(x)

    start = x = keras.Input((*shape, 1), batch_size=1)
    x = conv(x, "conv_1.conv", 50, 5)
    x = conv(x, "conv_2.conv", 50, 3, "same")
    x = layers.Dense(50, activation="relu", name="dense_1.dense")(x)
    x = layers.MaxPooling2D((1, 2))(x)
    x = conv(x, "conv_3.conv", 40, 5)
    x = layers.Dense(40, activation="relu", name="dense_2.dense")(x)
    x = layers.MaxPooling2D((1, 3))(x)
    x = conv(x, "conv_4.conv", 20, 3)
    return keras.Model(start, layers.Flatten()(x))


def mini_xception(keras, shape: tuple[int, ...]):
    """Takes [1, 64, 64, 1]; layers as its authors published them."""
    layers = keras.layers

    def norm(x, name: str):
        return layers.BatchNormalization(name=f"{name}.norm")(x)

    start = x = keras.Input(shape, batch_size=1)
    for i in (1, 2):
        x = layers.Conv2D(STEM, 3, use_bias=False, name=f"stem.conv_{i}")(x)
        x = layers.ReLU()(norm(x, f"stem.norm_{i}"))
    for number, features in enumerate(WIDTHS, 1):
        block = f"block_{number}"
        beside = layers.Conv2D(features, 1, 2, "same", use_bias=False, name=f"{block}.beside")(x)
        beside = norm(beside, f"{block}.norm_beside")
        for i in (1, 2):
            # The published network has both in one layer, SeparableConv2D, which is converted to these two.
            name = f"{block}.depthwise_{i}"
            x = layers.DepthwiseConv2D(3, 1, "same", use_bias=False, name=name)(x)
            x = layers.Conv2D(features, 1, use_bias=False, name=f"{block}.pointwise_{i}")(x)
            x = norm(x, f"{block}.norm_{i}")
            x = layers.ReLU()(x) if i == 1 else x
        x = layers.Add()([layers.MaxPooling2D(3, 2, "same")(x), beside])
    return keras.Model(start, layers.Flatten()(x))


def load(model, variables: dict[str, Any]) -> None:
    """Gives a Keras model our variables: its layers are named by the path to them."""
    for layer in model.layers:
        if not layer.weights:
            continue
        leaves = {}
        for tree in variables.values():
            for name in layer.name.split("."):
                tree = tree.get(name, {})
            leaves |= {path.rpartition(".")[2]: leaf for path, leaf in flat(tree).items()}
        values = [np.asarray(leaves[name]) for name in ORDER if name in leaves]
        pairs = zip(values, layer.weights, strict=True)
        layer.set_weights([value.reshape(weight.shape) for value, weight in pairs])
