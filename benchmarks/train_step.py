"""One training step of the activity experiment, against the same network in plain Flax and in PyTorch.

    python -m benchmarks.train_step            # PyTorch takes part where requirements-bench.txt is installed

Each peer takes Adam steps of the Siamese objective (cross-entropy and all in-batch pairs at Conv-4) on windows of the
simulator that lie in memory. Rounds alternate between the peers, so that whatever else the machine does hits all.
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from hybrid_jax import optimizers, train
from hybrid_jax.data import simulated
from hybrid_jax.models.mtcnn import ConvStage, mtcnn
from hybrid_jax.stages import Network
from hybrid_jax.task import Task, WindowLoss

LAYER, WEIGHT, MARGIN = "conv_4", 1.0, 10.0
Peer = Iterator[None]  # each `next` is one round of steps, done when it returns


class FlaxConvStage(nn.Module):
    """`ConvStage` as one writes it first: `nn.Conv` with kernels (1, k), `nn.max_pool`."""

    stage: ConvStage

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        stage = self.stage
        x = x[..., None] if x.ndim == 3 else x
        if stage.pool > 1:
            x = nn.max_pool(x, (1, stage.pool), strides=(1, stage.pool))
        x = nn.Dropout(stage.dropout, deterministic=not train)(x)
        conv = nn.Conv(stage.features, (1, stage.width), padding=stage.padding, name="conv")
        return nn.relu(conv(x))


def plain(network: Network) -> Network:
    """The same network with every convolution a `FlaxConvStage`."""
    return Network(
        tuple(
            replace(stage, module=FlaxConvStage(stage.module))
            if isinstance(stage.module, ConvStage)
            else stage
            for stage in network.stages
        )
    )


def in_jax(task: Task, batch_size: int, steps: int) -> Peer:
    """Rounds of `hybrid_jax.train`, as in a phase of the experiment."""
    optimizer = optimizers.adam(1e-3, num_steps=1)
    state = train.init(task.init(jax.random.key(0))["params"], optimizer)
    calls = train.fit(
        WindowLoss(task.network, task.windows.window, LAYER),
        state,
        task.device_data(WEIGHT, MARGIN),
        jnp.asarray(task.train_indices),
        jax.random.key(1),
        optimizer=optimizer,
        batch_size=batch_size,
        num_steps=10**9,
        steps_per_call=steps,
    )
    for state, _ in calls:
        jax.block_until_ready(state)
        yield


def in_plain_flax(task: Task, batch_size: int, steps: int) -> Peer:
    """Rounds of the same loss on `plain(network)`, a jitted step a call: inside a loop XLA:CPU is slower still."""
    loss = WindowLoss(plain(task.network), task.windows.window, LAYER)
    data, optimizer = task.device_data(WEIGHT, MARGIN), optax.adam(1e-3)

    @jax.jit
    def step(params, opt_state, indices, key):
        gradients, _ = jax.grad(loss, has_aux=True)(params, {}, data, indices, key)
        updates, opt_state = optimizer.update(gradients, opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    params = task.init(jax.random.key(0))["params"]
    opt_state = optimizer.init(params)
    rng, train_indices = np.random.default_rng(0), task.train_indices
    while True:
        for _ in range(steps):
            key = jax.random.key(rng.integers(2**31))
            chosen = rng.choice(train_indices, batch_size, replace=False)
            params, opt_state = step(params, opt_state, chosen, key)
        jax.block_until_ready(params)
        yield


def in_torch(task: Task, batch_size: int, steps: int) -> Peer:
    """Rounds of eager PyTorch in its fastest layout on CPU, channels last."""
    import torch
    from torch import nn as tnn
    from torch.nn import functional as F

    def conv(inputs: int, outputs: int, width: int, padding: int = 0) -> list[tnn.Module]:
        return [tnn.Conv2d(inputs, outputs, (1, width), padding=(0, padding)), tnn.ReLU()]

    extractor = tnn.Sequential(
        *conv(1, 50, 5),
        *conv(50, 50, 3, 1),
        *conv(50, 50, 1),
        *(tnn.MaxPool2d((1, 2)), tnn.Dropout(0.2)),
        *conv(50, 40, 5),
        *conv(40, 40, 1),
        *(tnn.MaxPool2d((1, 3)), tnn.Dropout(0.2)),
        *conv(40, 20, 3),
    ).to(memory_format=torch.channels_last)
    classifier = tnn.Sequential(
        *(tnn.Dropout(0.2), tnn.Flatten(), tnn.Linear(960, 400), tnn.ReLU()),
        *(tnn.Dropout(0.4), tnn.Linear(400, 64), tnn.ReLU()),
        tnn.Linear(64, task.num_classes(task.primary)),
    )
    adam = torch.optim.Adam([*extractor.parameters(), *classifier.parameters()], lr=1e-3)
    rows = torch.tensor(task.windows.rows)
    starts = torch.tensor(task.windows.starts[task.train_indices]).long()
    labels = torch.tensor(task.labels(task.primary)[task.train_indices]).long()
    time_steps = torch.arange(task.windows.window)
    upper = torch.ones(batch_size, batch_size).triu(1)
    while True:
        for _ in range(steps):
            chosen = torch.randint(len(starts), (batch_size,))
            x = rows[starts[chosen, None] + time_steps].transpose(1, 2)[:, None]
            y = labels[chosen]
            feature = extractor(x.contiguous(memory_format=torch.channels_last))
            flat = feature.flatten(1)
            flat = flat - flat.mean(0)
            gram = flat @ flat.T
            squared = (gram.diag()[:, None] + gram.diag() - 2 * gram).clamp(min=1e-12)
            apart = (MARGIN - squared.sqrt()).clamp(min=0).square()
            cost = torch.where(y[:, None] == y, squared, apart)
            contrastive = (cost * upper).sum() / upper.sum() / 2
            loss = F.cross_entropy(classifier(feature), y) + WEIGHT * contrastive
            adam.zero_grad()
            loss.backward()
            adam.step()
        yield


def measure(peers: dict[str, Peer], rounds: int, steps: int) -> dict[str, list[float]]:
    """Milliseconds a step of each round by peer, after one round that compiles and warms up."""
    times = {name: [] for name in peers}
    for number in range(rounds + 1):
        for name, peer in peers.items():
            began = time.perf_counter()
            next(peer)
            if number:
                times[name].append(1e3 * (time.perf_counter() - began) / steps)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20, help="steps a round")
    arguments = parser.parse_args()
    windows = simulated.load(num_subjects=12)
    network = mtcnn({"activity": len(windows.classes["activity"])})
    task = Task(network, windows, "activity")
    make: dict[str, Callable] = {"hybrid-jax": in_jax, "plain Flax": in_plain_flax}
    if importlib.util.find_spec("torch"):
        make["PyTorch"] = in_torch
    else:
        print("PyTorch is left out: pip install -r requirements-bench.txt")
    peers = {name: peer(task, arguments.batch_size, arguments.steps) for name, peer in make.items()}
    times = measure(peers, arguments.rounds, arguments.steps)
    ours = statistics.median(times["hybrid-jax"])
    print(f"ms a step, batch {arguments.batch_size}, {jax.default_backend()}:")
    for name, of_rounds in times.items():
        middle, low, high = statistics.median(of_rounds), min(of_rounds), max(of_rounds)
        print(f"{name:12s} {middle:7.1f} ({low:.1f} to {high:.1f})  {middle / ours:5.2f} x ours")


if __name__ == "__main__":
    main()
