"""Signals that wait: delivered once, whole blocks later, to the handler that was there."""

import signal
import threading

import pytest

from hybrid_jax.signals import between, held


@pytest.fixture
def heard():
    """What has happened, in order; SIGTERM is noted there too."""
    events = []
    before = signal.signal(signal.SIGTERM, lambda *_: events.append("signal"))
    yield events
    signal.signal(signal.SIGTERM, before)


def test_it_comes_at_the_end_of_the_block(heard):
    with held(signal.SIGTERM):
        signal.raise_signal(signal.SIGTERM)
        heard.append("work")
    assert heard == ["work", "signal"]
    signal.raise_signal(signal.SIGTERM)
    assert heard == ["work", "signal", "signal"]


def test_none_comes_where_none_was_sent(heard):
    with held(signal.SIGTERM):
        pass
    assert list(between(signal.SIGTERM, "abc")) == ["a", "b", "c"]
    assert heard == []


def test_the_second_comes_at_once(heard):
    with held(signal.SIGTERM):
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        heard.append("work")
    assert heard == ["signal", "work", "signal"]


def test_it_comes_when_the_block_fails(heard):
    with pytest.raises(ValueError, match="no"), held(signal.SIGTERM):
        signal.raise_signal(signal.SIGTERM)
        raise ValueError("no")
    assert heard == ["signal"]


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
        with held(signal.SIGTERM):
            heard.append(signal.getsignal(signal.SIGTERM))
        heard.extend(between(signal.SIGTERM, [1, 2]))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert heard == [signal.getsignal(signal.SIGTERM), 1, 2]
