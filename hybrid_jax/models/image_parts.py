"""Parts that networks of images share."""

from functools import partial, reduce

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from hybrid_jax.models.time_dense import channel_dot


def max_pool(
    x: jax.Array, window: int, stride: int, padding: str, as_one: bool = False
) -> jax.Array:
    """Max over square windows of [B, H, W, C], as `flax.linen.max_pool`.

    Its gradient there is a slow scatter on a CPU; here the maximum is taken of shifted copies, by rows and then by
    columns. Where values tie they share the gradient.

    Args:
        x: images.
        window: side of a window.
        stride: from one window to the next.
        padding: `VALID`, or `SAME`: ceil(H / stride) windows, minus infinity around.
        as_one: whether it is Flax's, which a converter knows.
    """
    if as_one:
        return nn.max_pool(x, (window, window), (stride, stride), padding)
    for axis in (1, 2):  # the maximum over a square is that over its rows' maxima
        side = x.shape[axis]
        around = _reach(side, window, stride) if padding == "SAME" else (0, 0)
        widths = [(0, 0)] * axis + [around] + [(0, 0)] * (3 - axis)
        padded = jnp.pad(x, widths, constant_values=-jnp.inf) if any(around) else x
        last = stride * ((padded.shape[axis] - window) // stride) + 1
        x = reduce(
            jnp.maximum,
            (lax.slice_in_dim(padded, i, i + last, stride, axis) for i in range(window)),
        )
    return x


class Pointwise(nn.Module):
    """A 1x1 convolution of [B, H, W, C] without bias, as a matrix product; its parameter is that of `nn.Conv`.

    The gradients of XLA:CPU's convolutions are slow, inside a loop more so.

    Attributes:
        features: channels that come out.
        stride: from one pixel that is looked at to the next.
        as_one: whether it is a convolution after all, which a converter knows.
    """

    features: int
    stride: int = 1
    as_one: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (1, 1, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), shape)
        if self.as_one:
            return xla_convolution(x, kernel, "VALID", self.stride)
        x = x[:, :: self.stride, :: self.stride]
        batch, height, width, channels = x.shape
        y = channel_dot(x.reshape(batch, height * width, channels), kernel[0, 0])
        return y.reshape(batch, height, width, self.features)


def conv3x3(x: jax.Array, kernel: jax.Array, padding: str = "SAME") -> jax.Array:
    """Convolution of [B, H, W, C] with [3, 3, C, F]: [B, H', W', F].

    On a CPU it is one product with what each place sees side by side: in the loop of training, XLA's own convolution
    takes many times as long there (`benchmarks/convolutions.py`).

    Args:
        x: images.
        kernel: of the convolution.
        padding: `SAME`, zeros around; or `VALID`, two rows and two columns fewer.
    """
    return lax.platform_dependent(
        x,
        kernel,
        cpu=partial(_columns, padding=padding),
        default=partial(xla_convolution, padding=padding),
    )


def _columns(x: jax.Array, kernel: jax.Array, padding: str) -> jax.Array:
    if padding == "SAME":
        x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = (side - 2 for side in x.shape[1:3])
    seen = [x[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return jnp.concatenate(seen, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])


def xla_convolution(x: jax.Array, kernel: jax.Array, padding="SAME", stride: int = 1) -> jax.Array:
    """XLA's convolution of [B, H, W, C] with [h, w, C, F]; `padding` as `lax.conv_general_dilated` takes it."""
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=layout)


class Conv3x3(nn.Module):
    """A 3x3 convolution with the parameters of `nn.Conv`: in training `conv3x3`, else XLA's, which is faster then."""

    features: int
    padding: str = "SAME"
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        shape = (3, 3, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), shape)
        y = (conv3x3 if train else xla_convolution)(x, kernel, self.padding)
        if not self.use_bias:
            return y
        return y + self.param("bias", nn.initializers.zeros, shape[-1:])[None, None, None]


def _reach(side: int, window: int, stride: int) -> tuple[int, int]:
    """What is added before and after a side (as TensorFlow pads: the odd one after)."""
    missing = max((-(-side // stride) - 1) * stride + window - side, 0)
    return missing // 2, missing - missing // 2


class BatchNorm(nn.Module):
    """Batch normalisation of the last axis, with epsilon .001 and momentum .99 as in Keras.

    Attributes:
        running: whether training too goes by the running statistics, and leaves them as they are: what a pre-trained
            network has learned of its data is then kept when it is fine-tuned on few.
    """

    running: bool

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        norm = nn.BatchNorm(momentum=0.99, epsilon=1e-3, name="norm")
        return norm(x, use_running_average=self.running or not train)
