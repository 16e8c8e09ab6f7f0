"""The decoders of images: the paper's is the source's, layer by layer, and the light one learns."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from hybrid_jax.attacks import decoder
from hybrid_jax.errors import UserError
from hybrid_jax.models.image_decoder import (
    Crop,
    Deconvolution,
    alexnet_decoder,
    conv3x3,
    decoder_for,
    leaky,
    light_decoder,
    same,
    sub_pixels,
)
from hybrid_jax.phase import Budget

# Reference (f): what comes out of each layer for images of 224 x 224 x 3.
ALEXNET = {
    "fc6": (4096,),
    "defc7": (4096,),
    "defc6": (4096,),
    "defc5": (4096,),
    "reshape": (4, 4, 256),
    "deconv5": (8, 8, 256),
    "conv5_11": (8, 8, 512),
    "deconv4": (16, 16, 256),
    "conv4_11": (16, 16, 256),
    "deconv3": (32, 32, 128),
    "conv3_11": (32, 32, 128),
    "deconv2": (64, 64, 64),
    "deconv1": (128, 128, 32),
    "deconv0": (256, 256, 3),
    "crop": (224, 224, 3),
}


def shapes(network, d):
    """Of the images and features, and of the variables, for two vectors."""
    z = jax.ShapeDtypeStruct((2, d), jnp.float32)
    return jax.eval_shape(network.init_with_output, jax.random.key(0), z)


def test_the_papers_layers_are_those_of_the_reference():
    network = alexnet_decoder((224, 224, 3))
    (_, features), _ = shapes(network, 8)
    assert network.layers == tuple(ALEXNET)
    assert {name: x.shape[1:] for name, x in features.items()} == ALEXNET


def test_the_papers_parameters_are_counted_by_hand():
    _, variables = shapes(alexnet_decoder((224, 224, 3)), 8)
    dense = (8 * 4096 + 4096) + 3 * (4096 * 4096 + 4096)
    fours = 16 * (256 * 256 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 32 + 32 * 3)
    threes = 9 * (256 * 512 + 256 * 256 + 128 * 128)
    leaves = jax.tree.leaves(variables)
    assert sum(leaf.size for leaf in leaves) == dense + fours + threes


def test_only_the_last_of_the_papers_layers_may_be_anything():
    """fc6 is ReLU's, deconv0 has no activation, and below 0 the others' slope is .3."""
    stages = {stage.name: stage.module for stage in alexnet_decoder((64, 64, 1)).stages}
    activations = {n: m.activation for n, m in stages.items() if hasattr(m, "activation")}
    assert activations.pop("fc6") is jax.nn.relu and activations.pop("deconv0") is same
    assert len(activations) == 11 and set(activations.values()) == {leaky}
    np.testing.assert_allclose(leaky(jnp.array([-2.0, 0.0, 3.0])), [-0.6, 0, 3], rtol=1e-6)


@pytest.mark.parametrize(("double", "side", "stride"), [(True, 4, 2), (False, 3, 1)])
def test_deconvolution_is_torchs(double, side, stride):
    torch = pytest.importorskip("torch", reason="needs requirements-weights.txt")
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 6)).astype(np.float32)
    stage = Deconvolution(7, double, same)
    kernel = np.random.default_rng(1).normal(size=(side, side, 7, 6)).astype(np.float32)
    params = {"params": {"conv": {"kernel": kernel}}}
    peer = torch.nn.ConvTranspose2d(6, 7, side, stride, padding=1, bias=False)
    with torch.no_grad():
        # [k, k, out, in] to [in, out, k, k]
        peer.weight.copy_(torch.tensor(np.array(kernel.transpose(3, 2, 0, 1))))
        expected = peer(torch.tensor(x.transpose(0, 3, 1, 2))).numpy().transpose(0, 2, 3, 1)
    found = stage.apply(params, x, train=False)
    assert found.shape == (2, 5 * stride, 4 * stride, 7)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_deconvolutions_begin_as_caffe_draws_them():
    """Gaussian of variance 2 / n, and n is a kernel's size without the inputs."""
    draw = jax.jit(partial(Deconvolution(64).init, train=False))
    (kernel,) = jax.tree.leaves(draw(jax.random.key(0), jnp.zeros((1, 1, 1, 32))))
    assert np.var(kernel) == pytest.approx(2 / (64 * 16), rel=0.05)


def test_a_crop_begins_at_the_first_pixel():
    x = jnp.arange(2 * 6 * 6, dtype=jnp.float32).reshape(2, 6, 6, 1)
    np.testing.assert_array_equal(Crop(4, 5).apply({}, x, train=False), x[:, :4, :5])


