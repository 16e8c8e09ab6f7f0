"""A dense layer over the channels of each moment, a 1x1 convolution, that trains fast on a CPU."""

import jax
from flax import linen as nn
from jax import lax

from hybrid_jax.models.kernel_gradient import kernel_gradient


@jax.custom_vjp
def channel_dot(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """x @ kernel: [N, T, C] with [C, F] gives [N, T, F]."""
    return x @ kernel


def _forward(x: jax.Array, kernel: jax.Array):
    x = lax.optimization_barrier(x)  # as in `time_conv`
    return x @ kernel, (x, kernel)


def _backward(residuals, cotangent: jax.Array):
    x, kernel = residuals
    return cotangent @ kernel.T, kernel_gradient(x, cotangent)[0]


channel_dot.defvjp(_forward, _backward)


class TimeDense(nn.Module):
    """A dense layer on the last axis of [B, rows, T, C], as `nn.Dense(features)`; parameters are the same."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        batch, rows, time, channels = x.shape
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), (channels, self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x = channel_dot(x.reshape(batch * rows, time, channels), kernel)
        return x.reshape(batch, rows, time, self.features) + bias[None, None, None, :]
