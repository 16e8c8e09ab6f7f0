"""The law of splitting: classifier(extractor(x)) is the network, bit for bit, wherever it is cut."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from hybrid_jax.errors import UserError
from hybrid_jax.models.mtcnn import mtcnn
from hybrid_jax.stages import Network, Stage, own_variables, split_at, split_variables

ONE, TWO = {"activity": 4}, {"activity": 4, "gender": 1}
LAYERS = ("conv_1", "conv_2", "dense_1", "conv_3", "dense_2", "conv_4", "fc_1", "fc_2")
VARIANTS = [
    pytest.param(tasks, fc_2, id=f"{len(tasks)}-heads-{'with' if fc_2 else 'without'}-fc_2")
    for tasks in (ONE, TWO)
    for fc_2 in (64, None)
]


def random_variables(network, shape):
    """Variables that keep the scale of what flows through, without waiting for an initialiser."""
    rng = np.random.default_rng(0)
    x = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    return jax.tree.map(
        lambda a: (rng.normal(size=a.shape) / np.sqrt(np.prod(a.shape[:-1]))).astype(np.float32),
        jax.eval_shape(network.init, jax.random.key(0), x),
    )


def windows(size):
    return np.random.default_rng(size).normal(size=(size, 12, 50)).astype(np.float32)


def assert_equal(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def assert_cut_is_exact(network, variables, layer, x, whole, wrap):
    split = split_at(network, layer)
    own = split_variables(split, variables)
    feature, features = wrap(split.extractor.apply)(own[0], x)
    assert_equal(wrap(split.classifier.apply)(own[1], feature)[0], whole[0])
    assert_equal(feature, whole[1][layer])
    assert set(features) == set(network.layers[: network.layers.index(layer) + 1])


@pytest.mark.parametrize("size", [1, 7, 64])
@pytest.mark.parametrize("wrap", [jax.jit, lambda f: f], ids=["jitted", "eager"])
def test_every_cut_is_exact(size, wrap):
    network, x = mtcnn(TWO), windows(size)
    variables = random_variables(network, x.shape[1:])
    whole = wrap(network.apply)(variables, x)
    assert set(whole[1]) == {*LAYERS, "output"}
    assert np.std(whole[0]["activity"]) > 0.1
    for layer in LAYERS:
        assert_cut_is_exact(network, variables, layer, x, whole, wrap)


@pytest.mark.parametrize(("tasks", "fc_2"), VARIANTS)
def test_every_cut_of_every_variant_is_exact(tasks, fc_2):
    network, x = mtcnn(tasks, fc_2=fc_2), windows(7)
    variables = random_variables(network, x.shape[1:])
    cuts = LAYERS if fc_2 else LAYERS[:-1]
    assert network.layers == (*cuts, "output")
    whole, jitted = network.apply(variables, x), jax.jit(network.apply)(variables, x)
    for layer in cuts:
        assert_cut_is_exact(network, variables, layer, x, whole, lambda f: f)
    for layer in cuts[6:]:  # where the variants differ
        assert_cut_is_exact(network, variables, layer, x, jitted, jax.jit)


def test_a_cut_is_exact_for_a_thousand():
    network, x = mtcnn(ONE), windows(1000)
    variables = random_variables(network, x.shape[1:])
    whole = jax.jit(network.apply)(variables, x)
    assert_cut_is_exact(network, variables, "conv_4", x, whole, jax.jit)


@pytest.mark.parametrize(("tasks", "fc_2"), VARIANTS)
def test_the_halves_share_no_variable_and_lack_none(tasks, fc_2):
    network = mtcnn(tasks, fc_2=fc_2)
    variables = random_variables(network, (12, 50))
    for layer in network.layers[:-1]:
        extractor, classifier = split_variables(split_at(network, layer), variables)
        assert set(extractor) == set(classifier) == {"params"}
        assert extractor["params"].keys().isdisjoint(classifier["params"])
        assert extractor["params"] | classifier["params"] == variables["params"]
        assert extractor["params"] and classifier["params"]


def test_the_halves_also_take_the_variables_of_the_whole():
    network, x = mtcnn(ONE), windows(7)
    variables = random_variables(network, x.shape[1:])
    split = split_at(network, "conv_4")
    feature, _ = split.extractor.apply(variables, x)
    assert_equal(split.classifier.apply(variables, feature)[0], network.apply(variables, x)[0])


@pytest.mark.parametrize("layer", ["conv_5", "output", "", "fc2", None])
def test_an_unknown_layer_and_the_last_are_refused_with_those_that_would_do(layer):
    with pytest.raises(UserError, match=f"unknown layer .*known: {', '.join(LAYERS)}$"):
        split_at(mtcnn(ONE), layer)
    with pytest.raises(UserError, match=f"known: {', '.join(LAYERS[:-1])}$"):
        split_at(mtcnn(ONE, fc_2=None), layer or "fc_2")


def test_the_nearest_layer_is_named():
    with pytest.raises(UserError, match="did you mean 'fc_2'"):
        split_at(mtcnn(ONE), "fc2")


def test_a_feature_is_what_leaves_the_activation():
    network, x = mtcnn(ONE), windows(7)
    _, features = network.apply(random_variables(network, x.shape[1:]), x)
    for layer in LAYERS:
        assert features[layer].min() == 0.0 < features[layer].max(), layer
    assert features["output"].min() < 0.0


def test_the_next_stages_dropout_is_the_classifiers():
    """In training, too, the extractor gives the feature as it is before the next pooling and dropout."""
    network, x = mtcnn(ONE), windows(7)
    variables = random_variables(network, x.shape[1:])
    # conv_3 begins with pooling and the network's first dropout.
    extractor = split_at(network, "dense_1").extractor
    feature, _ = extractor.apply(variables, x, train=True, rngs={"dropout": jax.random.key(1)})
    assert_equal(feature, extractor.apply(variables, x)[0])
    assert feature.shape == (7, 12, 46, 50)


# Collections other than params


class Normalised(nn.Module):
    """A dense layer, batch statistics, dropout."""

    @nn.compact
    def __call__(self, x, train):
        x = nn.BatchNorm(use_running_average=not train)(nn.Dense(3)(x))
        return nn.Dropout(0.5, deterministic=not train)(x)


class Plain(nn.Module):
    """A stage without batch statistics."""

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(3)(x)


MIXED = Network(
    tuple(Stage(f"s{i}", m()) for i, m in enumerate((Plain, Normalised, Normalised, Plain)))
)


def test_batch_statistics_go_with_their_stage():
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    variables = MIXED.init(jax.random.key(0), x)
    assert set(variables["batch_stats"]) == {"s1", "s2"}
    _, variables = MIXED.apply(
        variables, x, True, rngs={"dropout": jax.random.key(1)}, mutable=["params", "batch_stats"]
    )
    whole = MIXED.apply(variables, x)
    for layer, device, cloud in (
        ("s0", set(), {"s1", "s2"}),
        ("s1", {"s1"}, {"s2"}),
        ("s2", {"s1", "s2"}, set()),
    ):
        split = split_at(MIXED, layer)
        extractor, classifier = split_variables(split, variables)
        assert set(extractor["batch_stats"]) == device
        assert set(classifier["batch_stats"]) == cloud
        feature, _ = split.extractor.apply(extractor, x)
        assert_equal(split.classifier.apply(classifier, feature)[0], whole[0])


def test_in_training_the_extractor_gives_what_the_whole_network_gives_there():
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    variables = MIXED.init(jax.random.key(0), x)
    key = {"dropout": jax.random.key(2)}

    def train(network):
        return network.apply(variables, x, True, rngs=key, mutable=["batch_stats"])

    (_, features), statistics = train(MIXED)
    for layer in ("s1", "s2"):
        assert (features[layer] == 0).any()  # dropout is on
        extractor = split_at(MIXED, layer).extractor
        (feature, _), own = train(extractor)
        assert_equal(feature, features[layer])
        assert_equal(own_variables(extractor, own), own_variables(extractor, statistics))


def test_own_variables_leaves_out_what_is_another_networks():
    variables = {"params": {"s0": 1, "s9": 2}, "batch_stats": {"s9": 3}}
    assert own_variables(MIXED, variables) == {"params": {"s0": 1}, "batch_stats": {}}


def test_networks_of_equal_stages_are_equal_and_hash_so():
    """So a network, or a split, is a static argument of jit that compiles once."""
    assert mtcnn(ONE) == mtcnn(ONE) and hash(mtcnn(ONE)) == hash(mtcnn(ONE))
    assert hash(split_at(mtcnn(ONE), "fc_1")) == hash(split_at(mtcnn(ONE), "fc_1"))
    assert mtcnn(ONE) != mtcnn(ONE, fc_2=8)
