"""What `rank_privacy` found."""

from dataclasses import dataclass

import numpy as np

from hybrid_jax.privacy import measures
from hybrid_jax.privacy.estimate import standard_error


@dataclass(frozen=True)
class RankPrivacy:
    """Ranks of the true class, averaged over queries. G noise levels, S draws, K classes.

    Attributes:
        noise_std: standard deviations of the noise, in the features' units [G].
        rank_per_draw: mean rank of the true class, in [1, K] [S, G].
        top1_per_draw: share of queries whose rank is 1, in [0, 1] [S, G].
        chance_rank: mean rank when only the prior speaks, under the same tie rule.
        num_classes, num_draws: K, S.
        n, n_excluded: queries counted; queries left out, as exclusion emptied their true class.
        mode, gallery, prior, ties: what was asked for ('given' for a prior of the user's own).
        ranks: each query's rank [S, G, Q], NaN where it was left out; None unless asked for.
    """

    noise_std: np.ndarray
    rank_per_draw: np.ndarray
    top1_per_draw: np.ndarray
    chance_rank: float
    num_classes: int
    n: int
    n_excluded: int
    mode: str
    gallery: str
    prior: str
    ties: str
    ranks: np.ndarray | None = None

    @property
    def num_draws(self) -> int:
        return len(self.rank_per_draw)

    @property
    def rank(self) -> np.ndarray:
        """Mean rank (guessing entropy), in [1, K] [G]."""
        return self.rank_per_draw.mean(axis=0)

    @property
    def rank_stderr(self) -> np.ndarray:
        """Standard error of `rank` over draws [G]; NaN for one draw."""
        return standard_error(self.rank_per_draw)

    @property
    def privacy_per_draw(self) -> np.ndarray:
        """Eq. 7 of each draw: mean rank / K, in [1/K, 1] [S, G]."""
        return self.rank_per_draw / self.num_classes

    @property
    def privacy(self) -> np.ndarray:
        """Eq. 7: mean rank / K, in [1/K, 1] [G]."""
        return self.rank / self.num_classes

    @property
    def privacy_stderr(self) -> np.ndarray:
        """Standard error of `privacy` over draws [G]; NaN for one draw."""
        return self.rank_stderr / self.num_classes

    @property
    def chance(self) -> float:
        """`privacy` when only the prior speaks: (K + 1) / (2 K) for a uniform one."""
        return self.chance_rank / self.num_classes

    @property
    def privacy_index(self) -> np.ndarray:
        """(mean rank - 1) / (chance rank - 1) [G]: 0 always first, 1 chance, above 1 misled.

        Where chance itself is rank 1 (one class; ties 'min' with a uniform prior) the index is 1
        at rank 1, for nothing was learnt, and infinite above.
        """
        return self._index(self.rank)

    @property
    def privacy_index_stderr(self) -> np.ndarray:
        """Standard error of `privacy_index` over draws [G]; NaN for one draw or no finite index."""
        return standard_error(self._index(self.rank_per_draw))

    @property
    def top1(self) -> np.ndarray:
        """Share of queries whose rank is 1, in [0, 1] [G]; ties 'min' counts a tie for the first place."""
        return self.top1_per_draw.mean(axis=0)

    @property
    def top1_stderr(self) -> np.ndarray:
        """Standard error of `top1` over draws [G]; NaN for one draw."""
        return standard_error(self.top1_per_draw)

    def _index(self, rank: np.ndarray) -> np.ndarray:
        return measures.privacy_index(rank, self.chance_rank, self.num_classes)
