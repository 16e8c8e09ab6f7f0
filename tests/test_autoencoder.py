"""The autoencoder's laws, and fitting either reduction by name."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_jax import fit_reduction
from hybrid_jax.errors import UserError
from hybrid_jax.phase import Budget
from hybrid_jax.reduction import KINDS, PROJECT, RECONSTRUCT, autoencoder, pca

BUDGET = Budget(epochs=150, learning_rate=1e-2, schedule="constant", batch_size=32)


def low_rank(size=256, width=20, rank=3, scale=1.0):
    rng = np.random.default_rng(1)
    features = rng.normal(size=(size, rank)) @ rng.normal(size=(rank, width)) + rng.normal(
        size=width
    )
    return jnp.asarray(scale * features, jnp.float32)


def test_the_loss_is_1_for_the_mean_alone_and_0_for_the_feature_itself():
    features = low_rank()
    reduction = autoencoder.init(jax.random.key(0), features, 3)
    mean_alone = reduction | {"decode": jnp.zeros_like(reduction["decode"])}
    np.testing.assert_allclose(autoencoder.loss(mean_alone, features), 1, rtol=1e-5)
    constant = reduction | {"encode": jnp.zeros((20, 1)), "encode_bias": jnp.zeros(1)}
    constant |= {"decode": jnp.zeros((1, 20))}
    exact = (features[:1] - reduction["mean"][None, :]) / reduction["scale"]
    constant["decode_bias"] = exact[0]
    np.testing.assert_allclose(autoencoder.loss(constant, features[:1]), 0, atol=1e-10)


def test_codes_lie_between_0_and_1():
    features = low_rank()
    reduction = autoencoder.init(jax.random.key(0), features, 3)
    codes = autoencoder.project(reduction, features)
    assert codes.shape == (256, 3) and codes.min() > 0 and codes.max() < 1
    np.testing.assert_allclose(
        autoencoder.project(reduction, reduction["mean"][None, :]), 0.5 * np.ones((1, 3))
    )


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e4])
def test_training_learns_low_rank_features_in_any_unit(scale):
    features = low_rank(scale=scale)
    trained = fit_reduction.fit("autoencoder", features, 3, jax.random.key(0), BUDGET)
    untrained = autoencoder.init(jax.random.key(0), features, 3)
    assert set(trained) == set(untrained)
    assert autoencoder.loss(trained, features) < 0.3 < 0.9 < autoencoder.loss(untrained, features)


def test_the_key_decides_the_fit():
    features, short = low_rank(), Budget(0.25, 1e-2, "constant", 32)  # two steps

    def fit(seed):
        return fit_reduction.fit("autoencoder", features, 3, jax.random.key(seed), short)

    jax.tree.map(np.testing.assert_array_equal, fit(0), fit(0))
    assert np.std(fit(0)["encode"] - fit(1)["encode"]) > 0.1  # the initial weights differ
    start = autoencoder.init(jax.random.key(0), features, 3)["encode"]
    assert 0 < np.abs(fit(0)["encode"] - start).max() < 0.021


def test_equal_features_are_no_division_by_zero():
    features = jnp.full((40, 6), 3.0)
    trained = fit_reduction.fit(
        "autoencoder", features, 2, jax.random.key(0), Budget(1, 1e-2, "cosine", 8)
    )
    back = autoencoder.reconstruct(trained, autoencoder.project(trained, features))
    np.testing.assert_allclose(back, features, rtol=1e-6)


# Either, by name


@pytest.mark.parametrize("kind", KINDS)
def test_either_kind_maps_to_the_dimension_and_back(kind):
    features = low_rank()
    reduction = fit_reduction.fit(
        kind, features, 5, jax.random.key(0), Budget(0.1, 1e-2, "cosine", 32)
    )
    z = PROJECT[kind](reduction, features)
    assert z.shape == (256, 5) and z.dtype == jnp.float32
    assert RECONSTRUCT[kind](reduction, z).shape == features.shape
    # Each row on its own: a row of a batch is that row alone, so a device may reduce one at a time.
    np.testing.assert_allclose(
        PROJECT[kind](reduction, features[7:8])[0], z[7], rtol=1e-5, atol=1e-6
    )


def test_pca_by_name_is_pca():
    features = low_rank()
    found = fit_reduction.fit("pca", features, 3, jax.random.key(0), BUDGET)
    jax.tree.map(np.testing.assert_array_equal, found, pca.fit(np.asarray(features), 3))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [-1, 0, 21])
def test_a_dimension_above_the_features_is_refused(kind, dim):
    with pytest.raises(UserError, match=rf"reduced_dim {dim}: .*dimension 20; choose 1 to 20"):
        fit_reduction.fit(kind, low_rank(), dim, jax.random.key(0), BUDGET)


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(
        UserError, match=r"unknown reduction 'pcs': did you mean 'pca'.*autoencoder"
    ):
        fit_reduction.fit("pcs", low_rank(), 3, jax.random.key(0), BUDGET)
