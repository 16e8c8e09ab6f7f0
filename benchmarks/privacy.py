"""The rank privacy measure against other ways to the same number: time and peak memory in one run.

    python -m benchmarks.privacy                                      # every peer, as ratios to ours
    python -m benchmarks.privacy --scaling                            # ours from N = 4,096 to 65,536
    python -m benchmarks.privacy --memory --only=ours --samples=65536

One noise level, one draw, gallery `self`. Each peer takes turns with ours, so that whatever else the machine does hits
both. Those of requirements-bench.txt that are not installed are named and left out. Peak memory is that of a process of
its own, compilation included, above what it holds once everything is imported.
"""

import argparse
import importlib.util
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import privacy_peers as peers
from benchmarks.privacy_peers import Case

SCALING = tuple(2**power for power in range(12, 17))
ON_CPU, ON_GPU = [2**power for power in range(15, 20)], [2**22, 2**24, 2**26]  # pairs of a block
SETTLING = 0.3  # seconds: threads of OpenMP spin for a while before they sleep
OF_A_CASE = ("dim", "classes", "noise_std", "queries")


class Peer(NamedTuple):
    """Its function, see `privacy_peers`; the module that it imports; and what else is true of it."""

    run: Callable[[Case, int], np.ndarray]
    needs: str = "numpy"
    tuned: bool = False  # takes the block that is fastest here
    compiles: bool = False  # with a C++ compiler
    slow: bool = False  # is asked fewer queries
    most: float = np.inf  # samples beyond which its arrays do not fit

    def missing(self, samples: int) -> str | None:
        """Why it is left out."""
        package = self.needs.split(".")[0]
        if not importlib.util.find_spec(package):
            return f"it needs {package}: pip install -r requirements-bench.txt"
        if self.compiles and not shutil.which("g++"):
            return "it needs a C++ compiler, g++"
        return "its arrays of N x N do not fit" if samples > self.most else None

    @property
    def blocks(self) -> list[int]:
        return ON_GPU if jax.default_backend() == "gpu" and self.needs == "torch" else ON_CPU


# By mode; the first of each is ours.
MODES = {
    "classes": {
        "ours": Peer(peers.ours),
        "numpy": Peer(peers.in_numpy, tuned=True),
        "torch-dense": Peer(peers.in_torch_dense, "torch", most=2**15),
        "torch-blocked": Peer(peers.in_torch_blocked, "torch", tuned=True),
        "torch-compiled": Peer(peers.in_torch_compiled, "torch", tuned=True, compiles=True),
        "keops": Peer(peers.in_keops, "pykeops.numpy", compiles=True),
        "sklearn": Peer(peers.in_sklearn, "sklearn.neighbors", slow=True),
        "scipy": Peer(peers.in_scipy, "scipy.stats", slow=True),
    },
    "instance": {
        "ours-instance": Peer(peers.ours_instance),
        "numpy-instance": Peer(peers.in_numpy_instance, tuned=True),
        "torch-instance": Peer(peers.in_torch_instance, "torch", tuned=True),
    },
}
PEERS = {name: peer for of_mode in MODES.values() for name, peer in of_mode.items()}


def case_of(name: str, samples: int, arguments: argparse.Namespace) -> Case:
    case = Case.simulated(samples, arguments.dim, arguments.classes, arguments.noise_std)
    return replace(case, asked=min(arguments.queries, samples)) if PEERS[name].slow else case


def clock(peer: Peer, case: Case, pairs: int) -> float:
    """Milliseconds of a call, right after others that wake its threads and let those of the peer before rest."""
    began = time.perf_counter()
    while time.perf_counter() - began < SETTLING:
        peer.run(case, pairs)
    began = time.perf_counter()
    peer.run(case, pairs)
    return 1e3 * (time.perf_counter() - began)


def spread(values: list[float], digits: int) -> str:
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def compare(names: list[str], samples: int, arguments: argparse.Namespace) -> float:
    """Prints a line for each, of which the first is ours; returns the pairs a second of ours."""
    cases, pairs, found = {}, {}, {}
    for name in names:
        peer = PEERS[name]
        if missing := peer.missing(samples):
            print(f"{name:14s} left out: {missing}")
            continue
        case = cases[name] = case_of(name, samples, arguments)
        found[name] = peer.run(case, peer.blocks[0])  # compiles
        pairs[name] = peer.blocks[0]
        if peer.tuned:
            tried = [(clock(peer, case, size), size) for size in 2 * peer.blocks]
            pairs[name] = min(tried)[1]
    ours = names[0]
    times, ratios = {name: [] for name in cases}, {name: [] for name in cases}
    for _ in range(arguments.rounds):
        for name, case in cases.items():
            just_before = clock(PEERS[ours], cases[ours], pairs[ours])
            times[ours].append(just_before)
            if name != ours:
                spent = clock(PEERS[name], case, pairs[name]) * samples / case.asked
                times[name].append(spent)
                ratios[name].append(spent / just_before)
    print(f"{'':14s} {'ms, median (least to most)':32s} x ours   peak MB  rank / K less ours")
    for name, case in cases.items():
        less_ours = found[name].mean() - found[ours][: case.asked].mean()
        print(
            f"{name:14s} {spread(times[name], 1):32s} "
            f"{statistics.median(ratios[name] or [1]):6.3g}  "
            f"{memory_of_new_process(name, samples, arguments):8.1f}  "
            f"{found[name].mean():.6f} {less_ours:+.1e}"
            + (f"  {pairs[name]} pairs a block" if PEERS[name].tuned else "")
            + (f"  {case.asked} queries; time scaled to all" if PEERS[name].slow else "")
        )
    return 1e3 * samples**2 / statistics.median(times[ours])


