"""Cross-entropy, the contrastive loss of Eq. 1 and their weighted sum."""

from functools import partial
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_jax import losses
from hybrid_jax.errors import UserError
from hybrid_jax.losses import cross_entropy, multi_objective

contrastive = jax.jit(losses.contrastive, static_argnames="convention")
contrastive_in_batch = jax.jit(losses.contrastive_in_batch, static_argnames="convention")


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def naive_pair(a, b, similar, margin):
    """Eq. 1 for one pair, in float64."""
    distance = np.sqrt(np.sum((np.float64(a) - np.float64(b)) ** 2))
    return distance**2 if similar else max(0.0, margin - distance) ** 2


def naive(f1, f2, similar, margin):
    costs = [naive_pair(*pair, margin) for pair in zip(f1, f2, similar, strict=True)]
    return sum(costs) / len(costs)


SIMILAR = np.array([True, False, True, False, False, False, True])


@pytest.mark.parametrize("margin", [0.0, 1.0, 3.0, 100.0])
@pytest.mark.parametrize(("convention", "factor"), [("paper", 1.0), ("caffe", 0.5)])
def test_aligned_pairs_are_the_naive_loop(margin, convention, factor):
    f1, f2 = normal(7, 5), normal(7, 5, seed=1)
    found = contrastive(f1, f2, SIMILAR, margin=margin, convention=convention)
    np.testing.assert_allclose(found, factor * naive(f1, f2, SIMILAR, margin), rtol=1e-6)


def test_the_conventions_differ_by_two_and_caffe_is_the_default():
    f1, f2 = normal(7, 5), normal(7, 5, seed=1)
    paper = contrastive(f1, f2, SIMILAR, margin=3.0, convention="paper")
    assert contrastive(f1, f2, SIMILAR, margin=3.0) == paper / 2
    f, labels = normal(6, 4), np.array([0, 1, 1, 2, 0, 0])
    paper = contrastive_in_batch(f, labels, margin=3.0, convention="paper")
    assert contrastive_in_batch(f, labels, margin=3.0) == paper / 2


