"""launch.py as one calls it: in a process of its own, or, where it only refuses, in this one."""

import os
import subprocess
import sys
from pathlib import Path

from absl.testing import flagsaver

import launch

ROOT = Path(__file__).parents[1]


def run(*arguments, **environment):
    """launch.py in a process of its own."""
    return subprocess.run(
        [sys.executable, ROOT / "launch.py", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def refused(capsys, *arguments):
    """The line that launch.py answers in this process."""
    with flagsaver.flagsaver():
        assert launch.main(["launch.py", *arguments]) == 2
    answer = capsys.readouterr()
    assert answer.out == "" and len(answer.err.splitlines()) == 1
    return answer.err