def exponentials(rounds: int) -> float:
    """A second, of XLA alone: a loop over 2**18 floats, which stay in the cache (on a GPU 2**26, to fill it)."""
    size, times = 2**18 if jax.default_backend() == "cpu" else 2**26, 256
    loop = jax.jit(lambda x: jax.lax.fori_loop(0, times, lambda _, x: jnp.exp(-x), x))
    x, seconds = jnp.linspace(0.0, 1.0, size), []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        loop(x).block_until_ready()
        seconds.append(time.perf_counter() - began)
    return times * size / statistics.median(seconds[1:])


def peak() -> int:
    """Most bytes that this process has held so far: of the GPU where there is one, else resident."""
    if jax.default_backend() == "gpu":
        torch = sys.modules.get("torch")
        of_torch = torch.cuda.max_memory_allocated() if torch else 0
        return jax.local_devices()[0].memory_stats()["peak_bytes_in_use"] + of_torch
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where ru_maxrss of a new process begins with that of its parent
        return 1024 * int(re.search(r"VmHWM:\s*(\d+)", status.read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def memory(name: str, samples: int, arguments: argparse.Namespace) -> float:
    """MB that a peer's first call takes above what this process has held so far."""
    case = case_of(name, samples, arguments)
    importlib.import_module(PEERS[name].needs)
    _ = case.noisy  # starts JAX, for every peer alike
    before = peak()
    PEERS[name].run(case, PEERS[name].blocks[0])
    return (peak() - before) / 1e6


def memory_of_new_process(name: str, samples: int, arguments: argparse.Namespace) -> float:
    values = vars(arguments) | {"only": name, "samples": samples}
    flags = [f"--{flag}={values[flag]}" for flag in ("only", "samples", *OF_A_CASE)]
    command = [sys.executable, "-m", "benchmarks.privacy", "--memory", *flags]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(re.search(r"([\d.]+) MB", done.stdout)[1])


def print_scaling(arguments: argparse.Namespace) -> None:
    for samples in SCALING:
        case = case_of("ours", samples, arguments)
        times = [clock(PEERS["ours"], case, 0) for _ in range(arguments.rounds + 1)]
        per_pair = [1e6 * time / samples**2 for time in times[1:]]
        print(f"ours, N = {samples}: {spread(per_pair, 3)} ns a pair")


def print_peers(samples: int, arguments: argparse.Namespace) -> None:
    for mode, of_mode in MODES.items():
        ours, *others = of_mode
        if arguments.only:
            others = [name for name in others if name == arguments.only]
        if arguments.only in (None, ours, *others):
            print(f"{mode}, N = {samples}:")
            rate = compare([ours, *others], samples, arguments)
            if mode == "classes":
                alone = exponentials(arguments.rounds)
                print(
                    f"ours: {rate / 1e9:.2f} billion pairs a second, {rate / alone:.2f} of the "
                    f"{alone / 1e9:.2f} billion exponentials that XLA alone reaches"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", default="8192,16384", help="N, separated by commas")
    parser.add_argument("--dim", type=int, default=8)
    parser.add_argument("--classes", type=int, default=24)
    parser.add_argument("--noise_std", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--queries", type=int, default=512, help="of the slow peers")
    parser.add_argument("--only", choices=PEERS, help="this peer, beside ours")
    parser.add_argument("--memory", action="store_true", help="only the peak of --only, or of ours")
    parser.add_argument("--scaling", action="store_true", help="only ours, over N")
    arguments = parser.parse_args()
    # On a GPU, JAX would take most of the memory from PyTorch and from the processes that measure it.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    print(
        f"{jax.default_backend()}, d = {arguments.dim}, K = {arguments.classes}, "
        f"noise_std {arguments.noise_std}, {arguments.rounds} rounds"
    )
    if arguments.scaling:
        print_scaling(arguments)
        return
    for samples in map(int, arguments.samples.split(",")):
        if arguments.memory:
            name = arguments.only or "ours"
            print(f"{name}, N = {samples}: {memory(name, samples, arguments):.1f} MB")
        else:
            print_peers(samples, arguments)


if __name__ == "__main__":
    main()
