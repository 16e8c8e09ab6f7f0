"""Prepared data sets on disk: made once, in the user's cache folder; training opens only that."""

import dataclasses
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from hybrid_jax.data.samples import Samples
from hybrid_jax.errors import UserError

FORMAT = 1  # of the saved file; a file of another format is prepared anew
Kind = TypeVar("Kind", bound=Samples)


def prepared(
    kind: type[Kind], name: str, make: Callable[[], Kind], cache: str | Path | None
) -> Kind:
    """The data set called `name`, from the cache if it is there; else it is made, and kept there.

    Args:
        kind: its class.
        name: tells its source and settings from all others.
        make: prepares it.
        cache: folder of prepared sets; by default `default_cache()`.

    Raises:
        UserError: a cache that cannot be written, or what `make` raises.
    """
    folder = default_cache() if cache is None else Path(cache).expanduser()
    path = folder / f"{name}-v{FORMAT}.npz"
    found = load(kind, path)
    if found is not None:
        return found
    found = make()
    try:
        save(found, path)
    except OSError as error:
        raise UserError(
            f"cannot write the prepared data to {folder} ({error.strerror}); set "
            "HYBRID_JAX_CACHE to a folder that can be written"
        ) from None
    return found


def save(samples: Samples, path: Path) -> None:
    """Writes `samples` to `path` (.npz), whole or not at all."""
    about: dict[str, Any] = {"format": FORMAT}
    arrays = {f"column_{name}": values for name, values in samples.columns.items()}
    for field in dataclasses.fields(samples):
        value = getattr(samples, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        elif field.name != "columns":
            about[field.name] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    # Each process its own: two may prepare one set at once.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            np.savez(file, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load(kind: type[Kind], path: Path) -> Kind | None:
    """The data set saved at `path`; None when there is none, or none that can be read."""
    try:
        with open(path, "rb") as file, np.load(file) as saved:
            arrays = dict(saved)
        about = json.loads(str(arrays.pop("about")))
        if about.pop("format") != FORMAT:
            return None
        columns = {name: arrays.pop(name) for name in list(arrays) if name.startswith("column_")}
        classes = {name: tuple(names) for name, names in about.pop("classes").items()}
        columns = {name.removeprefix("column_"): values for name, values in columns.items()}
        return kind(**about, **arrays, columns=columns, classes=classes)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def default_cache() -> Path:
    """$HYBRID_JAX_CACHE, else hybrid-jax in the user's cache folder."""
    named = os.environ.get("HYBRID_JAX_CACHE")
    if named:
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "hybrid-jax"


def home(name: str) -> Path | None:
    """$HYBRID_JAX_DATA/`name`; None where that is not named, or has no such folder.

    Raises:
        UserError: $HYBRID_JAX_DATA is no folder.
    """
    named = os.environ.get("HYBRID_JAX_DATA")
    if not named:
        return None
    root = Path(named).expanduser()
    if not root.is_dir():
        raise UserError(f"HYBRID_JAX_DATA={root}: no such folder; it is the one above {name}/")
    return root / name if (root / name).exists() else None


def source(called: str, name: str, directory: str | Path | None, wanted: str) -> Path:
    """The named folder of a set, else $HYBRID_JAX_DATA/`name`.

    Args:
        called: how messages call the set.
        name: of its folder.
        directory: what the user named, if anything.
        wanted: what a folder of it holds, in words.

    Raises:
        UserError: neither is there.
    """
    folder = Path(directory).expanduser() if directory else home(name)
    if folder is None:
        raise UserError(
            f"{called}: set HYBRID_JAX_DATA to the folder above {name}/, or {wanted} (--config.data.dir)"
        )
    return folder
