"""What `test_mesh.py` computes twice: on one device, and run as a program on several.

XLA_FLAGS=--xla_force_host_platform_device_count=8 python tests/mesh_program.py FOUND.npz
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from hybrid_jax import inference, losses, mesh, train
from hybrid_jax.data.stream import Stream
from hybrid_jax.errors import UserError
from hybrid_jax.models.mtcnn import ConvStage, DenseStage, Heads
from hybrid_jax.phase import Budget
from hybrid_jax.privacy import adversary, fused, ring
from hybrid_jax.privacy.request import Request
from hybrid_jax.reduction import pca
from hybrid_jax.stages import Network, Stage

SIZE, BATCH = 100, 16
NOISE = [0.0, 0.05, 0.5, 3.0, 1e4, np.inf]

NETWORK = Network(
    (
        Stage("conv", ConvStage(6, 5, pool=2, dropout=0.2)),
        Stage("fc", DenseStage(16, dropout=0.4, flatten=True)),
        Stage("output", Heads((("activity", 3),))),
    )
)


def loss(params, model_state, data, indices, key):
    """As the networks are trained: dropout, and all pairs of the batch."""
    logits, features = NETWORK.apply(
        {"params": params}, data["x"][indices], True, rngs={"dropout": key}
    )
    weights = {"contrastive_weight": jnp.float32(0.3), "margin": jnp.float32(3.0)}
    total, terms = losses.multi_objective(logits, features["fc"], data["y"][indices], **weights)
    return total, (terms, model_state)


def start():
    """What training begins with, its data and its optimizer.

    Plain gradients: Adam makes a whole step of a gradient that is rounding alone.
    """
    generator = np.random.default_rng(0)
    x = generator.normal(size=(SIZE, 3, 20)).astype(np.float32)
    shapes = jax.eval_shape(NETWORK.init, jax.random.key(0), x)["params"]
    params = jax.tree.map(lambda a: generator.normal(0, 0.3, a.shape).astype(np.float32), shapes)
    optimizer = optax.sgd(0.05)
    data = {"x": x, "y": (np.arange(SIZE) % 3).astype(np.int32)}
    return train.init(params, optimizer), data, optimizer


def trained():
    """State and terms at three stops, as `train.fit` comes by them, and the program that XLA made."""
    state, data, optimizer = start()
    rest = (jax.tree.map(jnp.asarray, data), jnp.arange(SIZE, dtype=jnp.int32), jax.random.key(1))
    settings = {"loss": loss, "optimizer": optimizer, "batch_size": BATCH}
    run = train._run.lower(state, *rest, jnp.int32(0), **settings).compile()
    found = []
    for stop in (5, 10, 12):
        state, terms = run(state, *rest, jnp.int32(stop))
        found.append(jax.tree.map(np.array, (state.params, terms)))
    return found, run.as_text()


@dataclass(frozen=True)
class Load:
    """A stream's: rows of `data`."""

    data: dict

    def __call__(self, numbers):
        return {name: a[numbers] for name, a in self.data.items()}


def streamed(shard=(0, 1)):
    """State and terms at two stops of training on a stream, and what each device holds of its first group."""
    state, data, optimizer = start()
    stream = Stream(Load(data), np.arange(SIZE, dtype=np.int32), BATCH, workers=0, shard=shard)
    groups = stream.groups(np.uint32(7), 0, 1)
    held = [np.asarray(part.data) for part in next(groups)["x"].addressable_shards]
    groups.close()
    steps = train.fit_stream(
        loss,
        state,
        {},
        stream,
        jax.random.key(1),
        optimizer=optimizer,
        num_steps=12,
        steps_per_call=6,
    )
    return [jax.tree.map(np.array, (state.params, terms)) for state, terms in steps], held


def reduced():
    """Principal components by the covariance, the last block ragged; and by the Gram matrix, of an odd width."""
    generator = np.random.default_rng(1)
    scale = 1 / np.arange(1, 302)
    for shape in ((531, 21), (50, 301)):
        features = generator.normal(size=shape) * scale[: shape[1]]
        yield pca.fit(features.astype(np.float32), 4, block_size=100)


def mapped():
    """A function of more samples than a block holds, and of fewer than there are devices."""
    samples = np.random.default_rng(2).normal(size=(300, 2)).astype(np.float32)
    for n in (300, 5):
        yield inference.map_blocks(jnp.multiply, jnp.float32(3.0), samples[:n], block_size=16)


def private():
    """Outcomes of an odd number of queries, in several blocks, with and without exclusion, and of mode 'instance'."""
    generator = np.random.default_rng(3)
    total, sizes = 83, [1, 90, 3, 40, 20, 10, 7]  # one class has a single sample
    features = generator.normal(size=(total, 5)).astype(np.float32)
    features[7] = features[12]
    labels, within = np.arange(total) % len(sizes), np.arange(total) % 10
    overlap = {"recording": np.arange(total) // 10, "start": 10 * within, "window": 25}
    other = {
        "gallery_features": generator.normal(size=(sum(sizes), 5)).astype(np.float32),
        "gallery_labels": generator.permutation(np.repeat(np.arange(len(sizes)), sizes)),
    }
    for settings, blocks in (
        ({"gallery": "leave_one_out", **overlap}, {"query_block": 32, "gallery_block": 8}),
        ({"mode": "instance"}, {}),
        ({"gallery": "held_out", **other}, {"query_block": 32, "gallery_block": 8}),
    ):
        key = jax.random.key(4)
        request = Request.check(features, labels, noise_std=NOISE, key=key, num_draws=2, **settings)
        yield adversary.outcomes(request, **blocks)


def everything():
    # With several devices XLA sums, and so it does here: the other loops round in another order.
    fused.serves = lambda dim: False
    states, program = trained()
    return {
        "train": states,
        "program": program,
        "stream": streamed(),
        "pca": list(reduced()),
        "map": list(mapped()),
        "privacy": list(private()),
    }


def shards(array):
    """What each device holds."""
    return [np.asarray(shard.data) for shard in array.addressable_shards]


@mesh.over_all_devices()
def main(path):
    found = everything()
    try:
        Budget(1.0, 1e-3, "constant", 12).steps(SIZE)
    except UserError as error:
        found["refused"] = str(error)
    rows = jax.jit(mesh.split)(jnp.arange(16.0))
    found |= {
        "shards": shards(rows),
        "whole": shards(jax.jit(mesh.whole)(rows)),
    }
    found["sent"] = shards(mesh.sent(np.arange(16.0), mesh.SPLIT))
    ring.LARGEST = 0
    around, found["turns"] = ring.around, 0

    def counted(*arguments):
        found["turns"] += 1
        return around(*arguments)

    ring.around = counted
    found["ring"] = list(private())
    np.save(Path(path), np.array(found, dtype=object))


if __name__ == "__main__":
    main(sys.argv[1])
