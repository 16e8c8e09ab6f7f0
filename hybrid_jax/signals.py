"""Signals that wait until what must not be cut in two is whole."""

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def held(number: int) -> Iterator[None]:
    """A signal that comes inside is delivered at the block's end, by the handler that was there; a second one at once.

    Python hears of a signal when a compiled call returns, so two during one call are one. Threads other than the main
    one, which may set no handlers, hold nothing.
    """
    handler = signal.getsignal(number)
    if handler is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    came = False

    def note(*_: object) -> None:
        nonlocal came
        came = True
        signal.signal(number, handler)

    signal.signal(number, note)
    try:
        yield
    finally:
        signal.signal(number, handler)
        if came:
            signal.raise_signal(number)


def between(number: int, rounds: Iterable[T]) -> Iterator[T]:
    """The same rounds; a signal that comes while one is made or used is delivered when the loop asks for the next."""
    rounds = iter(rounds)
    while True:
        with held(number):
            try:
                made = next(rounds)
            except StopIteration:
                return
            yield made
