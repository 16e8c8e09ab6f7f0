"""The authors' own pairs: one branch of the twin network with the other, and both branches' cross-entropy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from hybrid_jax import losses, train
from hybrid_jax.data import simulated_faces
from hybrid_jax.errors import UserError
from hybrid_jax.models.vgg16 import vgg16
from hybrid_jax.phase import Budget
from hybrid_jax.task import Task, TaskLoss


def given(size=6, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(size, 2, 3)).astype(np.float32)
    logits = rng.normal(size=(size, 2)).astype(np.float32)
    return logits, features, rng.integers(0, 2, size).astype(np.int32)


def test_it_is_the_sum_of_both_branches_and_of_eq_1_over_the_pairs():
    logits, features, labels = given()
    total, terms = losses.multi_objective(
        logits, features, labels, contrastive_weight=0.3, margin=4.0, pairs="aligned"
    )
    own = optax.softmax_cross_entropy_with_integer_labels(jnp.asarray(logits), labels)
    own = np.asarray(own)
    branches = np.mean(own[:3]) + np.mean(own[3:])
    costs = []
    for i in range(3):
        distance = np.linalg.norm(features[i] - features[i + 3])
        similar = labels[i] == labels[i + 3]
        costs.append(distance**2 if similar else max(0.0, 4.0 - distance) ** 2)
    assert terms["cross_entropy"] == pytest.approx(branches, rel=1e-5)
    assert terms["contrastive"] == pytest.approx(sum(costs) / 6, rel=1e-5)
    assert total == pytest.approx(branches + 0.3 * sum(costs) / 6, rel=1e-5)


def test_mistakes_are_named():
    with pytest.raises(UserError, match="a batch of 5: aligned pairs need an even number"):
        losses.multi_objective(*given(5), contrastive_weight=1.0, margin=1.0, pairs="aligned")
    with pytest.raises(UserError, match="unknown choice of pairs 'alined': did you mean 'aligned'"):
        losses.multi_objective(*given(4), contrastive_weight=1.0, margin=1.0, pairs="alined")


@pytest.mark.slow
def test_vgg16_takes_a_real_step_at_96_pixels():
    """As published: augmented images less their mean, aligned pairs at conv5_3, momentum, dense stages faster."""
    faces = simulated_faces.load(num_people=14, images_per_person=2, side=110, channels=3)
    task = Task(vgg16({"gender": 2}), faces.presented("mean_image", 96, mirror=True), "gender")
    budget = Budget(1.0, 1e-4, "constant", 8, optimizer="sgd", faster=("fc6", "fc7", "fc8"))
    start = task.init(jax.random.key(0))["params"]
    loss = TaskLoss(task.network, task.inputs, "conv5_3", "caffe", "aligned")
    optimizer = budget.transformation(1)
    (found,) = train.fit(
        loss, train.init(start, optimizer), task.device_data(0.01, 10.0),
        jnp.asarray(task.train_indices), jax.random.key(1),
        optimizer=optimizer, batch_size=8, num_steps=1, steps_per_call=1,
    )  # fmt: skip
    state, terms = found
    assert all(np.isfinite(value) for value in terms.values()) and terms["contrastive"] > 0
    for stage, before in start.items():  # nothing is frozen
        for name, leaf in jax.tree_util.tree_leaves_with_path(before):
            after = dict(jax.tree_util.tree_leaves_with_path(state.params[stage]))[name]
            assert np.isfinite(after).all() and not np.array_equal(after, leaf), (stage, name)
