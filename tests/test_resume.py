"""Killed at any moment and started again: the result of an uninterrupted run, byte for byte."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMAND = (
    sys.executable,
    ROOT / "launch.py",
    f"--config={ROOT}/configs/activity.py:smoke",
    "--workdir=run",
)
COMPARED = ("results.json", "accuracy.md", "metrics.jsonl", "config.json")


def launch(folder, seconds=None):
    """Runs the command; after `seconds` it gets SIGKILL. Gives whether it came to its end."""
    folder.mkdir(exist_ok=True)
    try:
        done = subprocess.run(
            COMMAND, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    assert done.returncode == 0, done.stderr
    return True


def contents(folder):
    embeddings = sorted((folder / "run" / "embeddings").rglob("*.npz"))
    files = [folder / "run" / name for name in COMPARED] + embeddings
    return {path.relative_to(folder): path.read_bytes() for path in files}


@pytest.mark.slow
def test_kill_9_and_again(tmp_path):
    whole = tmp_path / "whole"
    began = time.monotonic()
    assert launch(whole)
    duration = time.monotonic() - began

    killed = tmp_path / "killed"
    # From before the first checkpoint to the evaluation. What is trained is not trained again, so a later try may end.
    ended = [launch(killed, share * duration) for share in (0.15, 0.3, 0.4, 0.5)]
    assert not any(ended[:2])
    assert launch(killed)
    expected, found = contents(whole), contents(killed)
    assert expected.keys() == found.keys()
    for path, content in expected.items():
        assert found[path] == content, path
