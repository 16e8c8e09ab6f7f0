"""Gaussian noise on exclusive features: each sample's draw is its own, whatever batch it is in."""

import jax


def standard_normal(key: jax.Array, index: jax.Array, dim: int) -> jax.Array:
    """One standard-normal vector per sample, float32 [n, dim].

    Row i depends only on (key, index[i]), so accuracy on the whole test set and privacy on a
    subset of it see the same noisy features.

    Args:
        key: one key; fold the draw's number in for several draws.
        index: the samples' numbers in their data set, integer [n].
        dim: width D of the feature.
    """

    def row(i: jax.Array) -> jax.Array:
        return jax.random.normal(jax.random.fold_in(key, i), (dim,), jax.numpy.float32)

    return jax.vmap(row)(index)


def add(features: jax.Array, noise_std: float | jax.Array, standard_normal: jax.Array) -> jax.Array:
    """The noisy feature z = f + noise_std * n, so p(z | f) = N(z; f, noise_std^2 I).

    `noise_std` is a standard deviation in the feature's own units (the paper's Fig. 10 quotes the
    variance); the two arrays are [..., D].

    >>> f = jax.numpy.ones((2, 3))
    >>> n = standard_normal(jax.random.key(0), jax.numpy.arange(2), 3)
    >>> z = add(f, 0.5, n)
    >>> bool(jax.numpy.allclose((z - f) / 0.5, n, atol=1e-6))
    True
    """
    return features + noise_std * standard_normal
