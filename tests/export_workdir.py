"""Work folders with untrained networks, for export: what a run leaves, in a second instead of minutes."""

import jax
import jax.numpy as jnp

from configs import activity
from hybrid_jax import embedding_files
from hybrid_jax.data import TRAIN
from hybrid_jax.embedded import LayerFeatures
from hybrid_jax.experiment import setup, workdir
from hybrid_jax.reduction import pca

LAYER, DIM, NOISE = "fc_2", 4, 0.3


def write(folder, methods=("simple", "advanced"), clip_norm=None, config=None):
    """A folder of `configs/activity.py:smoke` or another config, whose last layer it embeds.

    Returns the embeddings in it by method, as they were saved.
    """
    config = config or activity.get_config("smoke")
    layer = config.layers[-1]
    task = setup.load_task(config)
    workdir.create(folder, config)
    key = jax.random.key(0)
    variables = jax.tree.map(jnp.asarray, task.init(key))
    features = LayerFeatures.extract(task, layer, variables, 0.3, 10.0)
    reduction = pca.fit(features.features[TRAIN], DIM)
    found = {}
    for method in methods:
        embedded = features.embed(method, "pca", reduction, key, clip_norm)
        embedding_files.save(folder, embedded, config.model.to_dict(), NOISE * embedded.noisy)
        found[method] = embedded
    return found
