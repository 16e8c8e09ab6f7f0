"""How much an exclusive feature tells about a sensitive class."""

from hybrid_jax.privacy.gaussian_dp import GaussianDP, gaussian_dp
from hybrid_jax.privacy.leakage import Leakage, leakage
from hybrid_jax.privacy.likelihood import log_ratios
from hybrid_jax.privacy.rank import RankPrivacy, rank_privacy
from hybrid_jax.privacy.sequences import repeated_uploads, sessions

__all__ = [
    "GaussianDP",
    "Leakage",
    "RankPrivacy",
    "gaussian_dp",
    "leakage",
    "log_ratios",
    "rank_privacy",
    "repeated_uploads",
    "sessions",
]
