"""A phase of training: killed between two stops and run again, it ends where an uninterrupted one does."""

import contextlib
import json
import signal
from dataclasses import replace

import jax
import numpy as np
import pytest

from hybrid_jax import optimizers, phase, train
from hybrid_jax.checkpoint import Checkpoints
from hybrid_jax.data import GAP, TEST, TRAIN, VALIDATION, simulated
from hybrid_jax.errors import UserError
from hybrid_jax.models.mtcnn import mtcnn
from hybrid_jax.phase import Budget
from hybrid_jax.task import Task, WindowLoss

BUDGET = Budget(epochs=2.0, learning_rate=1e-3, schedule="cosine", batch_size=16)


@pytest.fixture(scope="module")
def task():
    windows = simulated.load(num_subjects=2, trials_per_activity=2, seconds=8.0)
    return Task(mtcnn({"activity": 4}), windows, "activity")


def run(task, workdir, budget=BUDGET):
    key = jax.random.key(0)
    loss = WindowLoss(task.network, task.windows.window, "fc_2")
    return phase.run(
        "siamese/fc_2", task, loss, task.init(key), budget, key,
        workdir=workdir, contrastive_weight=0.1, margin=3.0,
    )  # fmt: skip


class Killed(BaseException):
    pass


def dies_after(stops):
    @contextlib.contextmanager
    def bar(description, total):
        calls = iter(range(stops))

        def advance(done):
            if next(calls, None) is None:
                raise Killed

        yield advance

    return bar


@pytest.mark.parametrize("average", [False, True])
def test_killed_and_resumed_is_uninterrupted(task, tmp_path, monkeypatch, average):
    budget = replace(BUDGET, average=average)
    whole = run(task, tmp_path / "whole", budget)
    for stops in (1, 2, 4):
        monkeypatch.setattr(phase, "bar", dies_after(stops))
        with pytest.raises(Killed):
            run(task, tmp_path / "killed", budget)
    monkeypatch.undo()
    jax.tree.map(np.testing.assert_array_equal, run(task, tmp_path / "killed", budget), whole)
    logs = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("whole", "killed")]
    assert logs[0] == logs[1]
    assert b"validation_accuracy" in logs[0]
    # Run once more it is done at once, with the same result, and logs nothing.
    monkeypatch.setattr(phase, "MetricLog", None)
    jax.tree.map(np.testing.assert_array_equal, run(task, tmp_path / "killed", budget), whole)


def test_sigterm_ends_it_when_the_call_that_it_falls_in_is_saved(task, tmp_path, monkeypatch):
    whole = run(task, tmp_path / "whole")

    def fit(*arguments, made=train.fit, **more):
        for number, after in enumerate(made(*arguments, **more), 1):
            if number == 3:  # Python hears of a signal when the compiled call returns
                signal.raise_signal(signal.SIGTERM)
            yield after

    def stop(*_):
        raise Killed

    before = signal.signal(signal.SIGTERM, stop)
    try:
        monkeypatch.setattr(train, "fit", fit)
        with pytest.raises(Killed):
            run(task, tmp_path / "stopped")
    finally:
        signal.signal(signal.SIGTERM, before)
    monkeypatch.undo()
    lines = (tmp_path / "stopped" / "metrics.jsonl").read_text().splitlines()
    saved = tmp_path / "stopped" / "checkpoints" / "siamese" / "fc_2"
    assert len(lines) == 3 and (saved / str(json.loads(lines[-1])["step"])).is_dir()
    jax.tree.map(np.testing.assert_array_equal, run(task, tmp_path / "stopped"), whole)
    logs = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("whole", "stopped")]
    assert logs[0] == logs[1]


def test_where_parameters_are_averaged_their_mean_is_validated_and_returned(
    task, tmp_path, monkeypatch
):
    validated = []
    monkeypatch.setattr(
        phase,
        "validate",
        lambda _, current, *__, **___: validated.append(current) or {"accuracy": 0.5},
    )
    found = run(task, tmp_path, replace(BUDGET, epochs=1.0, average=True))
    optimizer = optimizers.adam(1e-3, schedule="cosine", num_steps=1, average=True)
    checkpoints = Checkpoints(tmp_path / "checkpoints" / "siamese" / "fc_2")
    state = checkpoints.last(train.init(found["params"], optimizer))
    checkpoints.close()
    assert not np.allclose(
        state.opt_state.average["fc_1"]["dense"]["kernel"], state.params["fc_1"]["dense"]["kernel"]
    )
    for seen in (found["params"], validated[-1]["params"]):
        jax.tree.map(np.testing.assert_array_equal, seen, state.opt_state.average)


def test_divergence_is_named(task, tmp_path):
    with pytest.raises(UserError, match=r"siamese/fc_2 diverged: its loss is \w+ at step \d+"):
        run(task, tmp_path, Budget(2.0, 1e30, "constant", 16))


def test_steps():
    assert Budget(2.0, 1e-3, "cosine", 64).steps(54535) == (1704, 107)
    assert Budget(0.001, 1e-3, "cosine", 64).steps(640) == (1, 2)
    with pytest.raises(UserError, match="batch_size 64: there are only 63"):
        Budget(1.0, 1e-3, "cosine", 64).steps(63)


def test_refit_learns_from_all_but_the_test_windows_and_takes_the_last(task, tmp_path, monkeypatch):
    everything = replace(task, refit=True)
    split = task.windows.split
    assert set(split[task.train_indices]) == {TRAIN}
    assert set(split[everything.train_indices]) == {TRAIN, VALIDATION, GAP}
    assert len(everything.train_indices) == (split != TEST).sum()
    scores = iter((0.9, 0.1))  # the best is not the last
    monkeypatch.setattr(phase, "validate", lambda *_, **__: {"accuracy": next(scores)})
    refit = run(everything, tmp_path)
    state = train.init(refit["params"], optimizers.adam(1e-3, schedule="cosine", num_steps=1))
    checkpoints = Checkpoints(tmp_path / "checkpoints" / "siamese" / "fc_2")
    last = checkpoints.last(state)
    assert int(last.step) == BUDGET.steps(len(everything.train_indices))[0]
    jax.tree.map(np.testing.assert_array_equal, refit["params"], last.params)
    checkpoints.close()
