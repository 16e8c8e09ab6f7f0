"""VGG-16's forward pass by ours and by PyTorch, each as a generator: a `next` is one round of passes.

Arguments of all: the variables of ours; images [B, H, W, 3] of float32; and passes a round. PyTorch's weights are those
of ours, moved to its layout.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.models.vgg16 import BLOCKS, vgg16

TASK = "gender"
NETWORK = vgg16({TASK: 2})
SIDE = 224
Peer = Iterator[None]


def variables_of(side: int = SIDE) -> dict[str, Any]:
    """Random variables for images of this side."""
    image = jnp.zeros((1, side, side, 3))
    return jax.jit(NETWORK.init)(jax.random.key(0), image)


def images_of(batch_size: int, side: int = SIDE) -> np.ndarray:
    """Random images, in the range of colours less a mean."""
    generator = np.random.default_rng(batch_size)
    return generator.uniform(-120, 130, (batch_size, side, side, 3)).astype(np.float32)


def in_jax(variables: dict[str, Any], images: np.ndarray, passes: int) -> Peer:
    """Rounds of ours, a jitted pass a call."""
    forward, at = jax.jit(lambda *of: NETWORK.apply(*of)[0]), jnp.asarray(images)
    while True:
        for _ in range(passes):
            jax.block_until_ready(forward(variables, at))
        yield


def torch_network(variables: dict[str, Any]):
    """The same network in `torch.nn`, channels last; takes [B, 3, H, W]."""
    import torch
    from torch import nn as tnn

    class Flatten(tnn.Module):
        """[B, C, H, W] to [B, H * W * C], the order of ours: of channels last a view, without a copy."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.permute(0, 2, 3, 1).flatten(1)

    params = variables["params"]

    def loaded(layer: tnn.Module, name: str, inner: str, axes: tuple[int, ...]) -> tnn.Module:
        weights = params[name][inner]
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(np.transpose(weights["kernel"], axes)))
            layer.bias.copy_(torch.tensor(np.asarray(weights["bias"])))
        return layer

    layers, inputs = [], 3
    for block, (number, channels) in enumerate(BLOCKS, 1):
        for i in range(1, number + 1):
            conv = tnn.Conv2d(inputs, channels, 3, padding=1)
            layers += [loaded(conv, f"conv{block}_{i}", "conv", (3, 2, 0, 1)), tnn.ReLU(True)]
            inputs = channels
        layers.append(tnn.MaxPool2d(2))
    layers.append(Flatten())
    for name, inner in (("fc6", "dense"), ("fc7", "dense"), ("fc8", TASK)):
        dense = tnn.Linear(*params[name][inner]["kernel"].shape)
        layers += [loaded(dense, name, inner, (1, 0)), tnn.ReLU(True)]
    network = tnn.Sequential(*layers[:-1])  # without ReLU after the logits
    return network.eval().to(memory_format=torch.channels_last)


def in_torch(variables: dict[str, Any], images: np.ndarray, passes: int) -> Peer:
    """Rounds of eager PyTorch in its fastest layout on CPU, channels last, without a gradient."""
    import torch

    network = torch_network(variables)
    at = torch.tensor(images).permute(0, 3, 1, 2)
    at = at.contiguous(memory_format=torch.channels_last)
    while True:
        with torch.inference_mode():
            for _ in range(passes):
                network(at)
        yield
