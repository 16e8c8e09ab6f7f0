"""Attackers of the user's own, tried on a few numbers before anything is trained."""

import jax
import ml_collections
import numpy as np

from hybrid_jax.attacks import Knowledge, named
from hybrid_jax.embedding import embed
from hybrid_jax.errors import UserError
from hybrid_jax.experiment.strangers import strangers
from hybrid_jax.phase import Budget
from hybrid_jax.task import Task

BEST = "best"  # of all: what rows of results call it
DIM = 8  # coordinates of an upload
SAMPLES = 4  # of each class


def attackers(config: ml_collections.ConfigDict, task: Task) -> None:
    """Raises `UserError` for one that fails, or that gives no probabilities.

    Each is fitted on noise, under the labels of each target that it attacks, and knows an untrained network.
    """
    if "attack" not in config.evaluators or not config.layers:
        return
    for name in (name for kind, name in strangers(config) if kind == "attacker"):
        if name == BEST:
            raise UserError(
                f"attacker {BEST!r}: that is what results call the best of all: give yours another name"
            )
        for target in config.sensitive:
            if name in config.attack.only.get(target, (name,)):
                _attack(name, config, task, task.num_classes(target))


def _attack(name: str, config: ml_collections.ConfigDict, task: Task, num_classes: int) -> None:
    embedding = embed(task.network, config.layers[0], "reduced", input_shape=task.input_shape)
    width = int(np.prod(embedding.feature_shape))
    dim = min(DIM, width)
    reduced = {
        "mean": np.zeros(width, np.float32),
        "components": np.eye(dim, width, dtype=np.float32),
    }
    labels = np.arange(SAMPLES * num_classes) % num_classes
    normal = np.random.default_rng(0).standard_normal
    features, held, uploads = (normal((len(labels), dim), np.float32) for _ in range(3))
    key = jax.random.key(0)
    knowledge = Knowledge(
        noise_std=0.5,
        num_classes=num_classes,
        validation=(held, labels),
        key=key,
        embedding=embedding,
        variables=embedding.bind(task.init(key), jax.tree.map(jax.numpy.asarray, reduced)),
        budget=Budget(1.0, 1e-3, "constant", len(labels)),
        freeze=config.attack.freeze,
    )
    named.attack(name, knowledge, features, labels, uploads)
