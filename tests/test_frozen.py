"""What is learned above frozen stages is what the whole network would learn, and they stay as they are."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from hybrid_jax import frozen, networks, phase
from hybrid_jax.data import simulated_faces
from hybrid_jax.models.mini_xception import mini_xception
from hybrid_jax.stages import Network
from hybrid_jax.task import Task

BUDGET = phase.Budget(1.0, 1e-3, "constant", 16)


@pytest.fixture(scope="module")
def task():
    faces = simulated_faces.load(num_people=14, images_per_person=4, side=24)
    whole = mini_xception({"gender": 2})
    # Two blocks are enough, and compile in half the time.
    return Task(Network((*whole.stages[:3], whole.stages[-1])), faces, "gender")


@pytest.fixture(scope="module")
def start(task):
    # Statistics that are not those of a fresh network.
    fresh = task.init(jax.random.key(0))
    return jax.tree.map(lambda a: a + 0.1 * np.arange(a.size).reshape(a.shape) / a.size, fresh)


def test_the_stages_above_give_on_features_what_the_network_gives_on_images(task, start):
    given = frozen.above(task, "block_1", frozen.features(task, "block_1", start))
    kept, own = frozen.halves(task, "block_1", start)
    numbers = np.arange(8, dtype=np.int32)
    x = task.inputs(task.device_data(), numbers)
    expected, _ = jax.jit(task.network.apply)(start, x)
    data = given.device_data()
    found, _ = jax.jit(given.network.apply)(own, given.inputs(data, numbers))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert given.input_shape == given.features.shape[1:] == (10, 10, 16)
    assert set(kept["params"]) == {"stem", "block_1"}
    jax.tree.map(np.testing.assert_array_equal, frozen.whole(kept, own), start)
    streamed = replace(given, workers=0)
    batch = streamed.load(numbers)
    np.testing.assert_array_equal(batch["features"], given.features[numbers])
    np.testing.assert_array_equal(batch["labels"], task.labels("gender")[numbers])


def test_fine_tuning_leaves_them_and_changes_the_others(task, start, tmp_path):
    training = networks.Training(
        task, tmp_path, jax.random.key(0), BUDGET, BUDGET, BUDGET, "caffe",
        start=start, complete=True, frozen="block_1",
    )  # fmt: skip
    assert training.pretrained() is start
    found = training.siamese(start, "block_2", 0.1, 10.0)
    assert jax.tree.structure(found) == jax.tree.structure(start)
    for stage, tree in found["params"].items():
        same = jax.tree.map(np.array_equal, tree, start["params"][stage])
        assert all(jax.tree.leaves(same)) == (stage in ("stem", "block_1")), stage
    # By its running statistics a network trains too, and keeps them.
    jax.tree.map(np.testing.assert_array_equal, found["batch_stats"], start["batch_stats"])
