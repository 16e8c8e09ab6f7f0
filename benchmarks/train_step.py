"""One training step of the activity experiment, against the same network in plain Flax and in PyTorch.

    python -m benchmarks.train_step            # PyTorch takes part where requirements-bench.txt is installed
    python -m benchmarks.train_step --network vgg16        # or mtcnn: one part alone

Each peer takes Adam steps on windows of the simulator that lie in memory: of cross-entropy alone, and of the Siamese
objective (with all in-batch pairs at Conv-4). Rounds alternate between the peers, so that whatever else the machine
does hits all; ratios are medians over rounds of ours to the peer's just after it. VGG-16 is timed likewise, in its
forward pass alone.
"""

import argparse
import importlib.util
import shutil
import statistics
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import jax

from benchmarks import forward_peers
from benchmarks import train_step_peers as peers
from benchmarks.train_step_peers import Peer
from hybrid_jax.data import simulated

LAYERS = {"cross-entropy": None, "Siamese": "conv_4"}
OURS = "hybrid-jax"
WARM_UP = 2  # rounds that are not counted
FORWARD = {OURS: forward_peers.in_jax, "PyTorch": forward_peers.in_torch}
FORWARD_BATCHES = (1, 8)
FORWARD_IMAGES = 8  # a round
Times = dict[Any, list[float]]


def available() -> dict[str, Callable[..., Peer]]:
    """Peers by name; those that cannot run here are named and left out."""
    found: dict[str, Callable[..., Peer]] = {OURS: peers.in_jax, "plain Flax": peers.in_plain_flax}
    if not importlib.util.find_spec("torch"):
        print("PyTorch is left out: pip install -r requirements-bench.txt")
        return found
    found["PyTorch"] = peers.in_torch
    if shutil.which("g++"):
        found["torch.compile"] = partial(peers.in_torch, compiled=True)
    else:
        print("torch.compile is left out: it needs a C++ compiler, g++")
    return found


def measure(rounds: dict[Any, Peer], number: int, steps: int) -> Times:
    """Milliseconds a step in each of `number` rounds, after those that compile and warm up."""
    times: Times = {name: [] for name in rounds}
    for turn in range(number + WARM_UP):
        for name, peer in rounds.items():
            began = time.perf_counter()
            next(peer)
            if turn >= WARM_UP:
                times[name].append(1e3 * (time.perf_counter() - began) / steps)
    return times


def ratio(ours: list[float], others: list[float]) -> float:
    """The median of ours to others, round by round."""
    return statistics.median(a / b for a, b in zip(ours, others, strict=True))


def report_peers(times: Times) -> None:
    """Prints each peer's times, and what part of them ours takes."""
    for (objective, name), of_rounds in times.items():
        middle, low, high = statistics.median(of_rounds), min(of_rounds), max(of_rounds)
        line = f"{objective:14s} {name:14s} {middle:7.1f} ms ({low:.1f} to {high:.1f})"
        if name != OURS:
            line += f"   ours takes {ratio(times[objective, OURS], of_rounds):.2f} of it"
        print(line, flush=True)


def report(times: Times) -> None:
    """Prints each peer's times, what part of them ours takes, and what the contrastive term costs."""
    report_peers(times)
    plain, siamese = (times[objective, OURS] for objective in LAYERS)
    print(f"Siamese takes {ratio(siamese, plain):.2f} of cross-entropy alone", flush=True)


def forward(names: Collection[str], number: int) -> None:
    """Times VGG-16's forward pass by these peers, and reports on it."""
    print(f"a forward pass of VGG-16 at 224 x 224, {jax.default_backend()}:")
    variables = forward_peers.variables_of()
    for batch_size in FORWARD_BATCHES:
        passes = FORWARD_IMAGES // batch_size
        images = forward_peers.images_of(batch_size)
        rounds = {
            (f"batch {batch_size}", name): peer(variables, images, passes)
            for name, peer in FORWARD.items()
            if name in names
        }
        report_peers(measure(rounds, number, passes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch_size", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--windows", type=int, default=1280, help="windows a round")
    parser.add_argument("--only", nargs="+", help="peers to time beside ours")
    networks = ("mtcnn", "vgg16")
    parser.add_argument("--network", nargs="+", choices=networks, default=networks)
    arguments = parser.parse_args()
    task = peers.task_of(simulated.load(num_subjects=12))
    make = {n: m for n, m in available().items() if n in (OURS, *(arguments.only or [n]))}
    if "vgg16" in arguments.network:
        forward(make, arguments.rounds)
    if "mtcnn" not in arguments.network:
        return
    for batch_size in arguments.batch_size:
        steps = max(1, arguments.windows // batch_size)
        rounds = {
            (objective, name): peer(task, batch_size, steps, layer)
            for objective, layer in LAYERS.items()
            for name, peer in make.items()
        }
        print(f"a step of {batch_size} windows, {jax.default_backend()}:")
        report(measure(rounds, arguments.rounds, steps))


if __name__ == "__main__":
    main()
