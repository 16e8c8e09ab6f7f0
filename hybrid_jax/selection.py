"""Which setting of each embedding the tables show, where a sweep measured several."""

import math
from collections.abc import Collection, Iterable, Mapping

from hybrid_jax import results

SETTING = ("contrastive_weight", "margin", "reduced_dim")
Best = dict[tuple, tuple]


def best(records: Iterable[Mapping]) -> Best:
    """(layer, method, reduction) -> the `SETTING` of the best noise-free validation accuracy, ties to the first.

    Never chosen on the test set; and among the settings that the most seeds have, as a mean over fewer may be a lucky
    one. Where no validation accuracy is known, the first setting that there is.
    """
    records = list(records)
    settings: dict[tuple, dict[tuple, tuple]] = {}
    for r in records:
        settings.setdefault(_embedding(r), {}).setdefault(setting(r), (0, -math.inf))
    known = {"evaluator": "accuracy", "metric": "accuracy", "split": "validation"}
    for r in results.select(records, cloud="original", noise_relative=0.0, **known):
        if r["value"] is not None:
            settings[_embedding(r)][setting(r)] = r["n_seeds"] or 1, r["value"]
    return {embedding: max(found, key=found.__getitem__) for embedding, found in settings.items()}


def keep(records: Iterable[Mapping], best: Best, names: Collection[str] = SETTING) -> list:
    """The records of the chosen settings.

    Args:
        records: of the same embeddings as `best`.
        best: see `best`.
        names: which of `SETTING` tell settings apart; a reduced_dim that each seed chose for itself does not.
    """
    places = [i for i, name in enumerate(SETTING) if name in names]

    def told(values: tuple) -> list:
        return [values[i] for i in places]

    return [r for r in records if told(setting(r)) == told(best[_embedding(r)])]


def shown(records: Iterable[Mapping]) -> list:
    """The records that tables and figures are made of: all of them, unless a sweep measured several settings."""
    records = list(records)
    return keep(records, best(records))


def setting(r: Mapping) -> tuple:
    """Of a record: contrastive weight, margin and reduced dimension, None where its method has none."""
    return tuple(r[name] for name in SETTING)


def _embedding(r: Mapping) -> tuple:
    return r["layer"], r["method"], r["reduction"]