def test_sub_pixels_are_where_a_loop_puts_them():
    """Channel (i, j, c) of a place is pixel (i, j) of its cell."""
    rows, columns, cell, channels = 3, 2, 4, 3
    x = np.random.default_rng(0).normal(size=(2, rows, columns, cell * cell * channels))
    expected = np.zeros((2, rows * cell, columns * cell, channels))
    for r, c, i, j, k in np.ndindex(rows, columns, cell, cell, channels):
        expected[:, r * cell + i, c * cell + j, k] = x[:, r, c, (i * cell + j) * channels + k]
    found = sub_pixels(jnp.asarray(x, jnp.float32), channels)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_conv3x3_is_flaxs_in_values_and_gradients():
    generator = np.random.default_rng(0)
    shapes = (2, 5, 4, 3), (3, 3, 3, 6), (2, 5, 4, 6)
    x, kernel, weights = (jnp.asarray(generator.normal(size=s), jnp.float32) for s in shapes)

    def flax(x, kernel):
        return nn.Conv(6, (3, 3), use_bias=False).apply({"params": {"kernel": kernel}}, x)

    def both(convolve):
        def run(x, kernel):
            out, back = jax.vjp(convolve, x, kernel)
            return out, back(weights)

        return jax.jit(run)(x, kernel)

    found, expected = both(conv3x3), both(flax)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(20, 20, 1), (64, 64, 1), (70, 49, 3), (127, 127, 3)])
@pytest.mark.parametrize("d", [4, 7200])
def test_it_gives_images_of_any_shape(shape, d):
    (images, _), _ = shapes(decoder_for(shape), d)
    assert images.shape == (2, *shape)


def test_large_images_have_the_papers_decoder_and_small_ones_the_light_one():
    assert decoder_for((128, 128, 3)) == alexnet_decoder((128, 128, 3))
    assert decoder_for((127, 128, 3)) == light_decoder((127, 128, 3))


@pytest.mark.parametrize("shape", [(257, 224, 3), (224, 257, 1)])
@pytest.mark.parametrize("make", [alexnet_decoder, decoder_for])
def test_images_above_256_are_refused(make, shape):
    with pytest.raises(UserError, match=f"{shape[0]} x {shape[1]}.*256"):
        make(shape)


@dataclass(frozen=True)
class Images:
    def __call__(self, data, indices):
        return data["x"][indices]


def blobs(seed, n=384, side=20):
    """A bright spot each, told by where it is: no linear map draws it."""
    at = np.random.default_rng(seed).uniform(0.25, 0.75, (n, 2))
    grid = np.arange(side) / side
    down, across = (np.exp(-(((grid - at[:, i : i + 1]) / 0.15) ** 2)) for i in (0, 1))
    return at.astype(np.float32), (down[:, :, None] * across[:, None])[..., None].astype(np.float32)


def test_it_learns_what_no_linear_map_draws():
    (z, x), (asked, truth) = blobs(0), blobs(1)
    trained = decoder.fit(
        light_decoder(x.shape[1:]),
        Images(),
        {"x": jnp.asarray(x)},
        z,
        0.0,
        Budget(30.0, 3e-3, "cosine", 64),
        jax.random.key(0),
    )
    error = np.mean(np.square(np.asarray(trained(asked)) - truth))
    with_one = (np.concatenate([v, np.ones((len(v), 1), np.float32)], 1) for v in (z, asked))
    known, new = with_one
    weights = np.linalg.lstsq(known, x.reshape(len(x), -1), rcond=None)[0]
    linear = np.mean(np.square(new @ weights - truth.reshape(len(truth), -1)))
    mean = np.mean(np.square(x.mean(axis=0) - truth))
    assert linear < mean
    assert error < 0.3 * linear


@pytest.mark.parametrize(("d", "dropped"), [(256, False), (257, True)])
def test_at_first_it_draws_nothing_and_in_training_drops_coordinates_of_long_vectors(d, dropped):
    network, z = light_decoder((20, 20, 1)), jnp.ones((2, d))

    @jax.jit
    def run(key):
        variables = network.init(key, z)
        _, training = network.apply(variables, z, train=True, rngs={"dropout": key})
        return network.apply(variables, z), training

    (images, plain), training = run(jax.random.key(0))
    np.testing.assert_array_equal(images, np.zeros((2, 20, 20, 1)))
    assert bool(jnp.any(plain["code"] != training["code"])) == dropped
