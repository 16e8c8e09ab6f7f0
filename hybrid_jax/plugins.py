"""Files of the user's own that define networks, data sets or attacks.

Every process imports them before it looks up a name.
A config names them in `config.plugins`: Python files, or modules that can be imported.
"""

import importlib
import importlib.util
import sys
import types
from collections.abc import Iterable
from pathlib import Path

from hybrid_jax.errors import UserError


def load(plugins: Iterable[str]) -> None:
    """Imports each, once a process: a file by its stem, so that what it defines can be pickled.

    Raises:
        errors.UserError: no such file or module, or a file called as a module that is there.
    """
    for plugin in plugins:
        if plugin.endswith(".py"):
            _load_file(Path(plugin).expanduser())
            continue
        try:
            importlib.import_module(plugin)
        except ModuleNotFoundError as error:
            if error.name and f"{plugin}.".startswith(f"{error.name}."):
                raise UserError(
                    f"config.plugins {plugin}: no such module; name a file, as in my_config.py"
                ) from None
            raise


def run(file: Path, name: str) -> types.ModuleType:
    """The module of this name that a file makes; nothing else can import it. Modules beside it are importable.

    Raises:
        errors.UserError: the file's name does not end in .py.
    """
    _beside(file)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UserError(f"{file}: no Python file; its name ends in .py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _beside(file: Path) -> None:
    # After all others; of a program Python puts them before.
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)


def _load_file(file: Path) -> None:
    if not file.is_file():
        raise UserError(
            f"config.plugins {file}: no such file; it defines what the config names: put it back, or mend the path"
            " (in config.json, of a work folder)"
        )
    _beside(file)
    there = sys.modules.get(file.stem) or importlib.import_module(file.stem)
    if Path(getattr(there, "__file__", None) or "").resolve() != file.resolve():
        raise UserError(
            f"config.plugins {file}: there is another module {file.stem}: rename the file"
        )
