"""Decoders from a feature vector back to an image: what an adversary rebuilds a face with (paper, section 4.3)."""

import math
from collections.abc import Callable, Sequence

import jax
from flax import linen as nn

from hybrid_jax.errors import UserError
from hybrid_jax.models.dropout import Dropout
from hybrid_jax.models.image_parts import conv3x3
from hybrid_jax.stages import Network, Stage

LARGEST = 256  # side that the paper's decoder makes
FROM = 128  # smallest side that it is taken for
DENSE = 4096
# Stages after the dense ones, with their channels: those called deconv double the sides, from 4.
DECONVOLUTIONS = (
    ("deconv5", 256),
    ("conv5_11", 512),
    ("deconv4", 256),
    ("conv4_11", 256),
    ("deconv3", 128),
    ("conv3_11", 128),
    ("deconv2", 64),
    ("deconv1", 32),
)

CODE = 256  # numbers that the light decoder draws from
CELL = 8  # side of its cells, in pixels
MAPS = 32
BENT = 32  # of the code: what is not linear is of these, or it would learn few images by heart
DROPPED = 0.25  # share of a long vector's coordinates

_xavier = nn.initializers.lecun_uniform()  # Caffe's: by the inputs alone
_msra = nn.initializers.he_normal()
_small = nn.initializers.variance_scaling(1 / 64, "fan_avg", "uniform")


def leaky(x: jax.Array) -> jax.Array:
    """The source's activation: below 0 the slope is .3."""
    return nn.leaky_relu(x, 0.3)


def same(x: jax.Array) -> jax.Array:
    """No activation."""
    return x


class Vector(nn.Module):
    """A dense layer over all of the input, and its activation: [B, ...] to [B, features]."""

    features: int
    kernel_init: Callable = _msra
    activation: Callable[[jax.Array], jax.Array] = leaky

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        dense = nn.Dense(self.features, kernel_init=self.kernel_init, name="dense")
        return self.activation(dense(x.reshape(x.shape[0], -1)))


class Deconvolution(nn.Module):
    """A transposed convolution with zeros of width 1 around it, and its activation.

    4x4 with stride 2 doubles the sides of [B, H, W, C], 3x3 with stride 1 keeps them. It has no bias: in the source
    that is 0 and does not learn. The kernel is [k, k, features, C]: `he_normal` then draws it as Caffe
    does, from what an input reaches.
    """

    features: int
    double: bool = True
    activation: Callable[[jax.Array], jax.Array] = leaky

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        side, stride = (4, 2) if self.double else (3, 1)
        transposed = nn.ConvTranspose(
            self.features,
            (side, side),
            (stride, stride),
            padding="SAME",
            use_bias=False,
            transpose_kernel=True,
            kernel_init=_msra,
            name="conv",
        )
        return self.activation(transposed(x))


class Maps(nn.Module):
    """A vector [B, D] as maps [B, rows, columns, D / (rows * columns)]."""

    rows: int
    columns: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        return x.reshape(x.shape[0], self.rows, self.columns, -1)


class Crop(nn.Module):
    """The first `height` rows and `width` columns of images, which begin where they are cropped in the source."""

    height: int
    width: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        return x[:, : self.height, : self.width]


