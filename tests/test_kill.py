"""kill -9 of runs at moments drawn uniformly: started again, they end as if undisturbed."""

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
    "--config.pretrain.epochs=1.0",
    "--config.finetune.epochs=0.5",
)


def progress(run):
    """Lines of metrics.jsonl, and the checkpoints that Orbax has begun and not finished."""
    log = run / "metrics.jsonl"
    unfinished = set(run.glob("checkpoints/**/*.orbax-checkpoint-tmp*"))
    return log.read_text().count("\n") if log.exists() else 0, unfinished


def stage(before, after, lines):
    """Where a start was killed, from the progress at its start and its end; `lines` when all networks are trained."""
    if after[1] - before[1]:
        return "saving"
    if after[0] == lines:
        return "evaluation"
    return "training" if after[0] > before[0] else "start-up"


def kill(folder, reached, lines):
    """Starts the run; the stage that the kill fell in, or None where the run was done before."""
    before = progress(folder / "run")
    code = test_resume.launch(folder, reached, overrides=OVERRIDES)
    if code == 0:
        return None
    assert code == -signal.SIGKILL, (folder / "stderr").read_text()
    return stage(before, progress(folder / "run"), lines)


@pytest.mark.slow
def test_kill_9_at_any_moment(tmp_path, monkeypatch):
    def finish(name):
        started = time.monotonic()
        code = test_resume.launch(tmp_path / name, overrides=OVERRIDES)
        assert code == 0, (tmp_path / name / "stderr").read_text()
        return time.monotonic() - started

    with monkeypatch.context() as patched:  # what was compiled before makes no difference
        patched.setenv("JAX_ENABLE_COMPILATION_CACHE", "false")
        finish("whole")
    expected = test_resume.contents(tmp_path / "whole")
    lines, _ = progress(tmp_path / "whole" / "run")
    kills = [kill(tmp_path / "inside-a-save", test_resume.saving, lines)]
    finish("inside-a-save")
    wall = finish("undisturbed")
    assert os.listdir(tmp_path / "compiled")

    draw = random.Random(0)
    done, starts = 0, 0
    while len(kills) <= KILLS or any(kills.count(name) < n for name, n in LEAST.items()):
        starts += 1
        assert starts < 4 * KILLS, f"too few fell into a training: {kills}"
        folder, began = tmp_path / f"chain-{done}", time.monotonic()
        fresh, moment = not folder.exists(), began + draw.uniform(0.0, wall)
        fell = kill(folder, lambda _, moment=moment: time.monotonic() >= moment, lines)
        if fell:
            kills.append(fell)
            continue
        done += 1  # done before its moment: the next one begins anew
        if fresh:  # other work may have slowed the measured one down
            wall = min(wall, time.monotonic() - began)
    finish(f"chain-{done}")
    print(f"a run takes {wall:.1f} s; {done + 1} runs; killed in", collections.Counter(kills))

    for folder in sorted(tmp_path.glob("*/run")):
        found = test_resume.contents(folder.parent)
        assert found.keys() == expected.keys(), (folder, kills)
        for path, content in expected.items():
            assert found[path] == content, (folder / path, kills)
