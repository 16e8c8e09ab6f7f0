"""kill -9 at moments drawn uniformly over a run: what is started again ends with an undisturbed run's bytes."""

import collections
import os
import random
import signal
import time

import pytest
import test_resume

KILLS = 20
LEAST = {
    "training": 4,
    "saving": 1,
}  # kills that have to fall there; some more are made where they do not
OVERRIDES = (
    "--config.evaluators=('accuracy',)",
    "--config.methods=('simple','advanced')",
    "--config.noise.relative=(0.0,1.0)",
    "--config.reduction.autoencoder_layers=()",
)
LINES = 28  # of metrics.jsonl, when all networks are trained


def progress(run):
    """Lines of metrics.jsonl, and the checkpoints that Orbax has begun and not finished."""
    log = run / "metrics.jsonl"
    unfinished = set(run.glob("checkpoints/**/*.orbax-checkpoint-tmp*"))
    return log.read_text().count("\n") if log.exists() else 0, unfinished


def stage(before, after):
    """Where a start was killed, from the progress at its start and its end."""
    if after[1] - before[1]:
        return "saving"
    if after[0] == LINES:
        return "evaluation"
    return "training" if after[0] > before[0] else "start-up"


def kill(folder, reached):
    """Starts the run; the stage that the kill fell in, or None where the run was done before."""
    before = progress(folder / "run")
    code = test_resume.launch(folder, reached, overrides=OVERRIDES)
    if code == 0:
        return None
    assert code == -signal.SIGKILL, (folder / "stderr").read_text()
    return stage(before, progress(folder / "run"))


@pytest.mark.slow
def test_kill_9_at_any_moment(tmp_path, monkeypatch):
    def finish(name):
        started = time.monotonic()
        code = test_resume.launch(tmp_path / name, overrides=OVERRIDES)
        assert code == 0, (tmp_path / name / "stderr").read_text()
        return time.monotonic() - started

    finish("whole")
    expected = test_resume.contents(tmp_path / "whole")
    # All others share what they compile: most of such a run's time. The one above shows that it is the same.
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "compiled"))
    monkeypatch.setenv("JAX_PERSISTENT_COMPILATION_CACHE_MIN_COMPILE_TIME_SECS", "0")
    monkeypatch.setenv("JAX_PERSISTENT_COMPILATION_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    kills = [kill(tmp_path / "inside-a-save", test_resume.saving)]
    finish("inside-a-save")
    wall = finish("undisturbed")
    assert os.listdir(tmp_path / "compiled")

    draw = random.Random(0)
    done = 0
    while len(kills) <= KILLS or any(kills.count(name) < n for name, n in LEAST.items()):
        assert len(kills) < 2 * KILLS, f"too few fell into a training: {kills}"
        moment = time.monotonic() + draw.uniform(0.0, wall)
        fell = kill(tmp_path / f"chain-{done}", lambda _, m=moment: time.monotonic() >= m)
        if fell:
            kills.append(fell)
        else:  # done before its moment: the next one begins anew
            done += 1
    finish(f"chain-{done}")
    print(f"a run takes {wall:.1f} s; {done + 1} runs; killed in", collections.Counter(kills))

    for folder in sorted(tmp_path.glob("*/run")):
        found = test_resume.contents(folder.parent)
        assert found.keys() == expected.keys(), (folder, kills)
        for path, content in expected.items():
            assert found[path] == content, (folder / path, kills)
