"""Several devices compute what one does: the same program on 8 virtual CPU devices, in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import mesh_program
import numpy as np
import pytest

from hybrid_jax import mesh
from hybrid_jax.privacy import fused

DEVICES = 8
SLOW = pytest.mark.slow  # XLA compiles each program anew for several devices
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """What 8 devices found."""
    path = tmp_path_factory.mktemp("mesh") / "found.npy"
    flags = f"--xla_force_host_platform_device_count={DEVICES}"
    done = subprocess.run(
        [sys.executable, "-W", "error", Path(mesh_program.__file__), path],
        env=os.environ | {"XLA_FLAGS": flags, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return np.load(path, allow_pickle=True).item()


@pytest.fixture(scope="module")
def one():
    """What this process finds, which has one."""
    assert jax.device_count() == mesh.size() == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused, "serves", fused.serves)  # put back afterwards
        return mesh_program.everything()


def assert_close(found, expected, **tolerance):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), found, expected)


@SLOW
def test_training_goes_the_same_way(several, one):
    """Batches, dropout and pairs are those of one device."""
    assert len(one["train"]) == 3
    assert_close(several["train"], one["train"], rtol=2e-5, atol=2e-6)


@SLOW
def test_streamed_training_goes_the_same_way_and_each_device_is_sent_its_share(several, one):
    found, held = several["stream"]
    expected, (whole,) = one["stream"]
    assert_close(found, expected, rtol=2e-5, atol=2e-6)
    assert_close(held, np.split(whole, DEVICES, axis=1))


@SLOW
def test_each_device_computes_its_share_of_a_batch(several):
    """As XLA compiled it: no device holds the whole batch's inputs, and gradients are summed."""
    program = several["program"]
    rows = {int(n) for n in re.findall(r"f32\[(\d+),(?:1,)?3,20\]", program)}
    assert rows == {mesh_program.BATCH // DEVICES, mesh_program.SIZE}
    assert "all-reduce" in program


@SLOW
def test_a_batch_that_does_not_divide_is_refused(several):
    assert several["refused"] == "batch_size 12: 8 devices share a batch; give a multiple of 8"


@SLOW
def test_pca_finds_the_same_components(several, one):
    for found, expected in zip(several["pca"], one["pca"], strict=True):
        assert_close(found, expected, rtol=1e-4, atol=1e-5)


@SLOW
def test_functions_of_samples_are_those_of_one_device(several, one):
    assert_close(several["map"], one["map"], rtol=0)


@SLOW
@pytest.mark.parametrize("gallery", ["privacy", "ring"])
def test_privacy_is_that_of_one_device(several, one, gallery):
    """With the gallery whole on each device, and in parts that go around."""
    for (found, counted), (expected, also_counted) in zip(
        several[gallery], one["privacy"], strict=True
    ):
        assert_close(counted, also_counted)
        assert_close((found.above, found.tied), (expected.above, expected.tied), rtol=0)
        assert_close(found.log_posterior, expected.log_posterior, rtol=1e-4, atol=1e-5)


@SLOW
def test_what_is_large_goes_around(several):
    assert several["turns"] > 0


@SLOW
def test_rows_are_split_and_made_whole(several):
    rows = np.arange(16.0)
    for name in ("shards", "sent"):
        assert_close(several[name], np.split(rows, DEVICES))
    assert_close(several["whole"], [rows] * DEVICES)


def test_alone_nothing_is_placed():
    x = np.arange(3.0)
    with mesh.over_all_devices():
        assert mesh.size() == 1 and mesh.split(x) is x and mesh.whole(x) is x
