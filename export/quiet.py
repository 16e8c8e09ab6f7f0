"""Converters without their talk: warnings about untested versions, logs of C++, bars of their own."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator

OUTPUTS = (1, 2)  # C++ writes to the descriptors themselves


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing that is said inside reaches the terminal; what goes wrong is raised all the same."""
    logger = logging.getLogger("coremltools")
    level = logger.level
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(output) for output in OUTPUTS]
    try:
        with (
            open(os.devnull, "w") as nothing,
            contextlib.redirect_stdout(nothing),
            contextlib.redirect_stderr(nothing),
            warnings.catch_warnings(action="ignore"),
        ):
            for output in OUTPUTS:
                os.dup2(nothing.fileno(), output)
            logger.setLevel(logging.ERROR)
            yield
    finally:
        logger.setLevel(level)
        for output, own in zip(OUTPUTS, kept, strict=True):
            os.dup2(own, output)
            os.close(own)


def first_line(error: Exception) -> str:
    """Of what a converter raises, which may be pages long."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
