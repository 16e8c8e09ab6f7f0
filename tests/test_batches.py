from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_jax.data import batch_indices
from hybrid_jax.errors import UserError


@partial(jax.jit, static_argnames=("num", "size", "batch_size"))
def _epochs(seed, first, num, size, batch_size):
    per_epoch = size // batch_size
    steps = first * jnp.int32(per_epoch) + jnp.arange(num * per_epoch, dtype=jnp.int32)
    return jax.vmap(lambda step: batch_indices(seed, step, size=size, batch_size=batch_size))(steps)


def epochs(seed, first, num, *, size, batch_size):
    """Epochs first, first + 1, ... one a row: int [num, steps * batch_size]."""
    batches = _epochs(jnp.uint32(seed), jnp.int32(first), num, size, batch_size)
    return np.asarray(batches).reshape(num, -1)


@pytest.mark.parametrize(
    ("size", "batch_size"), [(1, 1), (2, 1), (3, 1), (5, 2), (7, 7), (64, 64), (1000, 64)]
)
def test_an_epoch_meets_no_sample_twice(size, batch_size):
    for epoch in epochs(3, 0, 20, size=size, batch_size=batch_size):
        assert len(set(epoch)) == len(epoch) == size // batch_size * batch_size
        assert epoch.min() >= 0 and epoch.max() < size


@pytest.mark.parametrize(("size", "batch_size"), [(4, 1), (96, 32), (61_440, 1024)])
def test_an_epoch_without_remainder_meets_all(size, batch_size):
    for epoch in epochs(0, 5, 2, size=size, batch_size=batch_size):
        np.testing.assert_array_equal(np.sort(epoch), np.arange(size))


def test_largest_size_stays_inside_int32():
    size = 2**31 - 1
    batch = np.asarray(batch_indices(1, 12345, size=size, batch_size=512))
    assert batch.min() >= 0 and batch.max() < size and len(set(batch.tolist())) == 512
    assert abs(batch.mean() / size - 0.5) < 5 / np.sqrt(12 * 512)


def test_the_remainder_left_out_changes():
    left_out = {
        frozenset(set(range(10)) - set(epoch)) for epoch in epochs(1, 0, 12, size=10, batch_size=4)
    }
    assert len(left_out) > 3


def test_depends_only_on_seed_and_step():
    one = batch_indices(7, 41, size=1000, batch_size=64)
    batch_indices(8, 2, size=1000, batch_size=64)
    np.testing.assert_array_equal(one, batch_indices(7, 41, size=1000, batch_size=64))
    for seed, step in [(8, 41), (7, 42), (7, 41 + 15)]:  # 15 steps on is the next epoch
        assert (one != batch_indices(seed, step, size=1000, batch_size=64)).any()


def test_jit_scan_and_eager_agree():
    def pick(seed, step):
        return batch_indices(seed, step, size=777, batch_size=32)

    eager = np.stack([pick(5, step) for step in range(50)])
    jitted = jax.jit(pick)
    _, scanned = jax.jit(
        lambda seed: jax.lax.scan(
            lambda carry, step: (carry, pick(seed, step)), 0, jnp.arange(50, dtype=jnp.int32)
        )
    )(jnp.uint32(5))
    for step in range(50):
        np.testing.assert_array_equal(eager[step], jitted(jnp.uint32(5), jnp.int32(step)))
    np.testing.assert_array_equal(eager, scanned)
    assert eager.dtype == np.int32 and eager.shape == (50, 32)


def test_seed_may_be_any_integer():
    numbers = [np.asarray(batch_indices(seed, 0, size=99, batch_size=9))
               for seed in (-1, 2**32 - 1, np.int64(-1), jnp.uint32(2**32 - 1))]  # fmt: skip
    for same in numbers[1:]:
        np.testing.assert_array_equal(numbers[0], same)


@pytest.mark.parametrize("size", [12, 37, 64])
def test_every_sample_is_equally_likely_at_every_position(size):
    num = 200 * size
    order = epochs(11, 0, num, size=size, batch_size=1)
    for position in (0, size // 2, size - 1):
        counts = np.bincount(order[:, position], minlength=size)
        chi_square = ((counts - 200) ** 2 / 200).sum()
        degrees = size - 1
        assert abs(chi_square - degrees) < 4.5 * np.sqrt(2 * degrees)


def test_neighbours_in_an_epoch_and_epochs_are_independent():
    size, num = 13, 40_000
    order = epochs(2, 0, num, size=size, batch_size=1)
    for first, second, cells in (
        (order[:, 3], order[:, 4], size * (size - 1)),  # never the same sample twice
        (order[:-1, 3], order[1:, 3], size * size),
    ):
        counts = np.bincount(first * size + second, minlength=size * size)
        expected = len(first) / cells
        chi_square = ((counts[counts > 0] - expected) ** 2 / expected).sum()
        assert np.count_nonzero(counts) == cells
        assert abs(chi_square - cells) < 4.5 * np.sqrt(2 * cells)


def test_seeds_are_independent():
    seed_0, seed_1 = (epochs(seed, 0, 2, size=99, batch_size=99) for seed in (0, 1))
    assert (seed_0[1] != seed_1[0]).any() and (seed_0[0] != seed_1[1]).any()
    firsts = np.array([epochs(seed, 0, 1, size=997, batch_size=997)[0] for seed in range(40)])
    meetings = (firsts[:, None] == firsts[None]).sum(-1)[np.triu_indices(40, 1)]
    assert abs(meetings.mean() - 1) < 5 / np.sqrt(len(meetings))  # two shuffles meet once


@pytest.mark.parametrize("batch_size", [0, -1, 11])
def test_a_batch_that_does_not_fit_is_an_error(batch_size):
    with pytest.raises(UserError, match=f"batch_size {batch_size}: .*10"):
        batch_indices(0, 0, size=10, batch_size=batch_size)
