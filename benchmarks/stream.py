"""Training on windows that Grain's workers stream, against the same windows on the device.

    python -m benchmarks.stream                # MotionSense where HYBRID_JAX_DATA names it, else the simulator

Rounds of the two take turns, so that whatever else the machine does hits both. A round is long, because meanwhile the
workers get about 100 steps ahead. The share of time waiting is that of the streamed rounds; the device may have been at
work for a part of it.
"""

import argparse
import os
import statistics
from collections.abc import Iterator
from dataclasses import replace

import jax

from benchmarks.train_step import WARM_UP, measure
from benchmarks.train_step_peers import MARGIN, WEIGHT, in_jax, task_of
from hybrid_jax import optimizers, train
from hybrid_jax.data import motionsense, simulated
from hybrid_jax.data.stream import Stream
from hybrid_jax.task import Task, TaskLoss

LAYER = "conv_4"


def streamed(task: Task, stream: Stream, steps: int, num_steps: int) -> Iterator[None]:
    """`in_jax` with the windows streamed; rounds for `num_steps`."""
    optimizer = optimizers.adam(1e-3, num_steps=1)
    calls = train.fit_stream(
        TaskLoss(task.network, task.samples.inputs, LAYER),
        train.init(task.init(jax.random.key(0))["params"], optimizer),
        task.device_data(WEIGHT, MARGIN),
        stream,
        jax.random.key(1),
        optimizer=optimizer,
        num_steps=num_steps,
        steps_per_call=steps,
    )
    for state, _ in calls:
        jax.block_until_ready(state)
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=400, help="steps a round")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    real = "HYBRID_JAX_DATA" in os.environ
    windows = motionsense.load() if real else simulated.load(num_subjects=12)
    task = task_of(windows)
    away = replace(task, workers=arguments.workers)
    stream = away.stream(arguments.batch_size)
    steps = arguments.steps
    peers = {
        "on the device": in_jax(task, arguments.batch_size, steps, LAYER),
        "streamed": streamed(away, stream, steps, (arguments.rounds + WARM_UP) * steps),
    }
    times = measure(peers, arguments.rounds, steps)
    next(peers["streamed"], None)  # it ends, and closes the stream
    base = statistics.median(times["on the device"])
    print(
        f"ms a step, {windows.dataset}, batch {arguments.batch_size}, {arguments.workers} workers, "
        f"{jax.default_backend()}:"
    )
    for name, of_rounds in times.items():
        middle, low, high = statistics.median(of_rounds), min(of_rounds), max(of_rounds)
        print(f"{name:14s}{middle:7.2f} ({low:.2f} to {high:.2f})  {middle / base:5.2f} x")
    # `seconds` counts the other's rounds too, in which this one only gets ahead.
    taken = sum(times["streamed"]) * steps / 1e3
    print(
        f"{stream.waited / taken:.2%} of the streamed rounds' {taken:.1f} s waiting for data; "
        f"{stream.startup:.1f} s for the workers to start"
    )


if __name__ == "__main__":
    main()
