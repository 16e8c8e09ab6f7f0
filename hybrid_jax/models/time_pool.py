"""Max pooling along time that trains fast on a CPU."""

from functools import partial, reduce

import jax
import jax.numpy as jnp


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def max_pool_time(x: jax.Array, window: int) -> jax.Array:
    """Max over non-overlapping windows of time: [B, rows, T, C] gives [B, rows, T // window, C].

    As `flax.linen.max_pool(x, (1, window), (1, window))`, whose gradient is a slow scatter on CPU. Where values tie for
    the maximum, the first has the gradient.
    """
    return _largest(_windows(x, window))


def _windows(x: jax.Array, window: int) -> jax.Array:
    """[B, rows, T // window, window, C]."""
    batch, rows, time, channels = x.shape
    kept = time // window
    return x[:, :, : kept * window].reshape(batch, rows, kept, window, channels)


def _forward(x: jax.Array, window: int):
    return max_pool_time(x, window), x


def _backward(window: int, x: jax.Array, cotangent: jax.Array):
    x, time = _windows(x, window), x.shape[2]
    is_largest = x == _largest(x)[..., None, :]
    gradient = jnp.where(is_largest, cotangent[..., None, :], jnp.zeros_like(x))
    moment = jnp.arange(window)[None, None, None, :, None]
    for earlier in range(window - 1):
        taken = is_largest[..., earlier : earlier + 1, :] & (moment > earlier)
        gradient = jnp.where(taken, jnp.zeros_like(x), gradient)
    gradient = gradient.reshape(*cotangent.shape[:2], -1, cotangent.shape[-1])
    return (jnp.pad(gradient, ((0, 0), (0, 0), (0, time - gradient.shape[2]), (0, 0))),)


def _largest(windows: jax.Array) -> jax.Array:
    # One after another: a reduction would be a pass of its own on a CPU.
    return reduce(jnp.maximum, (windows[..., i, :] for i in range(windows.shape[3])))


max_pool_time.defvjp(_forward, _backward)
