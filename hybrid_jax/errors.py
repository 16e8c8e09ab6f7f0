"""The user's mistakes: one clear line, exit code 2, nothing lost."""

import difflib
from collections.abc import Iterable


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
