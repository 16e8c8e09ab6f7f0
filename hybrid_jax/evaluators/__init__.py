"""Evaluators: what is measured of an embedding, by the names that a config gives them.

One is a function of `(Embedded, Settings)` that yields dicts with at least `metric`, `value` and `unit`, and what else
of a result record it knows. To add one: write its file here, and name it in `EVALUATORS`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hybrid_jax import results
from hybrid_jax.embedded import Embedded
from hybrid_jax.errors import UserError
from hybrid_jax.evaluators import accuracy, attack, privacy, reconstruction
from hybrid_jax.evaluators.settings import AttackSettings, ReconstructionSettings, Settings

__all__ = ["EVALUATORS", "AttackSettings", "ReconstructionSettings", "Settings", "evaluate"]

EVALUATORS: dict[str, Callable[[Embedded, Settings], Iterable[dict[str, Any]]]] = {
    "accuracy": accuracy.evaluate,
    "privacy": privacy.evaluate,
    "attack": attack.evaluate,
    "reconstruction": reconstruction.evaluate,
}


def evaluate(
    names: Iterable[str], embedded: Embedded, settings: Settings
) -> Iterator[results.Record]:
    """Records of the named evaluators, in their order.

    Raises:
        errors.UserError: what an evaluator cannot measure with these settings or data; it is named.
        RuntimeError: an evaluator failed, or yielded no metric, value or unit; it is named.
    """
    for name in names:
        try:
            for found in EVALUATORS[name](embedded, settings):
                missing = {"metric", "value", "unit"} - found.keys()
                if missing:
                    raise ValueError(f"it yielded a record without {', '.join(sorted(missing))}")
                yield results.record(
                    evaluator=name, seed=settings.seed, **embedded.fields(), **found
                )
        except Exception as error:
            about = embedded.embedding
            kind = UserError if isinstance(error, UserError) else RuntimeError
            raise kind(
                f"evaluator {name!r} failed on {about.method} at {about.layer}: {error}"
            ) from error
