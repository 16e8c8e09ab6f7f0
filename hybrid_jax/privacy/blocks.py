"""The gallery as the engine reads it: sorted by class, in chunks of one class, the chunks in blocks."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.privacy.gallery import Samples

PAD = 1e30  # a coordinate so far away that its density is exactly 0 at every noise that is measured
CHUNKS = (64, 32, 16, 8, 4, 2, 1)  # longer ones fall out of the nearest cache
SHARED = 16
PER_CHUNK = 2  # what a chunk costs beside its samples, in samples


class Blocks(NamedTuple):
    """B blocks of P chunks of C samples. A chunk holds samples of one class; padding lies at `PAD`."""

    features: np.ndarray  # float32 [B, P, C, D]
    unit: np.ndarray  # int32 [B, P, C]
    start: np.ndarray  # int32 [B, P, C]
    real: np.ndarray  # bool [B, P, C]; False for padding
    chunk_class: np.ndarray  # int32 [B * P]
    class_chunks: np.ndarray  # int32 [K, R], each class's chunks, then B * P for none


def chunk_length(labels: np.ndarray) -> int:
    """C that costs least: long chunks are cheap to sum, short ones pad small classes less."""
    counts = np.bincount(labels)
    return min(CHUNKS, key=lambda length: (-(-counts // length)).sum() * (length + PER_CHUNK))


def most_chunks(counts: np.ndarray, length: int) -> int:
    """R, rounded up so that galleries of like size share a compilation."""
    most = -(-int(counts.max()) // length)
    return -(-most // SHARED) * SHARED if most > SHARED else 1 << (most - 1).bit_length()


def cut(samples: Samples, num_classes: int, chunk: int, block: int, parts: int = 1) -> Blocks:
    """Sorts samples by class and cuts them into chunks of `chunk`, so that a block holds about `block` samples.

    The number of blocks is a multiple of `parts`.
    """
    # NumPy's stable sort of 16-bit numbers is by radix, several times as fast.
    narrow = np.uint16 if num_classes <= 2**16 else np.int32
    order = np.argsort(samples.labels.astype(narrow), kind="stable")
    counts = np.bincount(samples.labels, minlength=num_classes)
    chunks = -(-counts // chunk)
    num_blocks = -(-int(chunks.sum()) // (parts * max(1, block // chunk))) * parts
    per_block = -(-int(chunks.sum()) // num_blocks)
    total = num_blocks * per_block
    chunk_class = np.repeat(np.arange(num_classes), chunks)
    chunk_class = np.pad(chunk_class, (0, total - len(chunk_class)), mode="edge")
    # A sample's place: its class's first chunk, then its number within the class.
    first = np.cumsum(chunks) - chunks
    within = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    at = np.repeat(first * chunk, counts) + within

    def placed(values: np.ndarray, padding: float) -> np.ndarray:
        out = np.full((total * chunk, *values.shape[1:]), padding, values.dtype)
        out[at] = values[order]
        return out.reshape(-1, per_block, chunk, *values.shape[1:])

    number = np.arange(most_chunks(counts, chunk))
    class_chunks = np.where(number < chunks[:, None], first[:, None] + number, total)
    return Blocks(
        features=placed(samples.features, PAD),
        unit=placed(samples.unit, -1),
        start=placed(samples.start, 0),
        real=placed(np.ones(len(order), bool), False),
        chunk_class=chunk_class.astype(np.int32),
        class_chunks=class_chunks.astype(np.int32),
    )


def in_parts(gallery: Blocks, num_classes: int, parts: int) -> Blocks:
    """Chunks dealt out in turn to `parts` devices, and numbered within each one's share: an equal part of every array.

    So each holds of every class, and what it keeps of a class's chunks is a part too.
    """
    dealt = np.arange(len(gallery.chunk_class)).reshape(-1, parts).T
    chunk_class = gallery.chunk_class[dealt]
    first, end = (
        np.stack([np.searchsorted(part, np.arange(num_classes), side) for part in chunk_class])
        for side in ("left", "right")
    )
    number = first[..., None] + np.arange((end - first).max())
    class_chunks = np.where(number < end[..., None], number, chunk_class.shape[1])
    features, unit, start, real = (
        a.reshape(-1, *a.shape[2:])[dealt.ravel()].reshape(a.shape)
        for a in (gallery.features, gallery.unit, gallery.start, gallery.real)
    )
    return Blocks(
        features,
        unit,
        start,
        real,
        chunk_class=chunk_class.ravel(),
        class_chunks=class_chunks.reshape(parts * num_classes, -1).astype(np.int32),
    )


def kept(queries: Samples, block: Blocks, window: jax.Array) -> jax.Array:
    """Which samples a query may use [P, C, Q]."""
    near = jnp.abs(block.start[..., None] - queries.start[None, None]) < window
    return block.real[..., None] & ~(near & (block.unit[..., None] == queries.unit[None, None]))


def left_by_chunk(queries: Samples, gallery: Blocks, window: jax.Array | None) -> jax.Array:
    """How many samples of each chunk are left to each query [B * P, Q]."""
    if window is None:
        real = gallery.real.reshape(-1, gallery.real.shape[-1])
        counts = jnp.sum(real, axis=1, dtype=jnp.float32)
        return jnp.broadcast_to(counts[:, None], (len(counts), len(queries.labels)))
    return over_blocks(
        lambda block: jnp.sum(kept(queries, block, window), axis=1, dtype=jnp.float32), gallery
    )


def over_blocks(of_block: Callable, gallery: Blocks):
    """`of_block` of each block, [..., P, Q], one after another; in chunks' order, [B * P, ..., Q]."""
    # None, which is no leaf, keeps `map` from cutting these two along their first axis.
    in_blocks = gallery._replace(chunk_class=None, class_chunks=None)  # type: ignore[arg-type]
    out = jax.lax.map(of_block, in_blocks)
    return jax.tree.map(
        lambda a: jnp.moveaxis(a, -2, 1).reshape(-1, *a.shape[1:-2], a.shape[-1]), out
    )


def max_by_class(by_chunk: jax.Array, gallery: Blocks) -> jax.Array:
    """The largest of each class's chunks, [B * P, ..., Q] to [K, ..., Q]."""
    at = gallery.class_chunks
    return jnp.max(by_chunk.at[at].get(mode="fill", fill_value=-jnp.inf), axis=1)


def sum_by_class(by_chunk: jax.Array, gallery: Blocks) -> jax.Array:
    """The sum of each class's chunks, [B * P, ..., Q] to [K, ..., Q]."""
    return jnp.sum(by_chunk.at[gallery.class_chunks].get(mode="fill", fill_value=0.0), axis=1)


def samples_left(queries: Samples, gallery: Blocks, window: jax.Array | None) -> jax.Array:
    """How many samples exclusion leaves to each query, per class [K, Q]."""
    return sum_by_class(left_by_chunk(queries, gallery, window), gallery)
