"""A phase of training: killed between two stops and run again, it ends where an uninterrupted one does."""

import contextlib
import json
import re
import signal
from dataclasses import replace

import jax
import numpy as np
import pytest
from small_network import small_network

from hybrid_jax import optimizers, phase, train
from hybrid_jax.checkpoint import Checkpoints
from hybrid_jax.data import GAP, TEST, TRAIN, VALIDATION, simulated
from hybrid_jax.errors import UserError
from hybrid_jax.phase import Budget
from hybrid_jax.task import Task, TaskLoss, validate, validate_stream

BUDGET = Budget(epochs=2.0, learning_rate=1e-3, schedule="cosine", batch_size=16)


@pytest.fixture(scope="module")
def task():
    windows = simulated.load(num_subjects=2, trials_per_activity=2, seconds=8.0)
    return Task(small_network(4), windows, "activity")


def run(task, workdir, budget=BUDGET):
    key = jax.random.key(0)
    loss = TaskLoss(task.network, task.samples.inputs, "fc_2")
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


@pytest.mark.parametrize(
    ("average", "workers"),
    [
        (False, None),
        pytest.param(True, None, marks=pytest.mark.slow),
        pytest.param(True, 0, marks=pytest.mark.slow),
    ],
)
def test_killed_and_resumed_is_uninterrupted(task, tmp_path, monkeypatch, average, workers):
    budget, task = replace(BUDGET, average=average), replace(task, workers=workers)
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


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_streamed_it_is_the_same_to_rounding_and_tells_how_long_it_waited(task, tmp_path, capsys):
    expected = run(task, tmp_path / "device")
    assert capsys.readouterr().err == ""
    found = run(replace(task, workers=2), tmp_path / "streamed")
    assert re.fullmatch(
        r"siamese/fc_2: [0-9.]+% of [0-9.]+ s waiting for data, and [0-9.]+ s for .*\n",
        capsys.readouterr().err,
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-3), found, expected)
    for one, other in zip(lines(tmp_path / "streamed"), lines(tmp_path / "device"), strict=True):
        assert one.keys() == other.keys() and one["step"] == other["step"]
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-2)
        if "validation_loss" in one:
            assert one["validation_loss"] == pytest.approx(other["validation_loss"], rel=1e-2)
    # Once more it is done at once: no worker is started.
    run(replace(task, workers=2), tmp_path / "streamed")
    assert capsys.readouterr().err == ""


def test_validation_in_blocks_is_validation(task):
    data, variables = task.device_data(0.1, 3.0), task.init(jax.random.key(0))
    loss = TaskLoss(task.network, task.samples.inputs, "fc_2")
    streamed = replace(task, workers=0)
    scalars = streamed.device_data(0.1, 3.0)
    assert set(data) - set(scalars) == {"rows", "starts", "labels"}
    indices = jax.numpy.asarray(task.samples.indices(VALIDATION))
    assert len(indices) % 5
    whole = validate(loss, variables, data, indices, batch_size=5)
    blocks = validate_stream(loss, variables, scalars, streamed.load, indices, batch_size=5)
    assert whole.keys() == blocks.keys()
    for name, value in whole.items():
        np.testing.assert_allclose(blocks[name], value, rtol=1e-5)


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


def test_one_validation_sample_is_no_pair(task, tmp_path, monkeypatch):
    monkeypatch.setattr(type(task.samples), "indices", lambda samples, split: np.zeros(1, np.int32))
    loss, key = TaskLoss(task.network, task.samples.inputs, pairs="aligned"), jax.random.key(0)
    with pytest.raises(UserError, match="pretrain: validation samples: 1; pairs"):
        phase.run("pretrain", task, loss, {"params": {}}, BUDGET, key, workdir=tmp_path)


def test_steps():
    assert Budget(2.0, 1e-3, "cosine", 64).steps(54535) == (1704, 107)
    assert Budget(0.001, 1e-3, "cosine", 64).steps(640) == (1, 2)
    with pytest.raises(UserError, match="batch_size 64: there are only 63"):
        Budget(1.0, 1e-3, "cosine", 64).steps(63)


def test_refit_learns_from_all_but_the_test_windows_and_takes_the_last(task, tmp_path, monkeypatch):
    everything = replace(task, refit=True)
    split = task.samples.split
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
