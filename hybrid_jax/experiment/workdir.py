"""The work folder: one run, one config."""

import json
from pathlib import Path

import ml_collections

from hybrid_jax import plugins
from hybrid_jax.errors import UserError
from hybrid_jax.results import flat, write_json

PLUGINS = "plugins"  # says where names are defined, not what they are


def check(workdir: Path, config: ml_collections.ConfigDict) -> None:
    """Raises `UserError` for a folder of another config or of collected results, or a file. Touches nothing."""
    nearest = next(path for path in (workdir, *workdir.parents) if path.exists())
    if not nearest.is_dir():
        raise UserError(f"workdir {workdir}: {nearest} is a file; name a folder")
    path = workdir / "config.json"
    if not path.exists():
        if (workdir / "results.json").exists():
            raise UserError(f"workdir {workdir} holds collected results: use another folder")
        return
    try:
        there, here = flat(json.loads(path.read_text())), flat(plain(config))
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): mend it, or use another folder") from None
    differing = [
        f"{name} ({there.get(name)!r} there, {here.get(name)!r} now)"
        for name in sorted(there.keys() | here.keys())
        if there.get(name) != here.get(name) and name != PLUGINS
    ]
    if differing:
        raise UserError(
            f"workdir {workdir} was made with another config: {', '.join(differing)}; "
            "use that config, or another folder"
        )


def create(workdir: Path, config: ml_collections.ConfigDict) -> None:
    """Makes the folder, or goes on in it, and writes its config.json. Call `check` before any work."""
    check(workdir, config)
    workdir.mkdir(parents=True, exist_ok=True)
    # One that is there is the same one: shards of a sweep make it side by side.
    if not (workdir / "config.json").exists():
        write_json(workdir / "config.json", plain(config))


def read(workdir: Path) -> ml_collections.ConfigDict:
    """The config that a work folder was made with; its plugins are imported, so that what it names is known.

    Raises:
        errors.UserError: the folder has none, it is damaged, or a plugin is gone.
    """
    path = workdir / "config.json"
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{workdir} holds no config.json: name the folder of a run") from None
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): mend it") from None
    plugins.load(content.get(PLUGINS, ()))
    return ml_collections.ConfigDict(_with_tuples(content))


def plain(config: ml_collections.ConfigDict) -> dict:
    """The config as JSON gives it back: dicts, lists, numbers, strings."""
    return json.loads(json.dumps(config.to_dict()))


def _with_tuples(content):
    """What JSON made lists of, as it was in the config."""
    if isinstance(content, dict):
        return {name: _with_tuples(value) for name, value in content.items()}
    return tuple(map(_with_tuples, content)) if isinstance(content, list) else content
