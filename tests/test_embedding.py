"""Each method does what the paper says of it: what runs on the device, and what in the cloud."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_jax import reduction
from hybrid_jax.embedding import METHODS, embed
from hybrid_jax.errors import UserError
from hybrid_jax.models.mtcnn import ConvStage, DenseStage, Heads
from hybrid_jax.stages import Network, Stage

INPUT = (4, 8)
NETWORK = Network(
    (
        Stage("conv", ConvStage(3, 3)),  # [4, 6, 3]
        Stage("fc", DenseStage(10, flatten=True, dropout=0.5)),
        Stage("output", Heads((("activity", 5),))),
    )
)
WIDTH = {"conv": 72, "fc": 10}
REDUCED = ("reduced", "reduced_siamese", "noisy_reduced", "advanced")
NOISY = ("noisy", "noisy_reduced", "advanced")
DIM = 4


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


X = normal(6, *INPUT)


@pytest.fixture(scope="module")
def variables():
    """The network's."""
    shapes = jax.eval_shape(NETWORK.init, jax.random.key(0), X)
    return jax.tree.map(lambda a: normal(*a.shape) / np.float32(np.sqrt(a.shape[0])), shapes)


@pytest.fixture(scope="module")
def reductions(variables):
    """By layer and kind, fitted to some other inputs."""
    _, features = NETWORK.apply(variables, normal(50, *INPUT, seed=1))
    flat = {layer: features[layer].reshape(50, -1) for layer in WIDTH}
    return {
        layer: {
            "pca": reduction.pca.fit(flat[layer], DIM),
            "autoencoder": reduction.autoencoder.init(jax.random.key(0), flat[layer], DIM),
        }
        for layer in WIDTH
    }


@pytest.fixture
def make(variables, reductions):
    """Gives an embedding and its variables."""

    def make(method, layer="conv", *, kind="pca", noise_std=0.0, clip_norm=None):
        embedding = embed(NETWORK, layer, method, input_shape=INPUT, kind=kind, clip_norm=clip_norm)
        reduced = reductions[layer][kind] if METHODS[method].reduced else None
        return embedding, embedding.bind(variables, reduced, noise_std)

    return make


def width(method, layer="conv"):
    return DIM if method in REDUCED else WIDTH[layer]


def test_the_methods_are_those_of_the_paper():
    found = {name: (m.siamese, m.reduced, m.noisy) for name, m in METHODS.items()}
    assert found == {
        "simple": (False, False, False),
        "reduced": (False, True, False),
        "siamese": (True, False, False),
        "reduced_siamese": (True, True, False),
        "noisy": (False, False, True),
        "noisy_reduced": (False, True, True),
        "advanced": (True, True, True),
    }


@pytest.mark.parametrize("kind", reduction.KINDS)
@pytest.mark.parametrize("layer", WIDTH)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_reduces_adds_noise_and_reconstructs_where_it_should(
    make, variables, reductions, method, layer, kind
):
    """Against the same, written out from the network's features."""
    embedding, bound = make(method, layer, kind=kind, noise_std=0.3)
    draws = normal(6, width(method, layer), seed=2)
    found = embedding.extractor(bound, X, draws)

    _, features = NETWORK.apply(variables, X)
    expected, fitted = features[layer].reshape(6, -1), reductions[layer][kind]
    if method in REDUCED:
        expected = reduction.PROJECT[kind](fitted, expected)
    if method in NOISY:
        expected = expected + np.float32(0.3) * draws
    assert found.shape == (6, width(method, layer))
    np.testing.assert_array_equal(found, expected)

    if method in REDUCED:
        expected = reduction.RECONSTRUCT[kind](fitted, expected)
    expected = expected.reshape(features[layer].shape)
    np.testing.assert_array_equal(embedding.reconstruct(bound, found), expected)
    logits, _ = embedding.split.classifier.apply(variables, expected)
    assert logits.shape == (6, 5)
    np.testing.assert_array_equal(embedding.classifier(bound, found), logits)


@pytest.mark.parametrize("layer", WIDTH)
@pytest.mark.parametrize("method", ["simple", "siamese", "noisy"])
def test_without_reduction_and_noise_the_pair_is_the_network(make, variables, method, layer):
    embedding, bound = make(method, layer)
    z = embedding.extractor(bound, X, normal(6, WIDTH[layer]))
    np.testing.assert_array_equal(embedding.classifier(bound, z), NETWORK.apply(variables, X)[0])


@pytest.mark.parametrize("method", METHODS)
def test_noise_std_0_is_no_noise(make, method):
    embedding, bound = make(method)
    z = embedding.extractor(bound, X, normal(6, width(method)))
    without = embedding.noise_free
    np.testing.assert_array_equal(without.extractor(bound, X, normal(6, width(method), seed=9)), z)
    np.testing.assert_array_equal(embedding.reduce(bound, embedding.feature(bound, X)), z)
    np.testing.assert_array_equal(without.classifier(bound, z), embedding.classifier(bound, z))


