"""Attacks: what an adversary with data of its own makes of exclusive features.

An attacker is a class (`Attacker`), made from what it knows (`Knowledge`). To add one, write it, and name it in
`ATTACKERS`, here or in a config file of your own.
"""

from collections.abc import Callable

from hybrid_jax.attacks.bayes import Bayes
from hybrid_jax.attacks.boosting import Boosting
from hybrid_jax.attacks.knn import NearestNeighbours
from hybrid_jax.attacks.knowledge import Attacker, Knowledge
from hybrid_jax.attacks.logistic import Logistic
from hybrid_jax.attacks.mlp import MLP
from hybrid_jax.attacks.transfer import Transfer

__all__ = ["ATTACKERS", "CHOOSERS", "Attacker", "Knowledge"]

ATTACKERS: dict[str, Callable[[Knowledge], Attacker]] = {
    "transfer": Transfer,
    "logistic": Logistic,
    "mlp": MLP,
    "knn": NearestNeighbours,
    "boosting": Boosting,
    "bayes": Bayes,
}
# Those that choose a setting by samples of their own; nearest neighbours do without where there are none.
CHOOSERS = frozenset(ATTACKERS) - {"knn"}
