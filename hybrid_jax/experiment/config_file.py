"""A config file of the user's own: what its functions give, and one line for whatever they raise."""

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ml_collections

from hybrid_jax import plugins
from hybrid_jax.errors import UserError, told, unknown, where

# What ml_collections says of a field that is none: in several lines, with the values of all others.
LOCKED = re.compile(r'Key "(.+?)" does not exist and cannot be added(.*)', re.DOTALL)
KNOWN = re.compile(r"'(\w+)\\*': ")
NEAR = re.compile(r'Did you mean "(.+?)" instead of "(.+?)"')


def check(given: str, overrides: Iterable[str]) -> None:
    """Raises `UserError` unless the file gives a config that has these fields.

    Args:
        given: what `--config` names, FILE or FILE:ARG.
        overrides: paths of fields, as `pretrain.epochs`.
    """
    config = call(given, "get_config", "name an experiment")
    if not isinstance(config, ml_collections.ConfigDict):
        raise UserError(
            f"config file {given}: get_config() returns {type(config).__name__}: return a ConfigDict, as own.experiment"
            " makes one"
        )
    for path in overrides:
        _check_override(config, path)


def call(given: str, function: str, remedy: str) -> Any:
    """What a function of a config file returns for the argument after the file's colon.

    Args:
        given: FILE or FILE:ARG.
        function: its name.
        remedy: what to do where the file has none.

    Raises:
        errors.UserError: no such file or function, a function that takes no argument, or what it raises.
    """
    file, colon, arg = given.partition(":")
    if not Path(file).is_file() or Path(file).suffix != ".py":
        raise unknown("config file", file, sorted(map(str, Path("configs").glob("[a-z]*.py"))))
    made = getattr(plugins.run(Path(file), "config"), function, None)
    if made is None:
        raise UserError(f"config file {file} has no {function}(): {remedy}")
    arguments = (arg,) if colon else ()
    try:
        inspect.signature(made).bind(*arguments)
    except TypeError as error:
        raise UserError(
            f"config file {given}: {function}() and what follows the colon do not go together ({error}): write"
            f" {function}(arg=None)"
        ) from None
    try:
        return made(*arguments)
    except UserError:
        raise
    except Exception as error:  # whatever code of the user's own raises
        raise UserError(f"config file {file}: {_field(error) or told(error)}") from error


def _field(error: Exception) -> str:
    """Of a field that a config does not have, what `errors.unknown` says; of any other error nothing."""
    if locked := LOCKED.search(str(error)):
        name, others = locked.groups()
        return f"{unknown('config field', name, KNOWN.findall(others))}{where(error)}"
    if near := NEAR.search(str(error)):
        return f"unknown config field {near[2]!r}: did you mean {near[1]!r}?{where(error)}"
    return ""


def _check_override(config: ml_collections.ConfigDict, path: str) -> None:
    at: Any = config
    parts = path.split(".")
    for depth, part in enumerate(parts):
        names = list(at.keys()) if isinstance(at, ml_collections.ConfigDict) else []
        if part not in names:
            raise unknown("config field", path, [".".join([*parts[:depth], n]) for n in names])
        at = at[part]
