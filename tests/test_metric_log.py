"""metrics.jsonl after a kill and a resume is that of an uninterrupted run."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from hybrid_jax.metric_log import MetricLog

ROOT = Path(__file__).parents[1]


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def write(folder, phase, steps, begin=0):
    log = MetricLog(folder, phase, begin)
    for step in steps:
        log.write(step, {"loss": 1 / step, "accuracy": np.float32(0.5)})
    log.close()


def drawn(file, name):
    """Steps at which TensorBoard has a value, read as TFRecord frames: length, its CRC, event, its CRC."""
    content, at, steps = file.read_bytes(), 0, []
    while at < len(content):
        (size,) = struct.unpack_from("<Q", content, at)
        event = Event.FromString(content[at + 12 : at + 12 + size])
        steps += [event.step for value in event.summary.value if value.tag == name]
        at += 16 + size
    return steps


def test_torch_is_not_loaded_and_can_be(tmp_path):
    """tensorboardX would: seconds at every start."""
    (tmp_path / "torch.py").write_text("print('loaded')")
    program = "import hybrid_jax.metric_log; print('first'); import torch"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["first", "loaded"]


def test_a_line_is_flat_and_holds_phase_step_and_values(tmp_path):
    write(tmp_path, "siamese/fc_1", [5])
    assert lines(tmp_path) == [{"phase": "siamese/fc_1", "step": 5, "loss": 0.2, "accuracy": 0.5}]


def test_nothing_written_is_an_empty_file(tmp_path):
    MetricLog(tmp_path, "pretrain", 0).close()
    assert (tmp_path / "metrics.jsonl").read_text() == ""


@pytest.mark.parametrize("resume_at", [0, 5, 10, 15])
@pytest.mark.parametrize(
    "torn", ["", '{"phase": "simple", "st', '{"phase": "simple", "step": 20}', "{"]
)
def test_a_killed_run_that_goes_on_writes_the_file_of_an_uninterrupted_one(
    tmp_path, resume_at, torn
):
    """It is cut back to the step of the checkpoint, and a line without its end is dropped."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
        write(folder, "pretrain", [5, 10, 40])
    write(whole, "simple", [5, 10, 15, 20])
    write(killed, "simple", [5, 10, 15])
    with (killed / "metrics.jsonl").open("a") as file:
        file.write(torn)
    write(killed, "simple", [s for s in (5, 10, 15, 20) if s > resume_at], begin=resume_at)
    assert (killed / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()


def test_other_phases_lines_are_kept_whatever_their_steps(tmp_path):
    write(tmp_path, "pretrain", [5, 100])
    write(tmp_path, "simple", [5, 10])
    write(tmp_path, "pretrain", [], begin=5)
    found = [(line["phase"], line["step"]) for line in lines(tmp_path)]
    assert found == [("pretrain", 5), ("simple", 5), ("simple", 10)]


def test_a_phase_whose_name_begins_another_is_another(tmp_path):
    write(tmp_path, "siamese/fc_1-weight-1", [5])
    MetricLog(tmp_path, "siamese/fc_1", 0).close()
    assert len(lines(tmp_path)) == 1


def test_tensorboard_has_a_folder_a_phase(tmp_path):
    write(tmp_path, "siamese/fc_1", [5, 10])
    (events,) = (tmp_path / "tensorboard" / "siamese-fc_1").iterdir()
    content = events.read_bytes()
    assert content.count(b"loss") == 2 and content.count(b"accuracy") == 2


def test_tensorboard_has_every_step_of_a_killed_run_once(tmp_path):
    """What the killed one had not yet flushed is drawn again from metrics.jsonl, what it had too much is not."""
    write(tmp_path, "simple", [5, 10, 15])
    (file,) = (tmp_path / "tensorboard" / "simple").iterdir()
    file.write_bytes(b"")  # nothing was flushed
    write(tmp_path, "simple", [15, 20], begin=10)
    (file,) = (tmp_path / "tensorboard" / "simple").iterdir()
    assert drawn(file, "accuracy") == [5, 10, 15, 20]
    assert drawn(file, "loss") == [5, 10, 15, 20]
