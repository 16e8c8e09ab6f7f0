"""How much an exclusive feature tells about a sensitive class."""

from hybrid_jax.privacy.rank import RankPrivacy, rank_privacy

__all__ = ["RankPrivacy", "rank_privacy"]
