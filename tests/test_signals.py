"""Signals that wait: delivered once, whole blocks later, to the handler that was there."""

import signal
import threading

import pytest

from hybrid_jax.signals import between


@pytest.fixture
def heard():
    """What has happened, in order; SIGTERM is noted there too."""
    events = []
    before = signal.signal(signal.SIGTERM, lambda *_: events.append("signal"))
    yield events
    signal.signal(signal.SIGTERM, before)


def test_none_comes_where_none_was_sent(heard):
    assert list(between(signal.SIGTERM, "abc")) == ["a", "b", "c"]
    assert heard == []


def test_the_second_comes_at_once(heard):
    for _ in between(signal.SIGTERM, [0]):
        signal.raise_signal(signal.SIGTERM)
        heard.append("work")
        signal.raise_signal(signal.SIGTERM)
        heard.append("more")
    assert heard == ["work", "signal", "more", "signal"]


def test_it_comes_when_a_round_fails(heard):
    def rounds():
        yield 0
        signal.raise_signal(signal.SIGTERM)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        for _ in between(signal.SIGTERM, rounds()):
            pass
    assert heard == ["signal"]


def test_it_comes_when_others_have_heard_it(heard):
    """Each round is asked about once; one that came while it was asked about waits for the next."""
    asked = []

    def agreed(here):
        asked.append(here)
        if len(asked) == 2:
            signal.raise_signal(signal.SIGTERM)
        return here or len(asked) == 1

    for number in between(signal.SIGTERM, range(4), agreed):
        heard.append(number)
    assert asked == [False, False, True, False]
    assert heard == [0, "signal", 1, 2, "signal", 3]


def test_a_round_is_whole_and_the_loop_goes_on_where_the_handler_lets_it(heard):
    def rounds():
        for number in range(3):
            if number == 1:
                signal.raise_signal(signal.SIGTERM)
            heard.append(f"make {number}")
            yield number

    for number in between(signal.SIGTERM, rounds()):
        heard.append(f"use {number}")
    assert heard == ["make 0", "use 0", "make 1", "use 1", "signal", "make 2", "use 2"]


def test_one_that_comes_while_the_last_round_is_used_is_heard(heard):
    for _ in between(signal.SIGTERM, [0]):
        signal.raise_signal(signal.SIGTERM)
        heard.append("use")
    assert heard == ["use", "signal"]


def test_a_loop_left_early_leaves_the_handler_that_was_there(heard):
    before = signal.getsignal(signal.SIGTERM)
    for _ in between(signal.SIGTERM, [0, 1]):
        break
    assert signal.getsignal(signal.SIGTERM) is before


def test_other_threads_hold_nothing(heard):
    def work():
        for number in between(signal.SIGTERM, [1, 2]):
            heard.extend([number, signal.getsignal(signal.SIGTERM)])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    handler = signal.getsignal(signal.SIGTERM)
    assert heard == [1, handler, 2, handler]
