"""A folder that appears whole or not at all."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hybrid_jax.errors import UserError


@contextmanager
def complete(out: Path) -> Iterator[Path]:
    """Gives an empty folder to fill, which becomes `out` when the block ends without an error.

    Raises:
        errors.UserError: `out` is there already, or cannot be made.
    """
    if out.exists():
        raise UserError(f"--out={out} exists: name a folder that does not, or remove it")
    unfinished = out.with_name(f".{out.name}.{uuid.uuid4().hex}.tmp")
    missing = [parent for parent in out.parents if not parent.exists()]
    try:
        unfinished.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"--out={out} cannot be made: {error.strerror}") from None
    try:
        yield unfinished
        os.replace(unfinished, out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not out.exists():
            for parent in missing:
                parent.rmdir()
