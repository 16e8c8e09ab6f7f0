"""The last checkpoint and the best one, whatever was killed when."""

import math
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from hybrid_jax import train
from hybrid_jax.checkpoint import Checkpoints

ROOT = Path(__file__).parents[1]


def state(step):
    """A training state: every kind of leaf there is."""
    params = {"w": jnp.arange(6, dtype=jnp.float32).reshape(2, 3) + step, "b": jnp.float32(0.1)}
    made = train.init(params, optax.adam(1e-3), {"batch_stats": {"mean": jnp.ones(3)}})
    return made.replace(step=jnp.int32(step))


def assert_equal(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_array_equal(a, b)


def steps(folder):
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "siamese" / "fc_1"  # not there yet


@pytest.fixture
def saved(folder):
    """Saves (step, score) pairs, through one object or a fresh one for each; leaves a fresh one open."""
    opened = []

    def saved(pairs, reopen):
        opened.append(Checkpoints(folder))
        for step, score in pairs:
            if reopen:
                opened[-1].close()
                opened.append(Checkpoints(folder))
            opened[-1].save(step, state(step), score)
        opened[-1].close()
        opened.append(Checkpoints(folder))
        return opened[-1]

    yield saved
    for checkpoints in opened:
        checkpoints.close()


def test_in_a_new_folder_there_is_none(folder):
    checkpoints = Checkpoints(folder)
    assert checkpoints.last_step() is None and folder.is_dir()
    checkpoints.close()


@pytest.mark.parametrize("reopen", [False, True])
@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([0.1, 0.9, 0.2, 0.3], 1),
        ([-0.1, -0.9, -0.2, -0.3], 0),
        ([0.1, 0.2, 0.3, 0.4], 3),
        ([None, 0.5, None, 0.1, None], 1),
        ([0.5, None, None], 0),
        ([-0.2, math.nan, -0.3], 0),
        ([math.nan, -0.3, -0.4], 1),
        ([-math.inf, -9e30, None], 1),
        ([math.nan, None], 0),
        ([0.5, 0.5, 0.4], 1),  # of equals the later
    ],
)
def test_the_last_and_the_best_are_kept_and_no_other(saved, folder, scores, best, reopen):
    """Best by score and not by recency, also where the process ended in between."""
    pairs = [(5 * i, score) for i, score in enumerate(scores, 1)]
    checkpoints = saved(pairs, reopen)
    last, best = pairs[-1][0], pairs[best][0]
    assert checkpoints.last_step() == last
    assert_equal(checkpoints.last(state(0)), state(last))
    assert_equal(checkpoints.best(state(0)), state(best))
    assert steps(folder) == sorted({best, last})


def test_a_state_comes_back_in_its_dtypes_bit_for_bit(saved, folder):
    checkpoints = Checkpoints(folder)
    tree = {
        "float": jnp.asarray([0.1, -0.0, 1e-42, jnp.inf, jnp.nan]),
        "half": jnp.asarray([0.1, 3.0], jnp.bfloat16),
        "int": jnp.int32(2**31 - 1),
        "key": jnp.asarray([1, 2**32 - 1], jnp.uint32),
        "bool": jnp.asarray([True, False]),
        "empty": {},
    }
    checkpoints.save(1, tree, 0.0)
    like = jax.tree.map(jnp.zeros_like, tree)
    for found in (checkpoints.last(like), checkpoints.best(like)):
        assert_equal(found, tree)
        assert np.signbit(found["float"][1])
    checkpoints.close()


def test_a_restored_state_trains_on(saved):
    optimizer = optax.adam(1e-3)
    checkpoints = saved([(3, 0.5)], reopen=False)
    restored = jax.tree.map(jnp.asarray, checkpoints.last(state(0)))
    updates, _ = optimizer.update(restored.params, restored.opt_state, restored.params)
    assert jax.tree.structure(updates) == jax.tree.structure(restored.params)


KILLED = """
import os, sys
from pathlib import Path
import jax.numpy as jnp
from hybrid_jax.checkpoint import Checkpoints

checkpoints = Checkpoints(Path(sys.argv[1]))
checkpoints.save(5, {"w": jnp.full(3, 5.0)}, 0.5)
rename, calls = os.rename, 0

def renamed(*paths, **settings):
    global calls
    calls += 1
    if calls == int(sys.argv[2]):
        os._exit(9)  # as kill -9: no handler runs
    rename(*paths, **settings)

os.rename = renamed
checkpoints.save(10, {"w": jnp.full(3, 10.0)}, 0.9)
"""


@pytest.mark.parametrize("moment", [1, 2])  # before either of the names that a save gives
def test_a_save_that_was_killed_never_happened(folder, moment):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), str(moment)], cwd=ROOT, check=False
    )
    assert done.returncode == 9
    assert [p.name for p in folder.iterdir() if p.name.startswith("10")] != []
    like = {"w": jnp.zeros(3)}
    checkpoints = Checkpoints(folder)
    assert checkpoints.last_step() == 5
    for found in (checkpoints.last(like), checkpoints.best(like)):
        np.testing.assert_array_equal(found["w"], 5.0 * np.ones(3))
    checkpoints.save(10, {"w": jnp.full(3, 11.0)}, 0.9)  # the same step once more
    checkpoints.close()
    checkpoints = Checkpoints(folder)
    assert checkpoints.last_step() == 10
    np.testing.assert_array_equal(checkpoints.best(like)["w"], 11.0 * np.ones(3))
    assert sorted(p.name for p in folder.iterdir()) == ["10"]
    checkpoints.close()


@pytest.mark.parametrize(
    "gone", ["metrics", "default", "_CHECKPOINT_METADATA", "commit_success.txt", "*"]
)
def test_a_removal_that_was_killed_half_way_is_finished_later(saved, folder, tmp_path, gone):
    """An old checkpoint of which some files are left, in any order."""
    saved([(5, 0.2)], reopen=False).close()
    shutil.copytree(folder / "5", tmp_path / "old")
    saved([(10, 0.5), (15, 0.3)], reopen=False).close()
    assert steps(folder) == [10, 15]
    shutil.copytree(tmp_path / "old", folder / "5")
    for path in (folder / "5").glob(gone):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    checkpoints = Checkpoints(folder)
    assert checkpoints.last_step() == 15
    assert_equal(checkpoints.last(state(0)), state(15))
    assert_equal(checkpoints.best(state(0)), state(10))
    checkpoints.save(20, state(20), 0.1)
    assert steps(folder) == [10, 20]
    checkpoints.close()
