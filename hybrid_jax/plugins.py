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

from hybrid_jax.errors import UserError, told


def load(plugins: Iterable[str]) -> None:
    """Imports each, once a process: a file by its stem, so that what it defines can be pickled.

    Raises:
        errors.UserError: no such file or module, a file called as a module that is there, or what one of them raises.
    """
    for plugin in plugins:
        try:
            if plugin.endswith(".py"):
                _load_file(Path(plugin).expanduser())
            else:
                importlib.import_module(plugin)
        except UserError:
            raise
        except Exception as error:  # whatever code of the user's own raises
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            if missing and f"{plugin}.".startswith(f"{missing}."):
                raise UserError(
                    f"config.plugins {plugin}: no such module; name a file, as in my_config.py"
                ) from None
            raise UserError(f"config.plugins {plugin}: {told(error)}") from error


def run(file: Path, name: str) -> types.ModuleType:
    """The module of this name that a file makes; nothing else can import it. Modules beside it are importable.

    Raises:
        errors.UserError: the file's name does not end in .py, or what the file raises.
    """
    _beside(file)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UserError(f"{file}: no Python file; its name ends in .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{file}: {told(error)}") from error
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
    name = file.stem
    if "." in name:  # which Python takes for a module of a package
        raise UserError(
            f"config.plugins {file}: a file that other processes import has no dot in its name: rename it, as in"
            f" {name.replace('.', '_')}.py"
        )
    _beside(file)
    # Found first: another module of that name is not to be run.
    there = sys.modules.get(name) or importlib.util.find_spec(name)
    origin = getattr(there, "__file__", None) or getattr(there, "origin", None)
    if Path(origin or "").resolve() != file.resolve():
        raise UserError(f"config.plugins {file}: there is another module {name}: rename the file")
    importlib.import_module(name)
