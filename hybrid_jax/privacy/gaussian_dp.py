"""Differential privacy of a clipped feature with Gaussian noise: a guarantee, where the other files measure attacks."""

from statistics import NormalDist
from typing import NamedTuple

from hybrid_jax.errors import UserError

LARGE = 1e6  # mu from which delta(epsilon) runs out of float64, and the bound below is as good


class GaussianDP(NamedTuple):
    """What `gaussian_dp` guarantees.

    Attributes:
        mu: telling any two features apart from what is uploaded is no easier than telling N(0, 1) from N(mu, 1), in
            [0, inf]; 0: nothing is told.
        epsilon: the same as (epsilon, delta) differential privacy, natural logarithm, in [0, inf].
        delta: what that epsilon is for, in (0, 1).
    """

    mu: float
    epsilon: float
    delta: float


def gaussian_dp(
    clip_norm: float, noise_std: float, delta: float = 1e-5, uploads: int = 1
) -> GaussianDP:
    """Differential privacy of features clipped to an L2 norm of C, plus N(0, sigma^2 I): mu = 2 C sqrt(n) / sigma.

    Two clipped features are at most 2 C apart, whichever they are, so that one upload is 2 C / sigma Gaussian
    differentially private; n of them compose to sqrt(n) times that.

    What it promises: one upload hardly tells which feature vector, and so which input, it came from. That holds against
    any adversary, whatever it knows already, and for any extractor, however it was trained.

    What it does not promise: anything on n uploads beyond this composition, in which they may be of one input or of
    several; anything on the data that the extractor was trained on; anything where features are not clipped, which is
    for the caller to do; anything on what the last bits of floating-point noise betray (Mironov 2012). It is the worst
    case over all pairs of features. The rank measure is no such guarantee: it is how one attack does on some data.

    Args:
        clip_norm: C, positive and finite, in the features' units.
        noise_std: sigma of one upload, a standard deviation in the features' units; 0 gives infinite mu and epsilon,
            infinity 0.
        delta: in (0, 1); below 1 / people, for it is the probability with which anything may be told.
        uploads: n, a whole number from 1.

    Raises:
        UserError: anything that is not as above.

    Source: Dong, Roth and Su, "Gaussian differential privacy", JRSS B 2022: section 2 (the Gaussian mechanism; epsilon
    by delta) and section 3 (composition). The epsilon is that of the package dp-accounting.

    >>> gaussian_dp(clip_norm=1.0, noise_std=4.0).mu, gaussian_dp(clip_norm=1.0, noise_std=4.0, uploads=4).mu
    (0.5, 1.0)
    """
    if not 0 < clip_norm < float("inf"):
        raise UserError(f"clip_norm {clip_norm}: it needs to be positive and finite")
    if not noise_std >= 0:
        raise UserError(f"noise_std {noise_std}: it needs to be 0 or more")
    if not 0 < delta < 1:
        raise UserError(f"delta {delta}: it needs to be between 0 and 1")
    if not (uploads >= 1 and uploads % 1 == 0):
        raise UserError(f"uploads {uploads}: it needs to be a whole number from 1")
    noise_std = float(noise_std)
    mu = 2 * float(clip_norm) * uploads**0.5 / noise_std if noise_std > 0 else float("inf")
    return GaussianDP(mu, _epsilon(mu, float(delta)), float(delta))


def _epsilon(mu: float, delta: float) -> float:
    normal = NormalDist()
    if mu * normal.pdf(0) <= delta:  # delta(0) = 2 Phi(mu / 2) - 1 is no more
        return 0.0
    if mu > LARGE:  # delta(epsilon) <= Phi(mu / 2 - epsilon / mu)
        return mu * (mu / 2 - normal.inv_cdf(delta))
    from dp_accounting import get_epsilon_gaussian  # with SciPy's optimisers it takes a second

    return float(get_epsilon_gaussian(1 / mu, delta))
