"""The command lines of this package: flags only, and a mistake is one line and exit code 2, as of launch.py."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from hybrid_jax.errors import UserError


class Parser(argparse.ArgumentParser):
    """One whose mistakes are `UserError`s."""

    def __init__(self, program: str, description: str):
        super().__init__(
            f"python -m {program}",
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Raises what is wrong."""
        raise UserError(message)


def run(program: str, main: Callable[[Sequence[str]], None], arguments: Sequence[str]) -> int:
    """Runs `main(arguments)`; returns the exit code: 0 done, 2 the user's mistake (one line on stderr)."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        main(arguments)
    except UserError as error:
        print(f"{program}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0
