"""Exact principal component analysis (Pearson 1901; the paper's section 3.1), fitted in blocks.

Mean-centred, not whitened. Fitted through the smaller of the D x D covariance and the N x N Gram matrix, so it works
when D is far larger than N; `features` need only be sliceable by rows, so they may lie on disk.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import errors, mesh

# TF32 or bfloat16 products would rotate close components into each other.
HIGHEST = jax.lax.Precision.HIGHEST
LARGE = 2000  # rows of a matrix of which a few components are found faster than all


class Rows(Protocol):
    """Features [N, D]: an array, a memory map, or whatever gives an array [n, D] for a slice of rows."""

    shape: tuple[int, int]

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Rows as an array [n, D]."""
        ...


def fit(
    features: Rows,
    dim: int,
    *,
    block_size: int = 4096,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, jax.Array]:
    """Fits the first `dim` principal components.

    Args:
        features: [N, D], sliceable by rows; visited in blocks, more than once.
        dim: number of components, 1 .. min(N, D).
        block_size: rows held in memory at a time.
        on_progress: called with (products done, products in all) as the fit goes on.

    Returns:
        `mean` [D]; `components` [dim, D], orthonormal rows in falling order of variance, the largest entry of each
        positive (so that a fit is unique); `explained` [dim], each one's share of the variance.

    Raises:
        errors.UserError: `dim` is not in 1 .. min(N, D), or a feature is not finite.
    """
    size, width = features.shape
    if not 1 <= dim <= min(size, width):
        raise errors.UserError(
            f"reduced_dim {dim}: PCA of {size} features of dimension {width} has 1 to {min(size, width)} components"
        )
    slices = [slice(i, min(i + block_size, size)) for i in range(0, size, block_size)]
    with np.errstate(invalid="ignore"):  # inf - inf, which the next line reports
        sums = (np.sum(np.asarray(features[s]), axis=0, dtype=np.float64) for s in slices)
        mean = np.asarray(sum(sums, np.zeros(width))) / size
    if not np.all(np.isfinite(mean)):
        raise errors.UserError("PCA: the features hold NaN or infinite values; they must be finite")
    centred = _Centred(features, mean)
    reduce = _from_covariance if width <= size else _from_gram
    components, variances, total = reduce(centred, slices, dim, on_progress or (lambda *_: None))
    largest = np.abs(components).argmax(axis=1)
    components *= np.sign(components[np.arange(dim), largest])[:, None]
    return {
        "mean": jnp.asarray(mean, jnp.float32),
        "components": jnp.asarray(components, jnp.float32),
        "explained": jnp.asarray(variances / total if total > 0 else np.zeros(dim), jnp.float32),
    }


def project(reduction: dict[str, jax.Array], features: jax.Array) -> jax.Array:
    """[B, D] features to [B, dim] coordinates: (f - mean) W^T."""
    centred = features - reduction["mean"][None, :]
    return jnp.matmul(centred, reduction["components"].T, precision=HIGHEST)


def reconstruct(reduction: dict[str, jax.Array], reduced: jax.Array) -> jax.Array:
    """[B, dim] coordinates to [B, D] features: z W + mean. As in the authors' code no ReLU is applied to them."""
    return (
        jnp.matmul(reduced, reduction["components"], precision=HIGHEST) + reduction["mean"][None, :]
    )


class _Centred:
    """Rows less their mean, in float32: centred in float64 first, so that a large offset costs no digits."""

    def __init__(self, features: Rows, mean: np.ndarray):
        self._features, self._mean = features, mean

    def __getitem__(self, rows: slice) -> jax.Array:
        return jnp.asarray(np.asarray(self._features[rows]) - self._mean, jnp.float32)


@jax.jit
def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    """a b. Several devices split what it sums over: rows for the covariance, coordinates for the Gram matrix."""
    missing = -a.shape[1] % mesh.size()
    a, b = (jnp.pad(x, ((0, missing), (0, 0))) if missing else x for x in (a.T, b))
    a, b = mesh.split((a, b))
    return mesh.whole(jnp.matmul(a.T, b, precision=HIGHEST))


def _from_covariance(centred: _Centred, slices: list[slice], dim: int, on_progress):
    scatter = np.zeros(())
    for done, rows in enumerate(slices, 1):
        block = centred[rows]
        scatter = scatter + np.asarray(_product(block.T, block), np.float64)
        on_progress(done, len(slices))
    values, vectors = _largest(scatter, dim)
    return vectors.T.copy(), values, np.trace(scatter)


def _from_gram(centred: _Centred, slices: list[slice], dim: int, on_progress):
    size = slices[-1].stop
    gram = np.zeros((size, size))
    pairs = len(slices) * (len(slices) + 1) // 2
    for i, j, done in _upper(len(slices)):
        block = np.asarray(_product(centred[slices[i]], centred[slices[j]].T), np.float64)
        gram[slices[i], slices[j]], gram[slices[j], slices[i]] = block, block.T
        on_progress(done, pairs)
    values, vectors = _largest(gram, dim)
    parts = (
        np.asarray(_product(vectors[s].T.astype(np.float32), centred[s]), np.float64)
        for s in slices
    )
    components = sum(parts, np.zeros(()))
    # QR keeps the rows orthonormal also where a component has no variance left.
    rotation, scale = np.linalg.qr(components.T)
    return (rotation * np.copysign(1.0, np.diagonal(scale))).T.copy(), values, np.trace(gram)


def _largest(matrix: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest eigenvalues [dim] of a symmetric matrix, falling, and their vectors [n, dim].

    Of a large matrix few are found by Lanczos's iteration (ARPACK), to the digits that all of them would have: it costs
    products with a vector, where all of them cost the cube of the size.
    """
    if len(matrix) <= LARGE or dim > len(matrix) // 20:
        values, vectors = np.linalg.eigh(matrix)
    else:
        from scipy.sparse.linalg import eigsh

        # By default the start is another one each time.
        start = np.random.default_rng(0).standard_normal(len(matrix))
        values, vectors = eigsh(matrix, dim, which="LA", v0=start)
    order = np.argsort(values, kind="stable")[::-1][:dim]
    return np.maximum(values[order], 0.0), vectors[:, order]


def _upper(n: int) -> Iterator[tuple[int, int, int]]:
    done = 0
    for i in range(n):
        for j in range(i, n):
            done += 1
            yield i, j, done
