"""`--sweep_runner=ray` on a Ray cluster of this machine: the same files, and a lost worker is one failure."""

import os
import subprocess
import sys

import pytest
from test_sweep import settings

from hybrid_jax.experiment import sweep
from hybrid_jax.experiment.points import points

pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements-ray.txt")
pytestmark = pytest.mark.slow

RAY_LOSES_A_WORKER = """
import os
from hybrid_jax.experiment import sweep
submit, gather = sweep._ray()
first = submit(lambda: os._exit(1))
lost, after, other = gather([first, submit(lambda error: error, first), submit(lambda: None)])
assert lost and after and other is None, (lost, after, other)
"""


def test_a_worker_that_ray_loses_fails_what_waits_for_it_and_no_more():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", RAY_LOSES_A_WORKER], env=environment, check=True)


def test_ray_gives_what_one_process_gives(tmp_path):
    # In processes of their own: Ray's threads outlive a test.
    for runner in sweep.RUNNERS:
        code = (
            "import sys; from pathlib import Path; from test_sweep import config, settings;"
            "from hybrid_jax.experiment import sweep;"
            "sweep.run(config(), settings([3]), Path(sys.argv[1]), 'c', runner=sys.argv[2])"
        )
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        arguments = [sys.executable, "-c", code, str(tmp_path / runner), runner]
        subprocess.run(arguments, env=environment, check=True, capture_output=True)
    for point in points(settings([3])):
        one, other = (tmp_path / r / "points" / point.name / "results.json" for r in sweep.RUNNERS)
        assert one.read_bytes() == other.read_bytes()
