"""How processes are told of each other: by flags, by what started them."""

import jax
import pytest

from hybrid_jax import hosts
from hybrid_jax.errors import UserError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("localhost:1234", 2, None), "--process_id missing"),
        ((None, 2, 0), "--coordinator missing"),
        ((None, None, 0), "--coordinator and --num_processes missing"),
        (("localhost", 2, 0), "--coordinator=localhost: give HOST:PORT"),
        (("localhost:http", 2, 0), "--coordinator=localhost:http: give HOST:PORT"),
        ((":1234", 2, 0), "--coordinator=:1234: give HOST:PORT"),
        (("localhost:1234", 2, 2), "--process_id=2: of --num_processes=2 it is one from 0 to 1"),
        (("localhost:1234", 2, -1), "--process_id=-1"),
        (("localhost:1234", 0, 0), "--num_processes=0: give the number of processes, from 1"),
    ],
)
def test_mistakes_in_the_flags(given, message):
    with pytest.raises(UserError) as caught:
        hosts.join(*given)
    assert message in str(caught.value) and "\n" not in str(caught.value)


STEP = {"SLURM_STEP_NODELIST": "node[1-2]"}


@pytest.mark.parametrize(
    ("environment", "several"),
    [
        ({}, False),
        ({"SLURM_NTASKS": "2"}, False),  # in an allocation, without srun
        (STEP | {"SLURM_NTASKS": "1"}, False),
        (STEP | {"SLURM_NTASKS": "2"}, True),
        ({"OMPI_COMM_WORLD_SIZE": "1"}, False),
        ({"OMPI_COMM_WORLD_SIZE": "16"}, True),
        ({"TPU_WORKER_HOSTNAMES": "localhost"}, False),
        ({"TPU_WORKER_HOSTNAMES": "a,b"}, True),
        ({"TPU_WORKER_HOSTNAMES": "a", "MEGASCALE_NUM_SLICES": "2"}, True),
        ({"JOB_COMPLETION_INDEX": "1", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False),
    ],
)
def test_launchers_that_started_several(environment, several):
    assert hosts.launched(environment) == several


def test_one_that_is_alone_joins_nobody(monkeypatch):
    for name, value in (STEP | {"SLURM_NTASKS": "2"}).items():
        monkeypatch.setenv(name, value)
    hosts.join(None, 1, None)
    assert not jax.distributed.is_initialized() and hosts.is_first()