def alexnet_decoder(shape: Sequence[int]) -> Network:
    """The paper's decoder: vectors [B, d], or maps, which are flattened, to images [B, H, W, C].

    That of Dosovitskiy and Brox ("Inverting visual representations with convolutional networks", CVPR 2016) for
    AlexNet's fc6, with a layer fc6 for what it is fed with before, as in reference (f); stages have its names. It
    makes 256 x 256 pixels, of which the first rows and columns are kept. At 224 x 224 x 3 and d = 4096 it
    has 73 million parameters.

    Args:
        shape: height, width and channels of an image.

    Raises:
        errors.UserError: a side is above 256.
    """
    height, width, channels = shape
    if max(height, width) > LARGEST:
        raise UserError(
            f"image {height} x {width}: the AlexNet decoder makes sides up to {LARGEST}; give smaller images"
        )
    deconvolutions = (
        Stage(name, Deconvolution(features, double=name.startswith("deconv")))
        for name, features in DECONVOLUTIONS
    )
    return Network(
        (
            Stage("fc6", Vector(DENSE, _xavier, nn.relu)),
            *(Stage(name, Vector(DENSE)) for name in ("defc7", "defc6", "defc5")),
            Stage("reshape", Maps(4, 4)),
            *deconvolutions,
            Stage("deconv0", Deconvolution(channels, activation=same)),
            Stage("crop", Crop(height, width)),
        )
    )


def sub_pixels(x: jax.Array, channels: int) -> jax.Array:
    """Each place of [B, H, W, k * k * channels] as a cell of k x k pixels: [B, k * H, k * W, channels].

    Number (i * k + j) * channels + c of a place is channel c of the cell's pixel (i, j).
    """
    batch, rows, columns, depth = x.shape
    side = math.isqrt(depth // channels)
    cells = x.reshape(batch, rows, columns, side, side, channels)
    return cells.transpose(0, 1, 3, 2, 4, 5).reshape(batch, rows * side, columns * side, channels)


class Light(nn.Module):
    """From a code [B, K] to images [B, H, W, C]: a linear map, and what cells of 8 x 8 pixels add to it.

    Both are 0 at the start, so what training never asks of the code stays out of the image.
    """

    shape: tuple[int, int, int]

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        height, width, channels = self.shape
        zeros = nn.initializers.zeros
        linear = nn.Dense(height * width * channels, kernel_init=zeros, name="linear")(x)
        rows, columns = -(-height // CELL), -(-width // CELL)
        dense = nn.Dense(rows * columns * MAPS, kernel_init=_xavier, name="maps")
        maps = nn.relu(dense(nn.relu(x[:, :BENT]))).reshape(-1, rows, columns, MAPS)
        kernel = self.param("kernel", zeros, (3, 3, MAPS, CELL * CELL * channels))
        added = sub_pixels(conv3x3(maps, kernel), channels)[:, :height, :width]
        # Thrice Adam's step: its steps add up to .2 in a training of some hundred, and images reach from -1 to 1.
        return 3 * (linear.reshape(-1, height, width, channels) + added)


class Code(nn.Module):
    """A linear map of a vector [B, ...] to its code [B, 256].

    Of a vector longer than that, whose coordinates tell much the same, some are dropped in training: as many parameters
    as it takes would learn its few images by heart. The map begins small, so that what images do not ask for stays so.
    """

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = x.reshape(x.shape[0], -1)
        x = Dropout(DROPPED if x.shape[1] > CODE else 0.0)(x, train)
        # Twice the step of Adam, whose steps are as large whatever they are multiplied by.
        return nn.Dense(CODE, kernel_init=_small, name="dense")(2 * x)


def light_decoder(shape: Sequence[int]) -> Network:
    """A decoder that trains on a CPU in seconds: vectors [B, d], or maps, which are flattened, to images [B, H, W, C].

    A linear map by way of 256 numbers, to which cells of 8 x 8 pixels add what is not linear. Ours: the paper's takes
    224 x 224 pixels.

    Args:
        shape: height, width and channels of an image.
    """
    height, width, channels = shape
    return Network((Stage("code", Code()), Stage("image", Light((height, width, channels)))))


def decoder_for(shape: Sequence[int]) -> Network:
    """`alexnet_decoder` for images [H, W, C] with sides from 128 up, as the paper's 224; else `light_decoder`.

    Raises:
        errors.UserError: a side is above 256.
    """
    height, width, _ = shape
    if max(height, width) > LARGEST or min(height, width) >= FROM:
        return alexnet_decoder(shape)
    return light_decoder(shape)
