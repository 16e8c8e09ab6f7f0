"""What a config names that is not the package's: networks, data sets and attacks of the user's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import ml_collections

from hybrid_jax.attacks import ATTACKERS
from hybrid_jax.data import DATASETS
from hybrid_jax.errors import UserError
from hybrid_jax.models import MODELS

PACKAGE = "hybrid_jax."


def recorded(config: ml_collections.ConfigDict, file: str | None) -> ml_collections.ConfigDict:
    """The config with the file that it comes from as its plugin, where it has strangers and does not say from where."""
    if file and not config.get("plugins") and any(strangers(config)):
        config = config.copy_and_resolve_references().unlock()
        config.plugins = (str(Path(file).resolve()),)
        config.lock()
    return config


def check(config: ml_collections.ConfigDict, why: str) -> None:
    """Raises `UserError` where another process could not find a stranger.

    Args:
        config: the config.
        why: there is another process, in words.
    """
    if not config.get("plugins"):
        for kind, name in strangers(config):
            raise UserError(
                f"{why}: {kind} {name!r} is your own, which other processes do not know; name the file that defines it,"
                " as in config.plugins = ('my_config.py',)"
            )


def strangers(config: ml_collections.ConfigDict) -> Iterator[tuple[str, str]]:
    """Kind and name of each."""
    attack = config.attack
    attackers = {*attack.attackers, *attack.disjoint, *attack.on_validation}
    yield from _of("data set", {config.data.name}, DATASETS)
    yield from _of("model", {config.model.name}, MODELS)
    yield from _of("attacker", attackers, ATTACKERS)


def _of(kind: str, names: set[str], known: dict[str, Callable]) -> Iterator[tuple[str, str]]:
    """What others define, and another name for what the package defines."""
    for name in sorted(names & known.keys()):
        first = next(n for n, own in known.items() if own is known[name])
        if first != name or not known[name].__module__.startswith(PACKAGE):
            yield kind, name
