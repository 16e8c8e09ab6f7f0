"""Forward and backward pass of a depthwise 3x3 convolution, against XLA's and PyTorch's.

    python -m benchmarks.depthwise             # PyTorch takes part where requirements-bench.txt is installed

At the sizes of mini_XCEPTION's blocks, 32 images. Each pass moves input and kernel against their gradient, as a step of
training does, so that none can be left out. Rounds alternate between the peers.
"""

import argparse
import importlib.util
import statistics
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.train_step import measure, ratio
from hybrid_jax.models.depthwise import _convolve, depthwise

BATCH = 32
SIZES = ((60, 8), (60, 16), (30, 32), (15, 64), (8, 128))  # side of the image, channels
RATE = 1e-6
OURS = "hybrid-jax"


def in_jax(function: Callable, x: np.ndarray, kernel: np.ndarray, passes: int) -> Iterator[None]:
    """Rounds of passes of `function(x, kernel)`, in one compiled loop."""

    @jax.jit
    def run(x, kernel, weights):
        def one(_, at):
            y, pull = jax.vjp(function, *at)
            return jax.tree.map(lambda a, g: a - RATE * g, at, pull(y * weights))

        return jax.lax.fori_loop(0, passes, one, (x, kernel))

    x, kernel, weights = map(jnp.asarray, (x, kernel, np.sign(x)))
    while True:
        jax.block_until_ready(run(x, kernel, weights))
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--passes", type=int, default=5, help="passes a round")
    arguments = parser.parse_args()
    torch = bool(importlib.util.find_spec("torch"))
    if not torch:
        print("PyTorch is left out: pip install -r requirements-bench.txt")
    rng = np.random.default_rng(0)
    print(f"ms a pass of {BATCH} images, {jax.default_backend()}:")
    for side, channels in SIZES:
        x = rng.normal(size=(BATCH, side, side, channels)).astype(np.float32)
        kernel = rng.normal(size=(3, 3, channels)).astype(np.float32)
        peers = {
            OURS: in_jax(depthwise, x, kernel, arguments.passes),
            "XLA": in_jax(_convolve, x, kernel, arguments.passes),
        }
        if torch:
            peers["PyTorch"] = in_torch(x, kernel, arguments.passes)
        times = measure(peers, arguments.rounds, arguments.passes)
        cells = [f"{side:3d} x {side:<3d}x {channels:<4d}"]
        for name, of_rounds in times.items():
            cell = f"{name} {statistics.median(of_rounds):.1f}"
            if name != OURS:
                cell += f" (ours takes {ratio(times[OURS], of_rounds):.2f} of it)"
            cells.append(cell)
        print("  ".join(cells), flush=True)


if __name__ == "__main__":
    main()
