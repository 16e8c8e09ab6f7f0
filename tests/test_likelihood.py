"""The traced program of the privacy measure: its precision and its memory."""

import jax
import numpy as np
from jax.extend.core import jaxprs_in_params

from hybrid_jax.privacy import likelihood
from hybrid_jax.privacy.gallery import Samples


def equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for inner in jaxprs_in_params(equation.params):
            yield from equations(inner)


def test_every_product_has_the_highest_precision_and_memory_is_that_of_blocks():
    queries, gallery, dim, classes, block, draws, draw_block = 16, 4096, 64, 3, 256, 12, 2

    def samples(features, *shape):
        return Samples(np.zeros(features, np.float32), *[np.zeros(shape, np.int32)] * 3)

    traced = likelihood.block_places.trace(
        samples((queries, dim), queries),
        np.arange(queries),
        samples((gallery // block, dim, block), gallery // block, block),
        np.int32(0),
        np.ones(classes, np.float32),
        jax.random.split(jax.random.key(0), draws),
        np.ones(5, np.float32),
        num_classes=classes,
        draw_block=draw_block,
    )
    found = list(equations(traced.jaxpr.jaxpr))
    products = [e for e in found if e.primitive.name == "dot_general"]
    highest = (jax.lax.Precision.HIGHEST,) * 2
    assert len(products) >= 4 and all(e.params["precision"] == highest for e in products)
    largest = max(v.aval.size for e in found for v in e.outvars)
    assert largest <= max(gallery * dim, queries * gallery, draw_block * queries * block)
