"""One measurement, checked before any work: who is asked about whom, at which noise, with which prior."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.errors import UserError, unknown
from hybrid_jax.privacy import ranking
from hybrid_jax.privacy.gallery import Samples, prepare

MODES = ("classes", "instance")


@dataclass(frozen=True, eq=False)
class Request:
    """What `adversary.outcomes` answers.

    Attributes:
        queries, gallery: features divided by `scale` and centred.
        index: the queries' sample numbers, which choose their noise [Q].
        window: of the exclusion rule of `gallery.Samples`; 0 excludes nothing.
        num_classes: K.
        scale: what divided the features.
        noise_std: the grid, in the features' own units, 0 and infinity included [G].
        keys: one for each draw [S].
        prior_name, prior: P(s), and what it was called [K].
        mode, rule, ties: the names of the mode, of the gallery and of the tie rule.
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
    mode: str
    rule: str
    ties: str

    @classmethod
    def check(
        cls,
        features,
        labels,
        *,
        noise_std,
        key: jax.Array | None = None,
        num_draws: int = 10,
        index=None,
        mode: str = "classes",
        gallery: str = "self",
        prior="uniform",
        ties: str = "average",
        **columns,
    ) -> "Request":
        """From what `rank_privacy` takes; raises its UserErrors."""
        if ties not in ranking.TIES:
            raise unknown("ties", ties, ranking.TIES)
        if mode not in MODES:
            raise unknown("mode", mode, MODES)
        if mode == "instance":
            _check_instance(gallery, prior, columns)
            labels = np.arange(len(features))
        levels = _noise_levels(noise_std)
        if int(num_draws) != num_draws or num_draws < 1:
            raise UserError(f"num_draws {num_draws}: it needs to be a whole number from 1")
        if key is None and ((levels > 0) & (levels < np.inf)).any():
            raise UserError("key is missing: noise_std above 0 needs one to draw the noise from")
        queries, held, window, num_classes, scale = prepare(
            features, labels, gallery=gallery, **columns
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
            keys=_draws(root, jnp.arange(num_draws)),
            prior_name=prior_name,
            prior=prior,
            mode=mode,
            rule=gallery,
            ties=ties,
        )


# A compiled call: outside of one, folding costs more than a small measurement.
_draws = jax.jit(jax.vmap(jax.random.fold_in, (None, 0)))


def _check_instance(gallery: str, prior, columns: Mapping) -> None:
    if gallery != "self" or columns.get("gallery_features") is not None:
        raise UserError(
            f"mode 'instance' with gallery {gallery!r}: a sample can only be found among the queries "
            "themselves, so give gallery 'self' and no gallery_features"
        )
    if not isinstance(prior, str) or prior == "given":
        raise UserError("mode 'instance' takes the prior 'uniform': each sample is there once")


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
