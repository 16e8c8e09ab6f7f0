"""Weights of a PyTorch model for a network of your own: which tensor of the file each of its variables is.

python launch.py --config=own_weights.py --workdir=runs/own_weights

small.safetensors (or .pth) is the state dict of
    Sequential(Conv1d(12, 16, 5), ReLU(), MaxPool1d(2), Conv1d(16, 32, 5), ReLU(),
               Flatten(), Linear(32 * 19, 64), ReLU(), Linear(64, 4))
"""

import own_network

from hybrid_jax.models.pretrained import WEIGHTS, Tensor, flattened

WEIGHTS["small"] = {
    "conv_1/conv/kernel": "0.weight",
    "conv_1/conv/bias": "0.bias",
    "conv_2/conv/kernel": "3.weight",
    "conv_2/conv/bias": "3.bias",
    # PyTorch flattens [channels, time], this network [time, channels].
    "fc/dense/kernel": Tensor("6.weight", flattened(19, 32)),
    "fc/dense/bias": "6.bias",
    "output/activity/kernel": "8.weight",
    "output/activity/bias": "8.bias",
}


def get_config(arg=None):
    """As own_network.py, from those weights; the output layer begins afresh."""
    config = own_network.get_config()
    config.model.update(pretrained="small.safetensors", fresh=("output",))
    return config
