"""Fits a reduction, by name, to training features."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import train
from hybrid_jax.errors import UserError, unknown
from hybrid_jax.phase import Budget
from hybrid_jax.progress import bar
from hybrid_jax.reduction import KINDS, autoencoder, pca


def fit(
    kind: str, features: jax.Array, dim: int, key: jax.Array, budget: Budget
) -> dict[str, jax.Array]:
    """The reduction `kind` of features [N, D] to `dim`.

    Args:
        kind: `pca` or `autoencoder`.
        features: [N, D] of the training windows, in eval mode.
        dim: 1 .. D.
        key: of the autoencoder's initial weights and batches.
        budget: of the autoencoder's training.

    Raises:
        errors.UserError: an unknown kind, or a dimension that is not in 1 .. D.
    """
    if kind not in KINDS:
        raise unknown("reduction", kind, KINDS)
    check_dim(dim, features.shape[1])
    if kind == "pca":
        with bar(f"PCA, {features.shape[1]} to {dim}", 1) as advance:
            return pca.fit(
                np.asarray(features), dim, on_progress=lambda done, total: advance(done / total)
            )
    initial = autoencoder.init(key, features, dim)
    num_steps, steps_per_call = budget.steps(features.shape[0])
    optimizer = budget.transformation(num_steps)
    trained = {name: initial[name] for name in autoencoder.TRAINED}
    fixed = {name: value for name, value in initial.items() if name not in trained}
    state = train.init(trained, optimizer)
    steps = train.fit(
        _autoencoder_loss,
        state,
        {"features": features, "fixed": fixed},
        jnp.arange(features.shape[0], dtype=jnp.int32),
        key,
        optimizer=optimizer,
        batch_size=budget.batch_size,
        num_steps=num_steps,
        steps_per_call=steps_per_call,
    )
    with bar(f"autoencoder, {features.shape[1]} to {dim}", num_steps) as advance:
        for state, _ in steps:
            advance(int(state.step))
    return {**fixed, **state.found}


def check_dim(dim: int, width: int, layer: str = "") -> None:
    """Raises `UserError` unless a feature of `width` can be reduced to `dim`."""
    if not 1 <= dim <= width:
        where = f" at {layer}" if layer else ""
        raise UserError(
            f"reduced_dim {dim}{where}: the feature has dimension {width}; choose 1 to {width}"
        )


def _autoencoder_loss(
    params: Mapping, model_state: Any, data: Mapping, indices: jax.Array, key: jax.Array
):
    error = autoencoder.loss({**data["fixed"], **params}, data["features"][indices])
    return error, ({}, model_state)