def test_worked_by_hand():
    f1 = jnp.asarray([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    f2 = jnp.asarray([[3.0, 4.0], [3.0, 4.0], [1.0, 1.0], [6.0, 8.0]])
    similar = jnp.asarray([True, False, False, False])
    # 5^2; (6 - 5)^2; 6^2; nothing at 10
    assert contrastive(f1, f2, similar, margin=6.0, convention="paper") == (25 + 1 + 36) / 4


@pytest.mark.parametrize("convention", ["paper", "caffe"])
@pytest.mark.parametrize("shape", [(9, 4), (2, 3), (6, 2, 3, 2)])
def test_in_batch_is_aligned_over_all_pairs(convention, shape):
    features, labels = normal(*shape), np.arange(shape[0]) * 7 % 3
    i, j = np.array(list(combinations(range(shape[0]), 2))).T
    flat = features.reshape(shape[0], -1)
    found = contrastive_in_batch(features, labels, margin=3.0, convention=convention)
    expected = contrastive(
        flat[i], flat[j], labels[i] == labels[j], margin=3.0, convention=convention
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(
        found,
        naive(flat[i], flat[j], labels[i] == labels[j], 3.0) / (1 + (convention == "caffe")),
        rtol=1e-5,
    )


def test_in_batch_gradients_are_those_of_aligned_pairs():
    features, labels = normal(8, 5), np.arange(8) % 3
    features[1] = features[0]  # equal and dissimilar
    i, j = np.triu_indices(8, 1)
    found = jax.grad(lambda f: contrastive_in_batch(f, labels, margin=3.0))(features)
    expected = jax.grad(
        lambda f: contrastive(f[i], f[j], jnp.asarray(labels[i] == labels[j]), margin=3.0)
    )(jnp.asarray(features))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_order_of_the_batch_does_not_matter():
    features, labels = normal(16, 5), np.arange(16) % 3
    order = np.random.default_rng(0).permutation(16)
    loss = partial(contrastive_in_batch, margin=3.0)
    np.testing.assert_allclose(
        loss(features[order], labels[order]), loss(features, labels), rtol=1e-6
    )
    np.testing.assert_allclose(loss(features, 5 - labels), loss(features, labels), rtol=1e-6)


@pytest.mark.parametrize("offset", [1.0, 1e3])
def test_the_origin_does_not_matter(offset):
    """Nor does it cost digits: features are compared about their own mean."""
    features, labels = normal(16, 5), np.arange(16) % 3
    shifted = features + np.float32(offset)
    expected = contrastive_in_batch(shifted - np.float32(offset), labels, margin=3.0)
    np.testing.assert_allclose(
        contrastive_in_batch(shifted, labels, margin=3.0), expected, rtol=1e-5
    )


# Limits


@pytest.mark.parametrize("similar", [True, False])
def test_two_equal_features_cost_nothing_or_the_square_of_the_margin_and_pull_nowhere(similar):
    f = normal(3, 4)
    loss = partial(contrastive, margin=2.0, convention="paper")
    value, gradients = jax.value_and_grad(loss, (0, 1))(f, f, jnp.full(3, similar))
    assert value == (0.0 if similar else 4.0)
    np.testing.assert_array_equal(gradients, np.zeros((2, 3, 4)))


@pytest.mark.parametrize("labels", [[0, 0, 1, 1], [0, 1, 2, 3], [0, 0, 0, 0]])
def test_a_collapsed_batch_has_finite_gradients(labels):
    """All features equal, as after a collapse: whatever the labels, no NaN and no pull."""
    features, labels = jnp.full((4, 5), 0.1), jnp.asarray(labels)
    loss = partial(contrastive_in_batch, margin=2.0, convention="paper")
    value, gradient = jax.value_and_grad(loss)(features, labels)
    different = np.mean([labels[i] != labels[j] for i, j in combinations(range(4), 2)])
    np.testing.assert_allclose(value, 4.0 * different, rtol=1e-6)
    np.testing.assert_array_equal(gradient, np.zeros((4, 5)))


def test_one_pair_at_distance_zero_does_not_spoil_the_others_gradients():
    f1, f2 = normal(5, 3), normal(5, 3, seed=1)
    f2[2] = f1[2]
    similar = jnp.asarray([True, False, False, False, True])
    gradient = jax.grad(partial(contrastive, margin=5.0))(f1, f2, similar)
    for i in (0, 1, 3, 4):
        alone = jax.grad(partial(contrastive, margin=5.0))(f1[[i]], f2[[i]], similar[i][None])
        np.testing.assert_allclose(gradient[i], alone[0] / 5, rtol=1e-5)
    np.testing.assert_array_equal(gradient[2], np.zeros(3))


def test_gradients_near_distance_zero_are_bounded():
    """The root's derivative grows without bound towards 0; the distance's does not."""
    for distance in (1e-3, 1e-10, 1e-18, 1e-22):
        f1, f2 = jnp.zeros((1, 3)), jnp.full((1, 3), distance)
        gradient = jax.grad(partial(contrastive, margin=2.0))(f1, f2, jnp.asarray([False]))
        assert np.isfinite(gradient).all() and np.linalg.norm(gradient) <= 2.0 + 1e-4


def test_a_single_sample_makes_no_pair_and_costs_nothing():
    features, labels = normal(1, 4), np.zeros(1, np.int32)
    value, gradient = jax.value_and_grad(partial(contrastive_in_batch, margin=3.0))(
        features, labels
    )
    assert value == 0.0
    np.testing.assert_array_equal(gradient, np.zeros((1, 4)))


def test_no_aligned_pair_is_zero():
    assert contrastive(normal(0, 4), normal(0, 4), np.zeros(0, bool), margin=3.0) == 0.0


def test_with_one_class_it_is_the_mean_squared_distance_whatever_the_margin():
    features, labels = normal(10, 4), np.zeros(10, np.int32)
    squares = [np.sum((a - b) ** 2) for a, b in combinations(features, 2)]
    for margin in (0.0, 10.0):
        found = contrastive_in_batch(features, labels, margin=margin, convention="paper")
        np.testing.assert_allclose(found, np.mean(squares), rtol=1e-5)


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_beyond_the_margin_dissimilar_pairs_cost_nothing(margin):
    features = jnp.arange(6, dtype=jnp.float32)[:, None] * jnp.ones((1, 3))
    loss = partial(contrastive_in_batch, margin=margin)
    value, gradient = jax.value_and_grad(loss)(features, jnp.arange(6))
    assert value == 0.0
    np.testing.assert_array_equal(gradient, np.zeros((6, 3)))


@pytest.mark.parametrize("name", ["Caffe", "", "pytorch"])
def test_an_unknown_convention_is_refused_with_the_known_ones(name):
    with pytest.raises(UserError, match=r"convention.*known: caffe, paper"):
        contrastive(normal(2, 2), normal(2, 2), np.ones(2, bool), margin=1.0, convention=name)
    with pytest.raises(UserError, match=r"convention.*known: caffe, paper"):
        contrastive_in_batch(normal(2, 2), np.zeros(2), margin=1.0, convention=name)


# Cross-entropy, and the sum


def test_cross_entropy_is_the_mean_in_nats():
    logits, labels = normal(6, 4), np.array([0, 1, 2, 3, 0, 1])
    exact = np.exp(np.float64(logits))
    expected = -np.mean(np.log(exact[np.arange(6), labels] / exact.sum(axis=1)))
    np.testing.assert_allclose(cross_entropy(logits, labels), expected, rtol=1e-6)
    np.testing.assert_allclose(
        cross_entropy(jnp.zeros((3, 8)), jnp.arange(3)), np.log(8), rtol=1e-6
    )


def test_cross_entropy_is_finite_for_extreme_logits():
    logits = jnp.asarray([[1e4, -1e4], [1e4, -1e4]])
    value, gradient = jax.value_and_grad(cross_entropy)(logits, jnp.asarray([0, 1]))
    assert value == 1e4
    np.testing.assert_array_equal(gradient, [[0, 0], [0.5, -0.5]])


@pytest.mark.parametrize("convention", ["paper", "caffe"])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_objective_is_the_weighted_sum_and_gives_each_term(weight, convention):
    logits, features, labels = normal(8, 4), normal(8, 3, 5), np.arange(8) % 4
    total, terms = jax.jit(partial(multi_objective, convention=convention))(
        logits, features, labels, contrastive_weight=weight, margin=3.0
    )
    pairs = contrastive_in_batch(features, labels, margin=3.0, convention=convention)
    assert set(terms) == {"cross_entropy", "contrastive"}
    np.testing.assert_allclose(terms["cross_entropy"], cross_entropy(logits, labels), rtol=1e-6)
    np.testing.assert_allclose(terms["contrastive"], pairs, rtol=1e-6)
    np.testing.assert_allclose(
        total, terms["cross_entropy"] + weight * terms["contrastive"], rtol=1e-6
    )


def test_at_weight_zero_the_gradient_is_that_of_cross_entropy_exactly():
    """So the simple baseline is the same training, without the term."""
    x, labels = normal(8, 5), np.arange(8) % 3
    params = {"w": normal(5, 6), "head": normal(6, 3)}

    def forward(params):
        features = jax.nn.relu(jnp.asarray(x) @ params["w"])
        return features @ params["head"], features

    def objective(params, weight):
        return multi_objective(*forward(params), labels, contrastive_weight=weight, margin=3.0)[0]

    expected = jax.grad(lambda params: cross_entropy(forward(params)[0], labels))(params)
    jax.tree.map(np.testing.assert_array_equal, jax.grad(objective)(params, 0.0), expected)
    assert (jax.grad(objective)(params, 1.0)["w"] != expected["w"]).any()


def test_weight_and_margin_are_traced_so_a_search_over_them_compiles_once():
    objective = jax.jit(multi_objective)
    for weight, margin in ((0.0, 1.0), (0.3, 3.0), (1.0, 10.0)):
        arguments = {"contrastive_weight": jnp.float32(weight), "margin": jnp.float32(margin)}
        objective(normal(4, 2), normal(4, 3), np.arange(4) % 2, **arguments)
    assert objective._cache_size() == 1
