"""mini_XCEPTION: the published network, layer by layer, and its published weights on real faces."""

import io
import zipfile
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_jax.attacks.knowledge import Knowledge
from hybrid_jax.attacks.transfer import Transfer
from hybrid_jax.embedding import embed
from hybrid_jax.models.mini_xception import mini_xception
from hybrid_jax.models.pretrained import load
from hybrid_jax.phase import Budget
from hybrid_jax.stages import from_scratch, split_at

GENDER = {"gender": 2}
FILE = "pretrained/gender_mini_XCEPTION.21-0.95.hdf5"
SHAPES = {
    "stem": (60, 60, 8),
    "block_1": (30, 30, 16),
    "block_2": (15, 15, 32),
    "block_3": (8, 8, 64),
    "block_4": (4, 4, 128),
}


def images(number, side=64):
    return jnp.asarray(
        np.random.default_rng(0).uniform(-1, 1, (number, side, side, 1)), jnp.float32
    )


@pytest.fixture(scope="module")
def variables():
    return jax.jit(mini_xception(GENDER).init)(jax.random.key(0), images(1))


def test_it_has_52658_parameters_with_its_statistics(variables):
    assert sum(leaf.size for leaf in jax.tree.leaves(variables)) == 52_658


def test_blocks_halve_the_sides(variables):
    logits, features = jax.eval_shape(mini_xception(GENDER).apply, variables, images(3))
    assert {name: x.shape[1:] for name, x in features.items() if name != "output"} == SHAPES
    assert logits.shape == (3, 2)


def test_its_halves_are_the_whole(variables):
    network, x = mini_xception(GENDER), images(5)
    logits, features = jax.jit(network.apply)(variables, x)
    for layer in SHAPES:
        _, classifier = split_at(network, layer)
        halves = jax.jit(classifier.apply)(variables, features[layer])[0]
        np.testing.assert_array_equal(np.asarray(halves), np.asarray(logits), err_msg=layer)
    first, _ = split_at(network, "stem")
    found = jax.jit(first.apply)(variables, x)[0]
    np.testing.assert_array_equal(np.asarray(found), np.asarray(features["stem"]))


@pytest.mark.parametrize("running", [True, False])
def test_running_statistics_stay_where_they_are_kept_to(variables, running):
    network = mini_xception(GENDER, running=running)
    apply = jax.jit(partial(network.apply, train=True, mutable=["batch_stats"]))
    _, state = apply(variables, images(8))
    moved = jax.tree.map(
        lambda a, b: bool(jnp.any(a != b)), state["batch_stats"], variables["batch_stats"]
    )
    assert set(jax.tree.leaves(moved)) == {not running}


def test_with_running_statistics_training_computes_what_inference_does(variables):
    network, x = mini_xception(GENDER), images(4)

    @jax.jit
    def training(variables, x):
        return network.apply(variables, x, train=True, mutable=["batch_stats"])[0][0]

    found = jax.jit(network.apply)(variables, x)[0]
    np.testing.assert_allclose(training(variables, x), found, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_it_computes_what_keras_computes(data_root):
    """The published file, built and run by Keras 2 itself."""
    keras = pytest.importorskip("tf_keras", reason="needs requirements-weights.txt")
    original = keras.models.load_model(data_root / FILE, compile=False)
    network, x = mini_xception(GENDER), images(32)
    found = network.apply(pretrained(data_root), x)[0]
    np.testing.assert_allclose(jax.nn.softmax(found), original(np.asarray(x)).numpy(), atol=1e-5)


@pytest.mark.slow
def test_the_published_weights_name_the_gender_of_94_percent_of_lfw(data_root):
    """All labelled images: the central 210 pixels as 64 x 64 grey in [-1, 1]."""
    from PIL import Image

    lists = {g: (data_root / f"lfw/{g}_names.txt").read_text().split() for g in ("male", "female")}
    # Five women's images are in both lists.
    gender = dict.fromkeys(lists["male"], 1) | dict.fromkeys(lists["female"], 0)
    found, labels = [], []
    with zipfile.ZipFile(data_root / "lfw/lfw-deepfunneled-96.zip") as archive:
        for name in archive.namelist():
            if (own := name.rsplit("/", 1)[-1]) in gender:
                image = Image.open(io.BytesIO(archive.read(name))).convert("L")
                found.append(np.asarray(image.resize((64, 64), Image.Resampling.BILINEAR)))
                labels.append(gender[own])
    assert len(labels) == 13_229
    network, variables = mini_xception(GENDER), pretrained(data_root)
    predict = jax.jit(lambda x: jnp.argmax(network.apply(variables, x)[0], axis=-1))
    x = (np.stack(found)[..., None] / np.float32(127.5) - 1).astype(np.float32)
    right = (
        np.concatenate([predict(part) for part in np.split(x, range(500, len(x), 500))]) == labels
    )
    assert right.mean() >= 0.94
    # Of men and of women, as the data's own notes have it.
    by_gender = [right[np.equal(labels, label)].mean() for label in (1, 0)]
    np.testing.assert_allclose(by_gender, (0.969, 0.849), atol=0.005)


def pretrained(data_root):
    return load(
        data_root / FILE, "mini_xception", mini_xception(GENDER).init(jax.random.key(0), images(1))
    )


def test_an_attacker_trains_fresh_stages_that_normalise_by_what_they_see():
    """Running statistics of no training, mean 0 and variance 1, would leave features as they are."""
    network = mini_xception({"gender": 2}, running=True)
    embedding = embed(network, "block_3", "simple", input_shape=(20, 20, 1))
    fresh = from_scratch(split_at(network, "block_3").classifier)
    bound = embedding.bind(jax.jit(network.init)(jax.random.key(0), jnp.zeros((1, 20, 20, 1))))
    rng = np.random.default_rng(0)
    width = int(np.prod(embedding.feature_shape))
    labels = rng.integers(0, 2, 64)
    z = (100 * rng.normal(size=(64, width)) + 300 * labels[:, None]).astype(np.float32)
    budget = Budget(20.0, 1e-3, "constant", 32)
    known = Knowledge(
        0.0, 2, (z, labels), jax.random.key(1), embedding=embedding, variables=bound, budget=budget
    )
    attacker = Transfer(known)
    attacker.fit(z, labels)
    variables, _ = attacker.found._arguments
    assert fresh.stages[0].module.running is False and fresh.stages[1] == network.stages[-1]
    means = [np.abs(a).max() for a in jax.tree.leaves(variables["batch_stats"])]
    assert min(means) > 0.01
    assert np.mean(attacker.predict_proba(z).argmax(axis=1) == labels) > 0.9
