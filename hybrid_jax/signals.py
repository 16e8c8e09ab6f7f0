"""Signals that wait until what must not be cut in two is whole."""

import signal
import threading
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

T = TypeVar("T")


def between(
    number: int, rounds: Iterable[T], agreed: Callable[[bool], bool] = bool
) -> Generator[T, None, None]:
    """The same rounds; a signal that comes while one is made or used is delivered when the loop asks for the next.

    It goes to the handler that was there; a second one does so at once. Python hears of a signal when a compiled call
    returns, so two during one call are one. In threads other than the main one, which may set no handlers, nothing
    waits.

    Args:
        number: of the signal.
        rounds: whole ones.
        agreed: asked after each round whether a signal is to be delivered, given whether one has come: of several
            processes all can end in the same round.
    """
    handler = signal.getsignal(number)
    if handler is None or threading.current_thread() is not threading.main_thread():
        yield from rounds
        return
    came = False

    def note(*_: object) -> None:
        nonlocal came
        came = True
        signal.signal(number, handler)

    signal.signal(number, note)
    try:
        for made in rounds:
            yield made
            if agreed(came):
                signal.signal(number, handler)
                came = False
                signal.raise_signal(number)
                signal.signal(number, note)
    finally:
        signal.signal(number, handler)
        if came:
            signal.raise_signal(number)
