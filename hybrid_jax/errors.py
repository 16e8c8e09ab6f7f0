"""The user's mistakes: one clear line, exit code 2, nothing lost."""

import difflib
import os
import re
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # of a terminal
# Whose lines are not the user's own, beside what is installed.
OTHERS = (str(Path(__file__).parent) + os.sep, sysconfig.get_path("stdlib") + os.sep, "<")


class UserError(ValueError):
    """A mistake in what the user gave: names the thing, the value, and what would be right.

    `launch.py` prints it as one line on stderr and exits with code 2.
    """


def unknown(kind: str, name: object, known: Iterable[object]) -> UserError:
    """A `UserError` for a name that is not among `known`, with the nearest ones first.

    Args:
        kind: what is being named, as the user would call it ("layer", "method").
        name: what the user gave.
        known: the valid names, in the order in which they should be listed.

    >>> print(unknown("layer", "fc1", ("conv_4", "fc_1", "fc_2")))
    unknown layer 'fc1': did you mean 'fc_1'? known: conv_4, fc_1, fc_2
    """
    names = [str(k) for k in known]
    near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(repr(n) for n in near)}? " if near else ""
    return UserError(f"unknown {kind} {str(name)!r}: {hint}known: {', '.join(names)}")


def in_a_line(error: BaseException) -> str:
    """The first line of what an exception says, or its kind where it says nothing.

    >>> in_a_line(KeyError("width")), in_a_line(ValueError())
    ('width', 'ValueError')
    """
    text = str(error)
    if isinstance(error, SyntaxError):
        text = error.msg
    elif isinstance(error, KeyError) and error.args:  # which it would quote
        text = str(error.args[0])
    lines = map(str.strip, COLOUR.sub("", text).splitlines())
    return next(filter(None, lines), type(error).__name__)


def told(error: BaseException) -> str:
    """What code of the user's own raised, in a line: its kind, what it says, and `where`."""
    text, kind = in_a_line(error), type(error).__name__
    said = text if isinstance(error, UserError) or text == kind else f"{kind}: {text}"
    return said + where(error)


def where(error: BaseException) -> str:
    """The last of the user's own lines on an exception's way, as " (my_config.py, line 3)"; "" where there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({Path(error.filename).name}, line {error.lineno})"
    # The first frame is that of who caught it.
    for frame in reversed(traceback.extract_tb(error.__traceback__)[1:]):
        if not frame.filename.startswith(OTHERS) and "site-packages" not in frame.filename:
            return f" ({Path(frame.filename).name}, line {frame.lineno})"
    return ""
