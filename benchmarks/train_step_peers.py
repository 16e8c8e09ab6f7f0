"""The training step by ours, by plain Flax and by PyTorch, each as a generator: a `next` is one round of steps.

Arguments of all: the task; the batch size; steps a round; and the layer of the contrastive term, `None` for
cross-entropy alone. Data lies in memory, batches are gathered from it by index.
"""

from collections.abc import Iterator
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from hybrid_jax import optimizers, train
from hybrid_jax.data import Windows
from hybrid_jax.models.mtcnn import ConvStage, mtcnn
from hybrid_jax.stages import Network
from hybrid_jax.task import Task, TaskLoss

WEIGHT, MARGIN = 1.0, 10.0
Peer = Iterator[None]


class FlaxConvStage(nn.Module):
    """`ConvStage` as one writes it first: `nn.Conv` with kernels (1, k), `nn.max_pool`, `nn.Dropout`."""

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


class FlaxDenseStage(nn.Module):
    """A dense stage of the convolutional part as one writes it first: `nn.Dense`."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        return nn.relu(nn.Dense(self.features, name="dense")(x))


def plain(network: Network) -> Network:
    """The same network, parameters and all, of Flax's own layers."""

    def written_first(stage):
        if isinstance(stage.module, ConvStage):
            return replace(stage, module=FlaxConvStage(stage.module))
        if stage.name.startswith("dense"):
            return replace(stage, module=FlaxDenseStage(stage.module.features))
        return stage

    return Network(tuple(map(written_first, network.stages)))


def in_jax(task: Task, batch_size: int, steps: int, layer: str | None) -> Peer:
    """Rounds of `hybrid_jax.train`, as in a phase of the experiment."""
    optimizer = optimizers.adam(1e-3, num_steps=1)
    calls = train.fit(
        TaskLoss(task.network, task.samples.inputs, layer),
        train.init(task.init(jax.random.key(0))["params"], optimizer),
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


def in_plain_flax(task: Task, batch_size: int, steps: int, layer: str | None) -> Peer:
    """Rounds of the same loss on `plain(network)`, a jitted step a call: inside a loop XLA:CPU is slower still."""
    loss = TaskLoss(plain(task.network), task.samples.inputs, layer)
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


def in_torch(
    task: Task, batch_size: int, steps: int, layer: str | None, compiled: bool = False
) -> Peer:
    """Rounds of PyTorch in its fastest layout on CPU, channels last; eager, or by `torch.compile`."""
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
    rows = torch.tensor(task.samples.rows)
    starts = torch.tensor(task.samples.starts[task.train_indices]).long()
    labels = torch.tensor(task.labels(task.primary)[task.train_indices]).long()
    time_steps = torch.arange(task.samples.window)
    upper = torch.ones(batch_size, batch_size).triu(1)

    def objective(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        feature = extractor(x)
        loss = F.cross_entropy(classifier(feature), y)
        if layer is None:
            return loss
        flat = feature.flatten(1)
        flat = flat - flat.mean(0)
        gram = flat @ flat.T
        squared = (gram.diag()[:, None] + gram.diag() - 2 * gram).clamp(min=1e-12)
        apart = (MARGIN - squared.sqrt()).clamp(min=0).square()
        cost = torch.where(y[:, None] == y, squared, apart)
        return loss + WEIGHT * (cost * upper).sum() / upper.sum() / 2

    if compiled:
        objective = torch.compile(objective)
    while True:
        for _ in range(steps):
            chosen = torch.randint(len(starts), (batch_size,))
            x = rows[starts[chosen, None] + time_steps].transpose(1, 2)[:, None]
            loss = objective(x.contiguous(memory_format=torch.channels_last), labels[chosen])
            adam.zero_grad()
            loss.backward()
            adam.step()
        yield


def task_of(windows: Windows) -> Task:
    """The task that all are timed on."""
    return Task(mtcnn({"activity": len(windows.classes["activity"])}), windows, "activity")
