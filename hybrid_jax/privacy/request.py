"""One measurement, checked before any work: who is asked about whom, at which noise, with which prior."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.errors import UserError
from hybrid_jax.privacy import gallery, ranking
from hybrid_jax.privacy.gallery import Samples


@dataclass(frozen=True, eq=False)
class Request:
    """What `engine.outcomes` answers.

    Attributes:
        queries, gallery: features divided by `scale` and centred.
        index: the queries' sample numbers, which choose their noise [Q].
        window: of the exclusion rule of `gallery.Samples`; 0 excludes nothing.
        num_classes: K.
        scale: what divided the features.
        noise_std: the grid, in the features' own units, 0 and infinity included [G].
        keys: one for each draw [S].
        prior_name, prior: P(s), and what it was called [K].
        rule: the name of the gallery.
    """

    queries: Samples
    gallery: Samples
    index: np.ndarray
    window: int
    num_classes: int
    scale: float
    noise_std: np.ndarray
    keys: jax.Array
    prior_name: str
    prior: np.ndarray
    rule: str

    @classmethod
    def check(
        cls,
        features,
        labels,
        *,
        noise_std,
        key: jax.Array | None,
        num_draws: int,
        index,
        gallery_rule: str,
        prior,
        **columns,
    ) -> "Request":
        """From what `rank_privacy` takes; raises its UserErrors."""
        levels = _noise_levels(noise_std)
        if int(num_draws) != num_draws or num_draws < 1:
            raise UserError(f"num_draws {num_draws}: it needs to be a whole number from 1")
        if key is None and ((levels > 0) & (levels < np.inf)).any():
            raise UserError("key is missing: noise_std above 0 needs one to draw the noise from")
        queries, held, window, num_classes, scale = gallery.prepare(
            features, labels, gallery=gallery_rule, **columns
        )
        prior_name, prior = ranking.class_prior(
            prior, np.bincount(held.labels, minlength=num_classes)
        )
        root = jax.random.key(0) if key is None else key
        return cls(
            queries=queries,
            gallery=held,
            index=_sample_numbers(index, len(queries.labels)),
            window=window,
            num_classes=num_classes,
            scale=scale,
            noise_std=levels,
            keys=jax.vmap(jax.random.fold_in, (None, 0))(root, jnp.arange(num_draws)),
            prior_name=prior_name,
            prior=prior,
            rule=gallery_rule,
        )


def _noise_levels(noise_std) -> np.ndarray:
    levels = np.atleast_1d(np.asarray(noise_std, np.float64))
    if levels.ndim != 1 or not len(levels):
        raise UserError(f"noise_std has shape {levels.shape}: it needs one value, or a vector")
    if not (levels >= 0).all():
        bad = levels[~(levels >= 0)][0]
        raise UserError(f"noise_std {bad}: it needs to be 0 or more")
    return levels


def _sample_numbers(index, total: int) -> np.ndarray:
    index = np.arange(total) if index is None else np.asarray(index)
    if index.shape != (total,) or index.dtype.kind not in "iu":
        raise UserError(
            f"index has shape {index.shape} and type {index.dtype}: it needs one whole "
            f"number for each of the {total} queries"
        )
    if index.min() < 0 or index.max() >= 2**31:
        raise UserError(
            f"index runs from {index.min()} to {index.max()}: sample numbers go from 0 to 2^31 - 1"
        )
    return index.astype(np.int32)
