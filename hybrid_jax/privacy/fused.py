"""Class sums and counts of narrow features on a CPU, by `loops`: how the stream gets them where Numba is installed.

Wide features stay with XLA: finding distances, which it does by products, is then what costs.
"""

import importlib.util
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import mesh
from hybrid_jax.privacy import loops
from hybrid_jax.privacy.blocks import cut
from hybrid_jax.privacy.gallery import Samples
from hybrid_jax.privacy.likelihood import against_own, flat, log_of_mean, own_class

# The widest feature that is summed here: an exponent is at most |n|^2 / 2, which no draw of so few numbers carries out
# of float32.
WIDEST = 16
TASKS = 4  # a thread, so that none waits long for the last
COARSE = 16  # largest norm over noise up to which squared norms may cancel: logarithms are then right to 3e-5
LEAST = 1e-25  # the true class's sum, below which what others lack for underflow would count


class Gallery(NamedTuple):
    """Samples by class in P chunks of C, padded to whole ones."""

    features: np.ndarray  # float32 [P, C, D]
    unit: np.ndarray  # int32 [P, C]
    start: np.ndarray  # int32 [P, C]
    norms: np.ndarray  # squared, float32 [P, C]
    first: np.ndarray  # each class's first chunk, then P [K + 1]
    window: int  # of the exclusion rule of `gallery.Samples`; 0 excludes nothing
    largest_norm: np.float32


class Sums(NamedTuple):
    """Each class's sum of p(z | g) / p(z | f), float32 [K, S, G, Q]: (rest + centre * summed) * exp(top)."""

    top: np.ndarray
    rest: np.ndarray
    centre: np.ndarray  # taken from each exponential at this noise: 0 or 1 [G]
    summed: np.ndarray  # of how many exponentials, excluded samples and padding included [K]


def serves(dim: int) -> bool:
    """Whether features of this width are summed here: on the one CPU, as several devices are XLA's."""
    here = (
        jax.default_backend() == "cpu"
        and mesh.size() == 1
        and importlib.util.find_spec("numba") is not None
    )
    return here and dim <= WIDEST


def arrange(samples: Samples, num_classes: int, window: int = 0) -> Gallery:
    """The gallery as the loops read it."""
    blocks = cut(samples, num_classes, loops.SAMPLES, len(samples.labels) * loops.SAMPLES)
    first = np.searchsorted(blocks.chunk_class, np.arange(num_classes + 1))
    features = blocks.features[0]
    with np.errstate(over="ignore"):  # padding's
        norms = np.einsum("pcd,pcd->pc", features, features)
    columns = (blocks.unit[0], blocks.start[0], norms)
    return Gallery(features, *columns, first, window, largest_norm(samples))


def largest_norm(samples: Samples) -> np.float32:
    """The largest Euclidean norm of their features."""
    return np.sqrt(np.einsum("nd,nd->n", samples.features, samples.features).max())


def fits_product(queries: Samples, gallery: Samples, noise_std: np.float32) -> bool:
    """Whether squared norms may cancel at this noise: neither tiny nor so large that all exponents nearly vanish."""
    largest = max(map(largest_norm, (queries, gallery)))
    coarse = largest <= COARSE * noise_std
    return bool(coarse and not flat(largest, queries.features.shape[1], noise_std))


def class_sums(
    normal: np.ndarray, queries: Samples, gallery: Gallery, noise_std: np.ndarray, *, by: str
) -> Sums:
    """The sums of Eq. 4 for every draw and noise.

    Args:
        normal: standard-normal draws float32 [S, Q, D].
        queries: Q of them.
        gallery: what the adversary holds.
        noise_std: positive and finite, float32 [G].
        by: "logarithms": each class's largest exponent is its `top`; "densities": `top` is 0, so that sums may leave
            float32; "product": the same where `fits_product`, for one draw and noise, without exclusion.
    """
    num_draws, num_queries, dim = normal.shape
    summed = np.diff(gallery.first) * gallery.features.shape[1]
    centre = flat(gallery.largest_norm, dim, noise_std)
    shape = (len(summed), num_draws, len(noise_std), num_queries)
    top, rest = np.zeros(shape, np.float32), np.empty(shape, np.float32)
    if by == "product":
        loop = loops.sums_by_product(dim)
        held: tuple = (gallery.features, gallery.norms, gallery.first)
        fixed: tuple = (queries.features, *held, noise_std[0])
        share(lambda s, part: loop(normal[s], *fixed, rest[:, s, 0], *part), num_draws, num_queries)
    else:
        loop = loops.sums(dim, logs=by == "logarithms", excludes=gallery.window > 0)
        held = (*_columns(gallery), gallery.first, gallery.window)
        fixed = (*_columns(queries), *held, noise_std, centre)
        share(
            lambda s, part: loop(normal[s], *fixed, top[:, s], rest[:, s], *part),
            num_draws,
            num_queries,
        )
    return Sums(top, rest, centre, summed.astype(np.float32))


def counts(
    normal: np.ndarray, queries: Samples, gallery: Gallery, noise_std: np.ndarray, tie: float
) -> tuple[np.ndarray, np.ndarray]:
    """How many gallery features are nearer to each noisy feature than its own, and as near to `tie`, int32 [S, G, Q].

    Args:
        normal, queries, gallery, noise_std: as in `class_sums`.
        tie: up to which exponents are equal.
    """
    num_draws, num_queries, dim = normal.shape
    above, tied = np.empty((2, num_draws, len(noise_std), num_queries), np.int32)
    loop = loops.counts(dim)
    fixed = (queries.features, gallery.features, noise_std, np.float32(tie))
    share(lambda s, part: loop(normal[s], *fixed, above[s], tied[s], *part), num_draws, num_queries)
    return above, tied


def log_ratios(sums: Sums, left: jax.Array, labels: jax.Array | np.ndarray) -> jax.Array:
    """`likelihood.log_ratios` of all draws [S, G, Q, K]; NaN for a query whose sums left float32.

    Args:
        sums: of `class_sums`.
        left: how many samples exclusion leaves [K, Q].
        labels: true classes [Q].
    """
    num_classes, *others, num_queries = sums.top.shape
    top, rest = (x.reshape(num_classes, -1, num_queries) for x in (sums.top, sums.rest))
    centre = jnp.tile(sums.centre, others[0])[None, :, None]
    rest += centre * (sums.summed[:, None] - left)[:, None]
    ratios = against_own(top, log_of_mean(rest, left, centre), left, labels)
    own = own_class(rest + centre * left[:, None], labels)
    within = (own > LEAST) | (own_class(left[:, None], labels) == 0)
    ratios = jnp.where(within[0][..., None], ratios, jnp.nan)
    return ratios.reshape(*others, num_queries, num_classes)


def share(work: Callable[[int, tuple[int, int]], None], num_draws: int, num_queries: int) -> None:
    """Calls `work(draw, (begin, end))` for every draw and all queries, on all cores."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    lanes = -(-num_queries // loops.LANES)
    cuts = np.linspace(0, lanes, min(lanes, -(-TASKS * cores // num_draws)) + 1).astype(int)
    cuts = np.minimum(cuts * loops.LANES, num_queries).tolist()
    parts = list(itertools.pairwise(cuts))
    with ThreadPoolExecutor(cores) as pool:
        tasks = [pool.submit(work, s, part) for s in range(num_draws) for part in parts]
    for task in tasks:
        task.result()


def _columns(samples: Samples | Gallery) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return samples.features, samples.unit, samples.start
