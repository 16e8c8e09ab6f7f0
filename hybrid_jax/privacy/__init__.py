"""How much an exclusive feature tells about a sensitive class."""

from hybrid_jax.privacy.leakage import Leakage, leakage
from hybrid_jax.privacy.likelihood import log_ratios
from hybrid_jax.privacy.rank import RankPrivacy, rank_privacy

__all__ = ["Leakage", "RankPrivacy", "leakage", "log_ratios", "rank_privacy"]
