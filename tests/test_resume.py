"""Killed at any moment and started again: the result of an uninterrupted run, byte for byte."""

import json
import os
import signal
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


def environment(folder):
    """Runs that are stopped share what they compile with no other test: one may leave half of a file."""
    return os.environ | {"JAX_COMPILATION_CACHE_DIR": str(folder / "compiled")}


def launch(folder, reached=None, how=signal.SIGKILL, overrides=()):
    """Runs the command; with `reached`, sends it `how` as soon as that is true of its work folder."""
    folder.mkdir(exist_ok=True)
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [*COMMAND, *overrides],
            cwd=folder,
            env=environment(folder.parent),
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
        while process.poll() is None:
            if reached is not None and reached(folder / "run"):
                process.send_signal(how)
                break
            time.sleep(0.01)
    return process.wait()


def lines(count):
    """Whether training has come so far: 14 lines of pre-training, 7 of each fine-tuning."""
    return lambda run: (
        (run / "metrics.jsonl").exists()
        and ((run / "metrics.jsonl").read_text().count("\n") >= count)
    )


def embedded(method):
    """Whether the evaluation has come past a method."""
    return lambda run: (run / "embeddings" / "fc_2" / method / "embedding.json").exists()


def contents(folder):
    embeddings = sorted((folder / "run" / "embeddings").rglob("*.npz"))
    files = [folder / "run" / name for name in COMPARED] + embeddings
    return {path.relative_to(folder): path.read_bytes() for path in files}


def saving(run):
    """Whether Orbax is writing a checkpoint: it renames the folder when all is in it."""
    return any(run.glob("checkpoints/*/*.orbax-checkpoint-tmp*"))


@pytest.mark.slow
@pytest.mark.parametrize("reached", [lines(1), saving], ids=["training", "saving"])
@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_without_a_word(tmp_path, reached, how, code):
    assert launch(tmp_path / "stopped", reached, how) == code
    assert (tmp_path / "stopped" / "stderr").read_text() == ""
    if how == signal.SIGTERM:  # what is logged is saved: it comes when the checkpoint is there
        run = tmp_path / "stopped" / "run"
        last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
        assert (run / "checkpoints" / last["phase"] / str(last["step"])).is_dir()


@pytest.mark.slow
def test_kill_9_and_again(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert launch(whole) == 0, (whole / "stderr").read_text()
    moments = (lines(1), lines(10), lines(16), lines(24), embedded("siamese"))
    for reached in moments:
        assert launch(killed, reached) == -signal.SIGKILL
    assert launch(killed) == 0, (killed / "stderr").read_text()
    expected, found = contents(whole), contents(killed)
    assert expected.keys() == found.keys()
    for path, content in expected.items():
        assert found[path] == content, path
