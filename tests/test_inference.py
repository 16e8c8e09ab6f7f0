"""Functions applied to many samples in blocks give what they give at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_jax import inference, noise, reduction
from hybrid_jax.data.windows import WindowInputs, gather
from hybrid_jax.embedding import embed
from hybrid_jax.models.mtcnn import ConvStage, DenseStage, Heads
from hybrid_jax.stages import Network, Stage

NETWORK = Network(
    (
        Stage("conv", ConvStage(3, 3)),
        Stage("fc", DenseStage(10, flatten=True)),
        Stage("output", Heads((("activity", 5),))),
    )
)


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def scaled(factor, block):
    assert block["a"].shape == (8, 3)
    return factor * block["a"] + block["b"].astype(jnp.float32)[:, None]


@pytest.mark.parametrize("size", [1, 7, 8, 9, 24])
def test_a_function_mapped_in_blocks_is_the_function(size):
    """Also where the last block is not full, or is the only one."""
    samples = {"a": normal(size, 3), "b": np.arange(size, dtype=np.int32)}
    found = inference.map_blocks(scaled, jnp.float32(2), samples, block_size=8)
    expected = 2 * samples["a"] + samples["b"][:, None]
    assert found.shape == (size, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("method", ["simple", "advanced"])
def test_features_and_predictions_of_many_windows_are_those_of_each(method):
    """A noisy method's, too: the feature is what it is before noise."""
    rows, starts = normal(400, 4), np.arange(390, dtype=np.int32)[::-1].copy()  # two blocks
    x = gather(rows, starts, 8)
    shapes = jax.eval_shape(NETWORK.init, jax.random.key(0), x)
    variables = jax.tree.map(lambda a: normal(*a.shape), shapes)
    _, features = jax.jit(NETWORK.apply)(variables, x)
    expected = features["conv"].reshape(390, 72)

    embedding = embed(NETWORK, "conv", method, input_shape=(4, 8))
    bound = embedding.bind(variables, reduction.pca.fit(expected, 4), noise_std=0.7)
    data, every = {"rows": rows, "starts": starts}, np.arange(390, dtype=np.int32)
    extractor = embedding.split.extractor, bound["extractor"]
    found = inference.outputs(*extractor, every, WindowInputs(8), data).reshape(390, -1)
    np.testing.assert_array_equal(
        inference.outputs(*extractor, jnp.asarray(x)).reshape(390, -1), found
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)

    z = embedding.reduce(bound, found)
    expected = np.argmax(embedding.classifier(bound, z), axis=1)
    np.testing.assert_array_equal(inference.predictions(embedding, bound, z), expected)
    assert len(np.unique(expected)) > 1


@pytest.mark.parametrize("numbers", [inference.NUMBERS, 72 * 5])
def test_noisy_predictions_are_those_of_each_noisy_feature(numbers, monkeypatch):
    """Whatever the block; without noise every draw is the same, by the classifier of its level."""
    monkeypatch.setattr(inference, "NUMBERS", numbers)
    embedding = embed(NETWORK, "conv", "noisy", input_shape=(4, 8))
    shapes = jax.eval_shape(NETWORK.init, jax.random.key(0), jnp.zeros((1, 4, 8)))
    bound = embedding.bind(jax.tree.map(lambda a: normal(*a.shape), shapes))
    classifiers = [
        jax.tree.map(lambda a, seed=seed: normal(*a.shape, seed=seed), bound["classifier"])
        for seed in (1, 2, 3)
    ]
    z, index, key, std = normal(10, 72), np.arange(10)[::-1].copy(), jax.random.key(4), [0, 3, 0]
    found = inference.noisy_predictions(
        embedding, bound, classifiers, z, index, key, np.array(std), 3
    )
    assert found.shape == (3, 3, 10)
    for s in range(3):
        draw = noise.standard_normal(jax.random.fold_in(key, s), jnp.asarray(index), 72)
        for g, classifier in enumerate(classifiers):
            uploads = z + std[g] * draw
            logits = embedding.classifier({**bound, "classifier": classifier}, uploads)
            np.testing.assert_array_equal(found[s, g], np.argmax(logits, axis=1))
    assert (found[0, 1] != found[1, 1]).any() and len(np.unique(found)) > 1
