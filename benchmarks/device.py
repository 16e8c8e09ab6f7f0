"""The device's half as we export it, against the same network written straight in Keras and converted.

    python -m benchmarks.device

Both with one set of parameters, as TFLite files in float32, run by LiteRT with one sample and one thread. Rounds
alternate between the two; the ratio is the median over rounds of ours to Keras's just after it.
"""

import argparse
import contextlib
import io
import os
import statistics
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import device_peers
from benchmarks.train_step import OURS, measure, ratio
from export import tflite
from export.halves import device_half
from hybrid_jax import models
from hybrid_jax.embedding import embed

KERAS = "Keras"
# Of each network: shape of an input, and where it is split.
CASES = {"mtcnn": ((12, 50), "conv_4"), "mini_xception": ((64, 64, 1), "block_4")}


def ours(name: str) -> tuple[bytes, dict[str, Any]]:
    """Our file of a case, and the network's variables: random, those of batch normalisation too."""
    shape, layer = CASES[name]
    network = models.make({"name": name}, {"task": 2}, as_one=True)
    variables = jax.jit(network.init)(jax.random.key(0), jnp.zeros((1, *shape)))
    rng = np.random.default_rng(0)

    def drawn(path, leaf):
        name = path[-1].key
        if name == "kernel":
            return leaf
        low = 0.5 if name in ("scale", "var") else -0.5
        return rng.uniform(low, low + 1, leaf.shape).astype(np.float32)

    variables = jax.tree_util.tree_map_with_path(drawn, variables)
    embedding = embed(network, layer, "simple", input_shape=shape)
    half = device_half(embedding, embedding.bind(variables), shape)
    return tflite.convert(half, "float32"), variables


def theirs(name: str, variables: dict[str, Any]) -> bytes:
    """Keras's file of the same."""
    import tensorflow as tf

    model = getattr(device_peers, name)(tf.keras, CASES[name][0])
    device_peers.load(model, variables)
    with contextlib.redirect_stdout(io.StringIO()):  # Keras lists what it saves on the way
        return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def in_litert(content: bytes, x: np.ndarray, steps: int) -> Iterator[np.ndarray]:
    """Rounds of inferences on a sample of any shape of its size; gives the output."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (start,), (end,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(start["index"], x.reshape(start["shape"]))
    while True:
        for _ in range(steps):
            interpreter.invoke()
        yield interpreter.get_tensor(end["index"])


def peers(name: str, steps: int) -> dict[str, Iterator[np.ndarray]]:
    """Both, of one network; their outputs agree."""
    content, variables = ours(name)
    x = np.random.default_rng(1).standard_normal(CASES[name][0], np.float32)
    files = {OURS: content, KERAS: theirs(name, variables)}
    found = {peer: in_litert(file, x, steps) for peer, file in files.items()}
    outputs = [next(peer) for peer in found.values()]
    np.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-4 * np.abs(outputs[0]).max())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--steps", type=int, default=100, help="inferences a round")
    arguments = parser.parse_args()
    print("an inference of the device's half, one sample, one thread, LiteRT:")
    for name, (_, layer) in CASES.items():
        times = measure(peers(name, arguments.steps), arguments.rounds, arguments.steps)
        middle = ", ".join(f"{peer} {statistics.median(own):.3f} ms" for peer, own in times.items())
        part = ratio(times[OURS], times[KERAS])
        print(f"{name} up to {layer}: {middle}; ours takes {part:.2f} of Keras's", flush=True)


if __name__ == "__main__":
    main()
