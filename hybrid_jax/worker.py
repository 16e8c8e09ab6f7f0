"""A process that works for another one."""

import logging
import multiprocessing
import os
import signal
import threading

STOPS = (signal.SIGINT, signal.SIGTERM)  # those that come to a whole group of processes


def begin() -> None:
    """From here on this process logs errors alone, leaves signals to its parent, and does not outlive it."""
    logging.getLogger("absl").setLevel(logging.ERROR)
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)

    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
