"""PCA against NumPy's SVD in float64, at every shape and limit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_jax.errors import UserError
from hybrid_jax.reduction import pca

# N samples of dimension D: more samples, more dimensions, as many, far more (a covariance of 3 GB).
SHAPES = [(200, 12), (12, 200), (20, 20), (6, 20_000), (50, 1), (1, 7)]


def data(size, width, seed=0):
    """Features of unequal variances, in no special directions, about a mean that is not 0."""
    rng = np.random.default_rng([seed, size, width])
    scales = 0.8 ** np.arange(width) + 0.01
    basis, _ = np.linalg.qr(rng.normal(size=(width, min(width, 30))))
    spread = rng.normal(size=(size, basis.shape[1])) * scales[: basis.shape[1]]
    return (5 * (spread @ basis.T) + rng.normal(size=width)).astype(np.float32)


def svd(features, dim):
    """Mean, components and shares of variance, in float64, signs as `fit` has them."""
    features = np.float64(features)
    mean = features.mean(axis=0)
    _, singular, components = np.linalg.svd(features - mean, full_matrices=False)
    largest = np.abs(components).argmax(axis=1)
    components *= np.sign(components[np.arange(len(components)), largest])[:, None]
    return mean, components[:dim], (singular**2 / max(np.sum(singular**2), 1e-300))[:dim]


def angle(a, b):
    """Sine of the largest angle between two spaces spanned by orthonormal rows."""
    return np.linalg.norm(np.float64(b) - np.float64(b) @ a.T @ a, ord=2)


def check_orthonormal(components):
    np.testing.assert_allclose(components @ components.T, np.eye(len(components)), atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_pca_is_the_singular_value_decomposition(shape):
    features, dim = data(*shape), min(4, *shape)
    found = pca.fit(features, dim)
    mean, components, explained = svd(features, dim)
    np.testing.assert_allclose(found["mean"], mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["explained"], explained, rtol=1e-4, atol=1e-6)
    assert found["components"].shape == (dim, shape[1])
    assert all(a.dtype == jnp.float32 for a in found.values())
    if shape[0] > 1:  # a single sample has no direction
        np.testing.assert_allclose(found["components"], components, atol=1e-4)
    check_orthonormal(found["components"])


@pytest.mark.parametrize("shape", [(150, 12), (40, 300)])
def test_the_block_size_does_not_matter(shape):
    features = data(*shape)
    whole = pca.fit(features, 5, block_size=10**6)
    for block_size in (1, 7, shape[0] - 1, shape[0]):
        found = pca.fit(features, 5, block_size=block_size)
        for name in whole:
            np.testing.assert_allclose(found[name], whole[name], atol=2e-5, err_msg=name)


@pytest.mark.parametrize("shape", [(150, 12), (12, 150)])
def test_components_of_a_smaller_fit_are_the_first_of_a_larger(shape):
    features = data(*shape)
    large = pca.fit(features, 10)
    for dim in (1, 3, 9):
        small = pca.fit(features, dim)
        np.testing.assert_allclose(small["components"], large["components"][:dim], atol=1e-5)
        np.testing.assert_allclose(small["explained"], large["explained"][:dim], rtol=1e-5)


def test_it_is_centred_and_not_whitened():
    features = data(300, 10)
    reduction = pca.fit(features, 4)
    z = np.float64(pca.project(reduction, features))
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-5)
    covariance = z.T @ z / 300
    total = np.var(np.float64(features), axis=0).sum()
    variances = np.float64(reduction["explained"]) * total
    np.testing.assert_allclose(np.diag(covariance), variances, rtol=1e-4)
    np.testing.assert_allclose(covariance, np.diag(variances), atol=1e-4 * variances[0])
    assert (np.diff(variances) < 0).all() and variances[0] > 2 * variances[-1]
    mean = jnp.asarray(reduction["mean"])[None, :]
    np.testing.assert_array_equal(pca.project(reduction, mean), np.zeros((1, 4)))
    np.testing.assert_array_equal(pca.reconstruct(reduction, jnp.zeros((1, 4))), mean)


@pytest.mark.parametrize("shape", [(60, 7), (7, 60), (8, 8)])
def test_at_full_rank_reconstruction_is_exact(shape):
    features = data(*shape)
    reduction = pca.fit(features, min(shape))
    back = pca.reconstruct(reduction, pca.project(reduction, features))
    np.testing.assert_allclose(back, features, atol=2e-5)
    np.testing.assert_allclose(np.sum(reduction["explained"]), 1, atol=1e-5)


def test_reconstruction_leaves_the_variance_not_explained():
    features = data(300, 10)
    total = np.var(np.float64(features), axis=0).sum()
    for dim in (1, 5):
        reduction = pca.fit(features, dim)
        error = features - pca.reconstruct(reduction, pca.project(reduction, features))
        left = np.sum(np.mean(np.square(np.float64(error)), axis=0)) / total
        np.testing.assert_allclose(left, 1 - np.sum(reduction["explained"]), atol=1e-5)


@pytest.mark.parametrize("shape", [(100, 9), (9, 100)])
def test_the_largest_entry_of_each_component_is_positive(shape):
    for sign in (1, -1):
        components = np.asarray(pca.fit(sign * data(*shape), 5)["components"])
        largest = np.abs(components).argmax(axis=1)
        assert (components[np.arange(5), largest] > 0).all()


@pytest.mark.parametrize("shape", [(80, 20), (20, 80)])
@pytest.mark.parametrize("rank", [0, 1, 3])
def test_data_of_lower_rank_than_asked(rank, shape):
    """The components beyond it explain nothing, and still are orthonormal and finite."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(shape[0], rank)) @ rng.normal(size=(rank, shape[1])) + 2.0
    features = features.astype(np.float32)
    reduction = pca.fit(features, 6)
    assert all(np.isfinite(a).all() for a in reduction.values())
    check_orthonormal(reduction["components"])
    np.testing.assert_allclose(reduction["explained"][rank:], 0, atol=1e-5)
    np.testing.assert_allclose(np.sum(reduction["explained"]), float(rank > 0), atol=1e-5)
    back = pca.reconstruct(reduction, pca.project(reduction, features))
    np.testing.assert_allclose(back, features, atol=1e-4)


