"""What AUC counts, in a bootstrap over groups: how many pairs of samples an attacker puts in the right order."""

from collections.abc import Callable
from functools import partial

import numpy as np

from hybrid_jax.privacy.bootstrap import RESAMPLES

AT_ONCE = 2**23  # numbers in an array of draws by samples: 64 MiB

Pairs = Callable[[np.ndarray], np.ndarray]


def pairs(probabilities: np.ndarray, labels: np.ndarray, of_group: np.ndarray, size: int) -> Pairs:
    """Of draws of groups the pairs that are in the right order, ties worth a half.

    Of few groups those between each two are counted once; of many, such as single samples of which no person is known,
    their square is more than draws by samples, and these are counted.

    Args:
        probabilities: [n, K].
        labels: [n] the true classes.
        of_group: [n] number of each sample's group, below `size`.
        size: S, how many groups there are.

    Returns:
        A function of [R, S], how often each group is drawn, to [R, K]: pairs of a sample of class k and one of another
        class of which the first is held likelier to be of class k.
    """
    if size > RESAMPLES:
        return partial(_by_samples, probabilities, labels, of_group)
    return partial(_by_groups, _wins(probabilities, labels, of_group, size))


def _by_groups(wins: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.stack([((counts @ own) * counts).sum(axis=1) for own in wins], axis=1)


def _wins(
    probabilities: np.ndarray, labels: np.ndarray, of_group: np.ndarray, size: int
) -> np.ndarray:
    """[K, S, S]: pairs of a sample of class k in one group and a sample of another class in the other."""
    num_classes = probabilities.shape[1]
    member = np.eye(size)[of_group]
    wins = np.zeros((num_classes, size, size))
    for k in np.unique(labels):
        own = labels == k
        order, left, right = _places(probabilities[:, k], own)
        below = np.concatenate([np.zeros((1, size)), np.cumsum(member[~own][order], axis=0)])
        wins[k] = member[own].T @ ((below[left] + below[right]) / 2)
    return wins


def _by_samples(
    probabilities: np.ndarray, labels: np.ndarray, of_group: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    found = np.zeros((len(counts), probabilities.shape[1]))
    step = max(1, AT_ONCE // len(labels))
    for k in np.unique(labels):
        own = labels == k
        order, left, right = _places(probabilities[:, k], own)
        others, mine = of_group[~own][order], of_group[own]
        for begin in range(0, len(counts), step):
            drawn = counts[begin : begin + step]
            below = np.zeros((len(drawn), len(others) + 1))
            np.cumsum(drawn[:, others], axis=1, out=below[:, 1:])
            ahead = (below[:, left] + below[:, right]) / 2
            found[begin : begin + step, k] = (drawn[:, mine] * ahead).sum(axis=1)
    return found


def _places(score: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The order of the others' scores, and where in it each of one's own comes before and after its equals."""
    order = np.argsort(score[~own], kind="stable")
    others = score[~own][order]
    left, right = (np.searchsorted(others, score[own], side) for side in ("left", "right"))
    return order, left, right
