"""What an adversary knows who sees one value of a few instead of the feature: the least that any feature gives away.

Two values matter. The true primary label: a feature that serves the task tells as much as the label does. And the
classifier's prediction on the same noisy feature: by the data-processing inequality the feature tells at least that.
"""

import numpy as np

from hybrid_jax.privacy.gallery import Samples

SPAN = 2**34  # above any start and window: keeps units apart on one line


def log_ratios(
    seen: np.ndarray,
    held: np.ndarray,
    queries: Samples,
    gallery: Samples,
    window: int,
    num_classes: int,
) -> tuple[np.ndarray, np.ndarray]:
    """log P(u | s) - log P(u | true s) for every class s, from how often each class of the gallery shows the value u.

    Args:
        seen: each query's value, a whole number from 0 [..., Q].
        held: each gallery sample's value [M].
        queries, gallery, window: as in `gallery.prepare`; the exclusion rule is that of the features.
        num_classes: K.

    Returns:
        [..., Q, K] float32, -inf or +inf where one of the two classes never shows u, 0 where neither does; and the
        gallery samples that exclusion leaves to each query [Q, K].
    """
    names, codes = np.unique(np.concatenate([held, seen.ravel()]), return_inverse=True)
    values, held, seen = len(names), codes[: len(held)], codes[len(held) :].reshape(seen.shape)
    code = held * num_classes + gallery.labels
    total = np.bincount(code, minlength=values * num_classes).reshape(values, num_classes)
    shown, left = (
        total[seen],
        np.broadcast_to(total.sum(axis=0), (len(queries.labels), num_classes)),
    )
    if window:
        at = gallery.unit.astype(np.int64) * SPAN + gallery.start
        order = np.argsort(at, kind="stable")
        one_hot = np.zeros((len(code) + 1, values * num_classes), np.int32)
        one_hot[np.arange(1, len(code) + 1), code[order]] = 1
        so_far = np.cumsum(one_hot, axis=0).reshape(-1, values, num_classes)
        asked = queries.unit.astype(np.int64) * SPAN + queries.start
        first = np.searchsorted(at[order], asked - window, side="right")
        last = np.searchsorted(at[order], asked + window, side="left")
        shown = shown - (so_far[last, seen] - so_far[first, seen])
        left = left - (so_far[last] - so_far[first]).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(shown) - np.log(left)
        own = np.take_along_axis(
            logs, np.broadcast_to(_column(queries.labels), (*seen.shape, 1)), -1
        )
        ratios = np.where(logs == own, 0.0, logs - own)
    return ratios.astype(np.float32), left


def _column(labels: np.ndarray) -> np.ndarray:
    return labels[:, None].astype(np.int64)
