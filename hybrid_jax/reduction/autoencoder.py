"""Autoencoder reduction (paper, sections 3.1 and [13]): the second option beside PCA.

One sigmoid layer of `dim` units and a linear reconstruction, squared error, as in the authors' code. Features are
standardised by one common scale first, because a sigmoid's range is fixed and a feature's is not.
"""

import jax
import jax.numpy as jnp

HIGHEST = jax.lax.Precision.HIGHEST


def init(key: jax.Array, features: jax.Array, dim: int) -> dict[str, jax.Array]:
    """Initial reduction for features [N, D]: their mean and rms, and glorot-uniform weights."""
    width = features.shape[1]
    mean = features.mean(axis=0)
    scale = jnp.sqrt(jnp.mean(jnp.square(features - mean[None, :])))
    weights = jax.nn.initializers.glorot_uniform()
    encode, decode = jax.random.split(key)
    return {
        "mean": mean,
        "scale": jnp.maximum(scale, jnp.finfo(jnp.float32).tiny),
        "encode": weights(encode, (width, dim), jnp.float32),
        "encode_bias": jnp.zeros((dim,), jnp.float32),
        "decode": weights(decode, (dim, width), jnp.float32),
        "decode_bias": jnp.zeros((width,), jnp.float32),
    }


# The rest of a reduction is fixed by `init`.
TRAINED = ("encode", "encode_bias", "decode", "decode_bias")


def project(reduction: dict[str, jax.Array], features: jax.Array) -> jax.Array:
    """[B, D] features to [B, dim] codes in (0, 1)."""
    x = (features - reduction["mean"][None, :]) / reduction["scale"]
    return jax.nn.sigmoid(
        jnp.matmul(x, reduction["encode"], precision=HIGHEST) + reduction["encode_bias"][None, :]
    )


def reconstruct(reduction: dict[str, jax.Array], reduced: jax.Array) -> jax.Array:
    """[B, dim] codes to [B, D] features."""
    x = (
        jnp.matmul(reduced, reduction["decode"], precision=HIGHEST)
        + reduction["decode_bias"][None, :]
    )
    return x * reduction["scale"] + reduction["mean"][None, :]


def loss(reduction: dict[str, jax.Array], features: jax.Array) -> jax.Array:
    """Mean squared error of the reconstruction of features [B, D], relative to their variance: 1 for the mean alone."""
    error = reconstruct(reduction, project(reduction, features)) - features
    return jnp.mean(jnp.square(error / reduction["scale"]))
