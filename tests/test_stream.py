"""Streamed batches: those of `batch_indices` from any step, by any number of workers, which end with their parent."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import jax
import numpy as np
import pytest

from hybrid_jax.data import batch_indices
from hybrid_jax.data.stream import GROUP, Stream, fits
from hybrid_jax.errors import UserError

SIZE, BATCH = 50, 8
ORDER = np.uint32(7)
INDICES = np.arange(100, 100 + SIZE, dtype=np.int32)


@dataclass(frozen=True)
class Numbers:
    """The samples' own numbers, and who loaded them; slowly, if wanted."""

    seconds: float = 0.0

    def __call__(self, numbers):
        from jax._src import xla_bridge

        time.sleep(self.seconds)
        return {
            "number": numbers,
            "process": np.full(len(numbers), os.getpid(), np.int32),
            "backend": np.full(len(numbers), xla_bridge.backends_are_initialized()),
            "large": np.repeat(numbers[:, None], 1000, axis=1),  # goes by shared memory
        }


def stream(load=None, workers=0, **more):
    return Stream(load or Numbers(), INDICES, BATCH, workers=workers, **more)


def rule(step):
    order = jax.numpy.uint32(ORDER)
    return INDICES[np.asarray(batch_indices(order, step, size=SIZE, batch_size=BATCH))]


def test_the_plan_is_the_one_rule():
    plan = stream().plan(ORDER, 1, 4)
    assert plan.dtype == np.int32 and plan.shape == (3, GROUP, BATCH)
    for step, numbers in enumerate(plan.reshape(-1, BATCH), GROUP):
        np.testing.assert_array_equal(numbers, rule(step))


def test_shards_are_the_parts_of_every_batch():
    whole = stream().plan(ORDER, 0, 3)
    parts = [stream(shard=(index, 4)) for index in range(4)]
    assert {part.size for part in parts} == {2}
    joined = np.concatenate([part.plan(ORDER, 0, 3) for part in parts], axis=2)
    np.testing.assert_array_equal(joined, whole)
    with pytest.raises(UserError, match="batch_size 8: must be a multiple of 3 shards"):
        stream(shard=(0, 3))


@pytest.mark.parametrize(
    ("workers", "begin", "end", "first"),
    [
        (0, 0, 40, 0),
        (0, GROUP - 1, 25, 0),
        (0, GROUP, 25, 1),
        (0, 30, 31, 3),
        (2, GROUP - 1, 25, 0),
    ],
)
def test_groups_from_any_step_are_those_of_the_whole(workers, begin, end, first):
    groups = [*stream(workers=workers).groups(ORDER, begin, end)]
    assert len(groups) == -(-end // GROUP) - first
    for g, group in enumerate(groups, first):
        assert all(isinstance(a, jax.Array) for a in group.values())
        expected = [rule(step) for step in range(g * GROUP, (g + 1) * GROUP)]
        np.testing.assert_array_equal(group["number"], expected)
        np.testing.assert_array_equal(group["large"][..., 999], expected)


def test_workers_are_processes_without_a_jax_backend():
    here = {int(p) for g in stream().groups(ORDER, 0, 40) for p in np.ravel(g["process"])}
    groups = [*stream(workers=2).groups(ORDER, 0, 40)]
    there = {int(p) for group in groups for p in np.ravel(group["process"])}
    assert here == {os.getpid()}
    assert len(there) == 2 and os.getpid() not in there
    assert not any(np.any(group["backend"]) for group in groups)
    for process in there:  # and they are gone when the last group is
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_a_stream_that_is_left_ends_its_workers():
    groups = stream(workers=1).groups(ORDER, 0, 10**4)
    process = int(next(groups)["process"][0, 0])
    os.kill(process, 0)
    groups.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_it_tells_how_long_training_waited():
    slow = stream(Numbers(0.01))  # .08 s a group
    for _ in slow.groups(ORDER, 0, 10 * GROUP):
        pass
    assert slow.waited > 0.9 * slow.seconds > 0.9 * 6 * 0.08  # up to three lie ready
    quick = stream()
    for _ in quick.groups(ORDER, 0, 10 * GROUP):
        time.sleep(0.05)
    assert quick.waited < 0.1 * quick.seconds
    assert quick.seconds > 10 * 0.05
    assert slow.startup > 0.08
    assert quick.told().startswith(f"{quick.waited / quick.seconds:.1%} of {quick.seconds:.1f} s")


class Broken:
    def __call__(self, numbers):
        raise UserError(f"sample {numbers[0]} is damaged")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_worker_s_error_is_the_training_s(workers):
    with pytest.raises(UserError, match="is damaged"):
        next(stream(Broken(), workers=workers).groups(ORDER, 0, 10))


def start(folder, lines):
    """A process of its own that runs these lines."""
    program = folder / "program.py"
    program.write_text(
        "import time\nfrom test_stream import ORDER, stream\n"
        f"if __name__ == '__main__':\n    {lines}\n"
    )
    return subprocess.Popen(
        [sys.executable, program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_nothing_is_left_or_said_at_exit(tmp_path):
    """Shared memory that is left is told on stderr, as are absl's flags that nobody parsed."""
    process = start(tmp_path, "kept = [*stream(workers=1).groups(ORDER, 0, 40)]; time.sleep(0.5)")
    assert process.communicate() == ("", "")
    assert process.returncode == 0


def running(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_do_not_outlive_a_killed_parent(tmp_path):
    parent = start(
        tmp_path,
        "groups = stream(workers=2).groups(ORDER, 0, 10**5); "
        "print(*{int(next(groups)['process'][0, 0]) for _ in range(2)}, flush=True); time.sleep(600)",
    )
    workers = [int(text) for text in parent.stdout.readline().split()]
    assert len(workers) == 2 and all(map(running, workers))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 10
    while any(map(running, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(running, workers))
    parent.communicate()


def test_what_fits_depends_on_the_device_s_memory(monkeypatch):
    assert fits(10**15)  # a CPU does not say

    class Device:
        def memory_stats(self):
            return {"bytes_limit": 1000}

    monkeypatch.setattr(jax, "local_devices", lambda: [Device()])
    assert fits(500) and not fits(501)