@pytest.mark.parametrize("shape", [(200, 12), (12, 200)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_offset_costs_nothing_but_the_inputs_own_digits(shape, dtype):
    features = data(*shape).astype(dtype) + dtype(1e4)  # rounded to float32: steps of .001
    found = pca.fit(features, 3)
    mean, components, explained = svd(features, 3)
    np.testing.assert_allclose(found["mean"], mean, rtol=1e-7)
    np.testing.assert_allclose(found["explained"], explained, rtol=1e-4)
    assert angle(components, found["components"]) < 1e-4


def test_a_memory_map_and_anything_that_slices_give_the_same(tmp_path):
    features = data(90, 14)
    np.save(tmp_path / "features.npy", features)

    class OnlySlices:
        shape = features.shape

        def __getitem__(self, rows):
            assert isinstance(rows, slice) and rows.stop - rows.start <= 32
            return features[rows]

    expected = pca.fit(features, 4, block_size=32)
    for rows in (
        np.load(tmp_path / "features.npy", mmap_mode="r"),
        OnlySlices(),
        jnp.asarray(features),
    ):
        found = pca.fit(rows, 4, block_size=32)
        jax.tree.map(np.testing.assert_array_equal, found, expected)


@pytest.mark.parametrize("shape", [(90, 14), (14, 90)])
def test_progress_rises_to_the_end(shape):
    seen = []
    pca.fit(
        data(*shape), 2, block_size=8, on_progress=lambda done, total: seen.append((done, total))
    )
    total = seen[0][1]
    assert seen == [(i, total) for i in range(1, total + 1)] and total > 1


@pytest.mark.parametrize("shape", [(30, 6), (6, 30)])
@pytest.mark.parametrize("dim", [-1, 0, 7])
def test_a_dimension_out_of_range_is_refused(shape, dim):
    with pytest.raises(UserError, match=rf"reduced_dim {dim}: .* 1 to 6"):
        pca.fit(data(*shape), dim)


@pytest.mark.parametrize("shape", [(30, 6), (6, 30)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused(shape, bad):
    features = data(*shape)
    features[3, 2] = bad
    with pytest.raises(UserError, match="NaN or infinite"):
        pca.fit(features, 2)


def test_two_infinities_of_opposite_sign_are_refused():
    features = data(30, 6)
    features[3, 2], features[4, 2] = np.inf, -np.inf
    with pytest.raises(UserError, match="NaN or infinite"):
        pca.fit(features, 2)


@pytest.mark.parametrize("shape", [(300, 120), (120, 300)])
def test_few_components_of_many_are_those_of_all(shape, monkeypatch):
    """By Lanczos's iteration; of the covariance, and of the Gram matrix."""
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    x *= np.linspace(1, 3, shape[1], dtype=np.float32)
    expected = pca.fit(x, 4)
    monkeypatch.setattr(pca, "LARGE", 10)
    found = pca.fit(x, 4)
    signs = np.sign(np.sum(found["components"] * expected["components"], axis=1, keepdims=True))
    np.testing.assert_allclose(signs * found["components"], expected["components"], atol=2e-5)
    again = pca.fit(x, 4)
    jax.tree.map(np.testing.assert_array_equal, again, found)
