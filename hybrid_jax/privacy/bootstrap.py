"""The bootstrap over groups: how far a mean would move if other people had been sampled."""

import numpy as np

RESAMPLES = 1000
LEVEL = 0.95
BATCH = 2**22  # counts turned into numbers at once


class Bootstrap:
    """Groups drawn with replacement, the same draws for every measure.

    Windows of one subject are alike, so it is subjects that are drawn: windows one by one would give intervals far too
    narrow. Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.

    Args:
        groups: the group of each query [Q].
    """

    def __init__(self, groups: np.ndarray):
        names, self._of = np.unique(groups, return_inverse=True)
        self._size = len(names)
        rng = np.random.default_rng(0)
        drawn = (rng.integers(0, self._size, self._size) for _ in range(RESAMPLES))
        # How often a group is drawn is Poisson about 1: a byte holds it.
        self._counts = np.stack(
            [np.bincount(d, minlength=self._size).astype(np.uint8) for d in drawn]
        )

    def interval(self, values: np.ndarray, share: np.ndarray, measure) -> np.ndarray:
        """Percentile interval of a function of a weighted mean.

        Args:
            values: of each query [G, Q].
            share: its weight in the mean [Q].
            measure: function of the mean, elementwise.

        Returns:
            Both ends, 95 % between them [2, G]; NaN for a single group, or where a value is infinite.
        """
        ends = np.full((2, len(values)), np.nan)
        finite = np.isfinite(values).all(axis=1)
        if self._size == 1 or not finite.any():
            return ends
        sums = np.stack(
            [self._by_group(share), *map(self._by_group, values[finite] * share)], axis=1
        )
        rows = max(1, BATCH // self._size)
        batches = (self._counts[at : at + rows] for at in range(0, RESAMPLES, rows))
        mass, *totals = np.concatenate([batch.astype(np.float64) @ sums for batch in batches]).T
        there = mass > 0
        means = np.stack(totals)[:, there] / mass[there]
        tail = 100 * (1 - LEVEL) / 2
        with np.errstate(invalid="ignore"):  # between two infinite values, of a logarithm of 0
            ends[:, finite] = np.percentile(measure(means), [tail, 100 - tail], axis=-1)
        return ends

    def _by_group(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self._of, weights=values, minlength=self._size)
