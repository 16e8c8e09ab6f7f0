"""Forward and backward pass of the convolutions that are written anew for CPUs, against XLA's.

    python -m benchmarks.convolutions          # PyTorch takes part where requirements-bench.txt is installed

At sizes of mini_XCEPTION's blocks, 32 images; PyTorch in depthwise ones alone. Each pass moves input and kernel against
their gradient, in a loop as a training's steps do, so that none can be left out; XLA's also by passes that Python calls
one by one, as `train.fit` does where a network has such convolutions. Rounds alternate between the peers.
"""

import argparse
import importlib.util
import statistics
from collections.abc import Callable, Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.train_step import measure, ratio
from hybrid_jax.models.depthwise import _convolve, depthwise
from hybrid_jax.models.image_parts import conv3x3, xla_convolution
from hybrid_jax.models.time_dense import channel_dot

BATCH = 32
DEPTHWISE = ((60, 8), (60, 16), (30, 32), (15, 64), (8, 128))  # side of the image, channels
FULL = ((30, 16), (15, 64), (8, 128))
RATE = 1e-6
OURS = "hybrid-jax"


def in_jax(
    function: Callable, x: np.ndarray, kernel: np.ndarray, passes: int, looped: bool
) -> Iterator[None]:
    """Rounds of passes of `function(x, kernel)`: in one compiled loop, or called one by one."""

    @partial(jax.jit, static_argnames="passes")
    def run(x, kernel, weights, passes=None):
        def one(_, at):
            y, pull = jax.vjp(function, *at)
            return jax.tree.map(lambda a, g: a - RATE * g, at, pull(y * weights))

        return jax.lax.fori_loop(0, passes, one, (x, kernel)) if passes else one(0, (x, kernel))

    x, kernel, weights = map(jnp.asarray, (x, kernel, np.sign(x)))
    while True:
        at = (x, kernel)
        for _ in range(1 if looped else passes):
            at = run(*at, weights, passes if looped else None)
        jax.block_until_ready(at)
        yield


def in_torch(x: np.ndarray, kernel: np.ndarray, passes: int) -> Iterator[None]:
    """The same in eager PyTorch, channels last."""
    import torch

    def last(a):
        a = torch.tensor(a).permute(0, 3, 1, 2)
        return a.contiguous(memory_format=torch.channels_last)

    at = [last(x), torch.tensor(kernel).permute(2, 0, 1)[:, None].contiguous()]
    weights = last(np.sign(x))
    for a in at:
        a.requires_grad_()
    while True:
        for _ in range(passes):
            y = torch.nn.functional.conv2d(*at, padding=1, groups=x.shape[-1])
            gradients = torch.autograd.grad(y, at, y.detach() * weights)
            with torch.no_grad():
                for a, g in zip(at, gradients, strict=True):
                    a -= RATE * g
        yield


def pointwise(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A 1x1 convolution as `image_parts.Pointwise` does it."""
    flat = channel_dot(x.reshape(len(x), -1, x.shape[-1]), kernel[0, 0])
    return flat.reshape(x.shape)


def cases() -> Iterator[tuple[str, np.ndarray, np.ndarray, dict[str, Callable]]]:
    """Of each what it is called, images, kernel, and ours and XLA's function of both."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    for side, channels in DEPTHWISE:
        both = {OURS: depthwise, "XLA": _convolve}
        yield "depthwise", normal(BATCH, side, side, channels), normal(3, 3, channels), both
    for name, width, ours in (("3x3", 3, conv3x3), ("1x1", 1, pointwise)):
        for side, channels in FULL:
            kernel = normal(width, width, channels, channels) / (width * channels**0.5)
            both = {OURS: ours, "XLA": xla_convolution}
            yield name, normal(BATCH, side, side, channels), kernel.astype(np.float32), both


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--passes", type=int, default=5, help="passes a round")
    arguments = parser.parse_args()
    torch = bool(importlib.util.find_spec("torch"))
    if not torch:
        print("PyTorch is left out: pip install -r requirements-bench.txt")
    print(f"ms a pass of {BATCH} images, {jax.default_backend()}:")
    for case, x, kernel, both in cases():
        how = (x, kernel, arguments.passes)
        peers = {name: in_jax(function, *how, looped=True) for name, function in both.items()}
        peers["XLA step by step"] = in_jax(both["XLA"], *how, looped=False)
        if torch and case == "depthwise":
            peers["PyTorch"] = in_torch(x, kernel, arguments.passes)
        times = measure(peers, arguments.rounds, arguments.passes)
        side, channels = x.shape[2:]
        cells = [f"{case:9s} {side:3d} x {side:<3d}x {channels:<4d}"]
        for name, of_rounds in times.items():
            cell = f"{name} {statistics.median(of_rounds):.1f}"
            if name != OURS:
                cell += f" (ours takes {ratio(times[OURS], of_rounds):.3f} of it)"
            cells.append(cell)
        print("  ".join(cells), flush=True)


if __name__ == "__main__":
    main()
