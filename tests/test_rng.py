"""Named keys: a branch of randomness for each purpose."""

import jax

from hybrid_jax import rng

KEY = jax.random.key(3)


def bits(*names, root=KEY):
    return int(jax.random.bits(rng.named(root, *names)))


def test_a_branch_depends_on_the_root_the_names_and_their_order_alone():
    assert bits("a", "b") == bits("a", "b")
    names = [("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",), ("a", "a"), ("",)]
    found = [bits(*n) for n in names] + [bits("a", root=jax.random.key(4))]
    assert len(set(found)) == len(found)


def test_no_name_is_the_root_and_a_branch_has_branches():
    assert rng.named(KEY) is KEY
    assert rng.named(rng.named(KEY, "a"), "b") == rng.named(KEY, "a", "b")


def test_names_mean_the_same_in_every_process():
    """Not Python's hash, which is salted: a resumed run must meet the same keys."""
    assert rng.named(KEY, "siamese/fc_1") == jax.random.fold_in(KEY, 4136888889)  # its CRC-32
