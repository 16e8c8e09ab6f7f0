"""One attempt: an attacker fitted on what the adversary holds, and asked about uploads."""

from collections.abc import Callable

import numpy as np

from hybrid_jax.attacks.knowledge import Attacker, Knowledge
from hybrid_jax.errors import UserError

LEAST = 1e-4  # probability that a class has at least when uploads are combined: one sure mistake must not outvote all


def attempt(
    make: Callable[[Knowledge], Attacker],
    knowledge: Knowledge,
    features: np.ndarray,
    labels: np.ndarray,
    uploads: np.ndarray,
) -> np.ndarray:
    """The attacker's probabilities [n, K] for each class of each upload.

    Args:
        make: of `ATTACKERS`.
        knowledge: what it knows.
        features: [N, d] noise-free features that it is fitted on.
        labels: [N] their classes.
        uploads: [n, d] noisy features.

    Raises:
        errors.UserError: a class that is absent from what it is fitted on, features that are not finite or all the
            same, or probabilities that are none.
    """
    if knowledge.num_classes < 2:
        raise UserError("there is one class only: an attacker has nothing to tell apart")
    counts = np.bincount(labels, minlength=knowledge.num_classes)
    if (absent := np.flatnonzero(counts == 0)).size:
        raise UserError(
            f"class {absent[0]} of {knowledge.num_classes} is absent from the {len(labels)} samples that an attacker"
            " is fitted on: give it more of them"
        )
    for name, given in (("features", features), ("uploads", uploads)):
        if not np.isfinite(given).all():
            raise UserError(f"{name} hold values that are not finite: an attacker needs numbers")
    if (features == features[0]).all():
        raise UserError(
            f"features are the same for all {len(features)} samples: there is nothing to attack"
        )
    attacker = make(knowledge)
    attacker.fit(features, labels)
    found = np.asarray(attacker.predict_proba(uploads), np.float64)
    expected = (len(uploads), knowledge.num_classes)
    if found.shape != expected:
        raise UserError(
            f"the attacker gave probabilities of shape {found.shape}: it needs {expected}, uploads by classes"
        )
    if not (np.isfinite(found).all() and (found >= 0).all()):
        raise UserError("the attacker gave probabilities that are negative or not finite")
    if not np.allclose(found.sum(axis=1), 1.0, atol=1e-3):
        raise UserError("the attacker gave probabilities that do not add up to 1 for each upload")
    return found


def combined(probabilities: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """What several uploads of one person say together: log-probabilities added, as if they were independent.

    Args:
        probabilities: [n, K], under a uniform prior.
        runs: [R, m] rows of each run of m uploads.

    Returns:
        [R, K] probabilities.
    """
    logs = np.log(np.maximum(probabilities, LEAST))[runs].sum(axis=1)
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
