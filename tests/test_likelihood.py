"""The engine: its precision and memory as traced, and draws by vmap as by a loop."""

import jax
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params
from rank_samples import FEATURES, LABELS, N

from hybrid_jax.privacy import log_ratios
from hybrid_jax.privacy.blocks import cut
from hybrid_jax.privacy.gallery import Samples


def equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for inner in jaxprs_in_params(equation.params):
            yield from equations(inner)


def samples(size, dim, num_classes):
    rng = np.random.default_rng(size)
    zeros = np.zeros(size, np.int32)
    labels = np.arange(size, dtype=np.int32) % num_classes
    return Samples(rng.normal(size=(size, dim)).astype(np.float32), labels, zeros, zeros)


@pytest.mark.parametrize("dim", [8, 64])
def test_every_product_has_the_highest_precision_and_memory_is_that_of_blocks(dim):
    size, num_queries, chunk, block, levels = 4096, 16, 64, 256, 5
    queries, gallery = samples(num_queries, dim, 3), cut(samples(size, dim, 3), 3, chunk, block)
    traced = jax.jit(log_ratios).trace(
        np.zeros((num_queries, dim), np.float32),
        queries,
        gallery,
        np.int32(2),
        np.ones(levels, np.float32),
    )
    found = list(equations(traced.jaxpr.jaxpr))
    products = [e for e in found if e.primitive.name == "dot_general"]
    highest = (jax.lax.Precision.HIGHEST,) * 2
    assert products and all(e.params["precision"] == highest for e in products)
    largest = max(v.aval.size for e in found for v in e.outvars)
    of_chunks = gallery.chunk_class.size * levels * num_queries
    assert largest <= max(gallery.features.size, block * num_queries, of_chunks)


@pytest.mark.parametrize("dim", [3, 20])
def test_vmap_over_draws_is_a_loop_over_them(dim):
    rng = np.random.default_rng(0)
    features = np.tile(FEATURES, 7)[:, :dim].astype(np.float32)
    everyone = Samples(features, LABELS.astype(np.int32), *np.zeros((2, N), np.int32))
    gallery, levels = cut(everyone, 4, 8, 16), np.array([0.01, 1, 1000], np.float32)
    normal = rng.normal(size=(5, N, dim)).astype(np.float32)

    def ratios(normal):
        return log_ratios(normal, everyone, gallery, None, levels)

    together = jax.jit(jax.vmap(ratios))(normal)
    one_by_one = np.stack([jax.jit(ratios)(draw) for draw in normal])
    assert together.shape == (5, 3, N, 4)
    np.testing.assert_allclose(together, one_by_one, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("num_classes", [3, 300, 70_000])
def test_a_chunk_holds_samples_of_its_class_in_their_order(num_classes):
    size = 2 * num_classes + 1
    labels = np.random.default_rng(0).permutation(np.arange(size) % num_classes).astype(np.int32)
    number = np.arange(size, dtype=np.int32)
    features = np.stack([labels, number], axis=1).astype(np.float32)
    found = cut(Samples(features, labels, number, number), num_classes, 2, 64)
    flat = found.features.reshape(-1, 2, 2)
    real = found.real.reshape(-1, 2)
    chunk_class = np.broadcast_to(found.chunk_class[:, None], real.shape)
    np.testing.assert_array_equal(flat[..., 0][real], chunk_class[real])
    order = np.lexsort((number, labels))
    np.testing.assert_array_equal(flat[..., 1][real], order)
