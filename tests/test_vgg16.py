"""VGG-16 as reference (a) has it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_jax.models.vgg16 import vgg16
from hybrid_jax.stages import split_at

GENDER = {"gender": 2}
LAYERS = (
    "conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv4_1", "conv4_2", "conv4_3",
    "conv5_1", "conv5_2", "conv5_3", "fc6", "fc7", "fc8",
)  # fmt: skip
# Parameters up to and with a layer (reference (a)).
UP_TO = {"conv5_1": 9_995_072, "conv5_2": 12_354_880, "conv5_3": 14_714_688, "fc8": 134_268_738}


def shapes(side, channels=3):
    """Of the logits and features, and of the variables, for two images."""
    images = jax.ShapeDtypeStruct((2, side, side, channels), jnp.float32)
    return jax.eval_shape(vgg16(GENDER).init_with_output, jax.random.key(0), images)


def test_its_layers_are_those_of_the_paper():
    assert vgg16(GENDER).layers == LAYERS


@pytest.mark.parametrize(("layer", "number"), UP_TO.items())
def test_at_224_it_has_the_published_number_of_parameters(layer, number):
    _, variables = shapes(224)
    upto = LAYERS[: LAYERS.index(layer) + 1]
    leaves = jax.tree.leaves({name: variables["params"][name] for name in upto})
    assert sum(leaf.size for leaf in leaves) == number
    assert set(variables) == {"params"}


def test_features_are_after_the_activation_and_before_the_pooling():
    (logits, features), _ = shapes(224)
    assert logits.shape == (2, 2)
    sides = {"1": 224, "2": 112, "3": 56, "4": 28, "5": 14}
    for layer in LAYERS[:13]:
        assert features[layer].shape[1:3] == 2 * (sides[layer[4]],)
    assert np.prod(features["conv5_3"].shape[1:]) == 100_352
    assert features["fc6"].shape == features["fc7"].shape == (2, 4096)


@pytest.mark.parametrize("side", [48, 64, 96, 250])
def test_it_takes_any_side_from_48(side):
    (logits, features), _ = shapes(side)
    assert logits.shape == (2, 2) and features["conv5_3"].shape[1] == side // 16


@pytest.mark.slow
def test_filtered_for_a_cpu_it_computes_what_a_converter_is_given():
    images = np.random.default_rng(0).uniform(-120, 130, (8, 96, 96, 3)).astype(np.float32)
    variables = jax.jit(vgg16(GENDER).init)(jax.random.key(0), images)
    found, expected = (
        jax.jit(vgg16(GENDER, as_one=as_one).apply)(variables, images)[0]
        for as_one in (False, True)
    )
    assert (found != expected).any()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
def test_its_halves_are_the_whole_and_one_step_lowers_the_loss_at_96():
    """A real step on colour images at 96 x 96: SGD on one batch, where the loss must fall."""
    network = vgg16(GENDER)
    generator = np.random.default_rng(0)
    images = jnp.asarray(generator.uniform(-120, 130, (4, 96, 96, 3)), jnp.float32)
    labels = jnp.asarray([0, 1, 0, 1])
    variables = jax.jit(network.init)(jax.random.key(0), images)
    logits, features = network.apply(variables, images)
    assert all(jnp.all(features[name] >= 0) for name in LAYERS[:-1])
    for layer in ("conv1_1", "conv5_1", "conv5_3", "fc7"):
        extractor, classifier = split_at(network, layer)
        halves = classifier.apply(variables, extractor.apply(variables, images)[0])[0]
        np.testing.assert_array_equal(np.asarray(halves), np.asarray(logits))

    def loss(params):
        found = network.apply(
            {"params": params}, images, train=True, rngs={"dropout": jax.random.key(1)}
        )[0]
        return -jnp.mean(jax.nn.log_softmax(found)[jnp.arange(4), labels])

    before, gradient = jax.jit(jax.value_and_grad(loss))(variables["params"])
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in jax.tree.leaves(gradient)))
    after = loss(jax.tree.map(lambda p, g: p - 0.001 * g / norm, variables["params"], gradient))
    assert np.isfinite(before) and after < before