@pytest.mark.parametrize("method", METHODS)
def test_the_feature_is_linear_in_the_draws(make, method):
    """z(n) - z(0) = noise_std n for a noisy method, 0 for the others."""
    embedding, bound = make(method, noise_std=2.0)
    draws = normal(6, width(method))
    extract = partial(embedding.extractor, bound, X)
    start = extract(jnp.zeros_like(draws))
    for factor in (-1, 1, 3):
        expected = factor * 2 * draws if method in NOISY else np.zeros_like(draws)
        np.testing.assert_allclose(extract(factor * draws) - start, expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("clip_norm", [1e-3, 1.0, 1e6])
def test_the_norm_is_bounded_before_noise(make, method, clip_norm):
    embedding, bound = make(method, noise_std=0.5, clip_norm=clip_norm)
    plain, _ = make(method)
    draws = normal(6, width(method))
    free = plain.reduce(bound, plain.feature(bound, X))
    clipped = embedding.reduce(bound, embedding.feature(bound, X))
    norms = np.linalg.norm(np.float64(free), axis=1)
    np.testing.assert_allclose(
        np.linalg.norm(np.float64(clipped), axis=1), np.minimum(norms, clip_norm), rtol=1e-5
    )
    np.testing.assert_allclose(  # the direction stays
        clipped / np.linalg.norm(clipped, axis=1, keepdims=True),
        free / norms[:, None].astype(np.float32),
        atol=1e-6,
    )
    noise = 0.5 * draws if method in NOISY else np.zeros_like(draws)
    np.testing.assert_allclose(embedding.extractor(bound, X, draws), clipped + noise, atol=1e-6)


def test_clipping_leaves_a_feature_of_zeros_with_a_finite_gradient(make):
    embedding, bound = make("simple", clip_norm=2.0)
    zeros = jnp.zeros((1, 72))
    value, gradient = jax.value_and_grad(lambda f: embedding.reduce(bound, f).sum())(zeros)
    assert value == 0.0
    np.testing.assert_array_equal(gradient, np.ones((1, 72)))


def test_the_halves_hold_their_own_variables_alone(make):
    """What is bound for the device says nothing of the cloud's weights."""
    embedding, bound = make("advanced", noise_std=0.25)
    assert set(bound) == {"extractor", "classifier", "reduction", "noise_std"}
    assert set(bound["extractor"]["params"]) == {"conv"}
    assert set(bound["classifier"]["params"]) == {"fc", "output"}
    assert set(bound["reduction"]) == {"mean", "components", "explained"}
    assert bound["noise_std"] == 0.25 and bound["noise_std"].dtype == jnp.float32
    device = {k: v for k, v in bound.items() if k != "classifier"}
    cloud = {k: bound[k] for k in ("classifier", "reduction")}
    z = embedding.extractor(device, X, normal(6, DIM))
    np.testing.assert_array_equal(embedding.classifier(cloud, z), embedding.classifier(bound, z))


def test_an_embedding_is_a_static_argument_and_equal_ones_compile_once(make):
    @partial(jax.jit, static_argnums=0)
    def logits(embedding, bound, x, draws):
        return embedding.classifier(bound, embedding.extractor(bound, x, draws))

    for noise_std in (0.0, 0.1, 3.0):
        embedding, bound = make("advanced", noise_std=noise_std)
        found = logits(embedding, bound, X, normal(6, DIM))
        z = embedding.extractor(bound, X, normal(6, DIM))
        np.testing.assert_allclose(found, embedding.classifier(bound, z), rtol=1e-4, atol=1e-4)
    assert logits._cache_size() == 1
    assert make("advanced")[0].noise_free == make("reduced")[0].noise_free == make("reduced")[0]
    assert make("noisy")[0].noise_free == make("siamese")[0].noise_free == make("simple")[0]
    assert make("simple")[0] != make("simple", clip_norm=1.0)[0].noise_free


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            {"method": "advancd"},
            r"unknown method 'advancd': did you mean 'advanced'\? known: simple, ",
        ),
        ({"layer": "fc_1"}, r"unknown layer 'fc_1': .*known: conv, fc$"),
        ({"layer": "output"}, r"unknown layer 'output': .*known: conv, fc$"),
        ({"kind": "PCA"}, r"unknown reduction 'PCA': .*known: pca, autoencoder"),
        ({"kind": "none"}, r"unknown reduction 'none'"),
        ({"clip_norm": 0.0}, r"clip_norm 0.0: a bound on a norm is above 0"),
        ({"clip_norm": -1.0}, r"clip_norm -1.0"),
        ({"clip_norm": float("nan")}, r"clip_norm nan"),
    ],
)
def test_mistakes_are_named(arguments, complaint):
    with pytest.raises(UserError, match=complaint):
        embed(NETWORK, **{"layer": "conv", "method": "simple", "input_shape": INPUT} | arguments)


@pytest.mark.parametrize("noise_std", [-0.1, float("nan")])
def test_a_noise_that_is_negative_or_no_number_is_refused(make, noise_std):
    with pytest.raises(
        UserError, match=f"noise_std {noise_std}: a standard deviation is 0 or more"
    ):
        make("advanced", noise_std=noise_std)
