"""The benchmark's streamed peer takes the steps that it is asked for, and no more."""

from dataclasses import replace

import pytest

from benchmarks.stream import streamed
from hybrid_jax.data import simulated
from hybrid_jax.data.stream import GROUP
from hybrid_jax.models.mtcnn import mtcnn
from hybrid_jax.task import Task


@pytest.mark.slow
def test_rounds_of_streamed_steps_end_with_their_stream():
    windows = simulated.load(num_subjects=2, trials_per_activity=2, seconds=4.0)
    task = replace(Task(mtcnn({"activity": 4}), windows, "activity"), workers=0)
    stream = task.stream(8)
    assert len(list(streamed(task, stream, 2 * GROUP, 4 * GROUP))) == 2
    assert stream.seconds > 0
