"""Small features, galleries and priors that the tests of `leakage` share, on those of rank_samples."""

from functools import cache

import naive_leakage
import naive_rank
import numpy as np
from rank_samples import DIM, DRAWS, FEATURES, KEY, LABELS, NOT_SELF, K, N

from hybrid_jax.privacy import leakage
from hybrid_jax.privacy.measures import MEASURES
from hybrid_jax.privacy.request import Request

RNG = np.random.default_rng(3)
GRID = [0, 0.01, 0.1, 1, 30, 1000, np.inf]  # as many as rank_samples has: one compiled program
HELD = np.random.default_rng(8).normal(size=(N, DIM)) + 0.5 * FEATURES.mean(axis=0)
GROUPS = np.where(LABELS == 3, 0, RNG.integers(0, 6, N))  # group 0 has all there is of class 3
EVERYTHING = np.ones((N, N), bool)
GALLERIES = {  # arguments, features, which of them each query may use
    "self": ({}, FEATURES, EVERYTHING),
    "leave_one_out": ({}, FEATURES, NOT_SELF),
    "leave_group_out": ({"groups": GROUPS}, FEATURES, GROUPS[:, None] != GROUPS),
    "held_out": ({"gallery_features": HELD, "gallery_labels": LABELS}, HELD, EVERYTHING),
}
PRIORS = {
    "uniform": np.full(K, 1 / K),
    "empirical": np.bincount(LABELS) / N,
    "given": np.array([0.1, 0.55, 0.1, 0.25]),
}
GIVEN = {"gallery": "leave_group_out", "groups": GROUPS, "prior": PRIORS["given"]}
TIES = {"uniform": "average", "empirical": "min", "given": "max"}


def measure(features=FEATURES, labels=LABELS, noise_std=GRID, **arguments):
    common = {"noise_std": noise_std, "key": KEY, "num_draws": DRAWS}
    return leakage(features, labels, **common | arguments)


def asked(features=FEATURES, labels=LABELS, noise_std=GRID, num_draws=DRAWS):
    """What the engine is asked, without the query's own feature."""
    settings = {"gallery": "leave_one_out", "prior": "uniform", "index": None, "key": KEY}
    return Request.check(features, labels, noise_std=noise_std, num_draws=num_draws, **settings)


@cache
def measured(gallery, prior):
    return measure(
        gallery=gallery,
        prior=PRIORS[prior] if prior == "given" else prior,
        ties=TIES[prior],
        **GALLERIES[gallery][0],
    )


@cache
def naive_scores(gallery, level, prior):
    """Of every query [S][Q][K]."""
    _, held, keep = GALLERIES[gallery]
    normal = naive_rank.draws(KEY, DRAWS, np.arange(N), DIM)
    return naive_leakage.scores(FEATURES, normal, GRID[level], held, LABELS, keep, PRIORS[prior])


def same(found, other, names=tuple(MEASURES), rtol=1e-5, atol=2e-6):
    """Whether two results have the same values, uncertainties and chances."""
    for name in names:
        for field, value in found[name]._asdict().items():
            if field != "unit":
                np.testing.assert_allclose(
                    value, getattr(other[name], field), rtol, atol, err_msg=f"{name}.{field}"
                )
