"""Loops over pairs of a query and a gallery sample, which Numba compiles for a CPU: from coordinates to sums at once.

XLA writes a block's distances to memory, then their exponentials, then adds those up. Here `SAMPLES` gallery samples at
a time meet `LANES` queries in the nearest cache. Every loop works on a range of queries and lets go of the interpreter,
so that threads can share them. Exponents are those of `exponents.exponents`.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

LANES = 256  # queries; loops over them become vector instructions
SAMPLES = 4  # gallery samples that share one load of a query's coordinates
EXACT, QUICK = 5, 4  # degrees of a power's polynomial
LOG2_E = np.float32(np.log2(np.e))
FAST = {"contract", "nsz", "nnan"}  # nothing that changes the order of sums
LOWEST = np.float32(-3e38)


@cache
def sums(dim: int, *, logs: bool, excludes: bool) -> Callable:
    """The loop that sums exp(exponent - top) - centre over each class's chunks, at every noise.

    Args:
        dim: width D of the features, at most a few: it is unrolled.
        logs: whether `top` is each class's largest exponent, or 0, which is twice as fast.
        excludes: whether samples of a query's unit that start nearer than the window are left out.

    Returns:
        A function of a draw [Q, D]; the queries' features [Q, D], unit and start [Q]; the gallery's features [P, C, D],
        unit and start [P, C], and each class's first chunk, then P [K + 1]; the window; noise_std and `centre` [G];
        and `top` and the sums [K, G, Q], of which it writes queries begin to end.
    """
    from numba import njit

    exp2, differences, exclude = _exp2(EXACT), _differences(dim), _exclude()
    zero = np.float32(0)

    @njit(fastmath=FAST, nogil=True, error_model="numpy")
    def loop(normal, features, unit, start, of_features, of_unit, of_start, first, window,
             noise_std, centre, top, rest, begin, end):  # fmt: skip
        levels = len(noise_std)
        f, n = np.empty((dim, LANES), np.float32), np.empty((dim, LANES), np.float32)
        base, cross = np.empty((2, SAMPLES, LANES), np.float32)
        total, largest = np.empty((2, levels, LANES), np.float32)
        own_unit, own_start = np.empty((2, LANES), np.int32)
        for lane in range(begin, end, LANES):
            for q in range(LANES):
                at = min(lane + q, end - 1)
                own_unit[q], own_start[q] = unit[at], start[at]
                for d in range(dim):
                    f[d, q], n[d, q] = features[at, d], normal[at, d]
            for k in range(len(first) - 1):
                total[:] = 0
                largest[:] = LOWEST if logs else 0
                for summing in range(0 if logs else 1, 2):
                    for p in range(first[k], first[k + 1]):
                        differences(f, n, of_features[p], base, cross)
                        if excludes:
                            exclude(own_unit, own_start, of_unit[p], of_start[p], window, base)
                        for g in range(levels):
                            half, scale = np.float32(0.5) / noise_std[g], LOG2_E / noise_std[g]
                            if summing:
                                less = centre[g]
                                for q in range(LANES):
                                    added = total[g, q]
                                    most = largest[g, q] if logs else zero
                                    for i in range(SAMPLES):
                                        x = cross[i, q] - base[i, q] * half
                                        added += exp2((x - most) * scale) - less
                                    total[g, q] = added
                            else:
                                for q in range(LANES):
                                    most = largest[g, q]
                                    for i in range(SAMPLES):
                                        x = cross[i, q] - base[i, q] * half
                                        most = max(most, x)
                                    largest[g, q] = most
                count = min(LANES, end - lane)
                for g in range(levels):
                    top[k, g, lane : lane + count] = largest[g, :count] / noise_std[g]
                    rest[k, g, lane : lane + count] = total[g, :count]

    return loop


@cache
def sums_by_product(dim: int) -> Callable:
    """The loop that sums exp(exponent) at one noise: half as many operations, but squared norms cancel.

    Returns:
        A function of a draw [Q, D]; the queries' features [Q, D]; the gallery's features [P, C, D], their squared norms
        [P, C], and each class's first chunk, then P [K + 1]; noise_std; and the sums [K, Q], of which it writes queries
        begin to end.
    """
    from numba import njit

    exp2, half = _exp2(QUICK), np.float32(0.5)

    @njit(fastmath=FAST, nogil=True, error_model="numpy")
    def loop(normal, features, of_features, norms, first, noise_std, rest, begin, end):
        z = np.empty((dim, LANES), np.float32)
        total, own = np.empty((2, LANES), np.float32)
        scale = LOG2_E / (noise_std * noise_std)
        for lane in range(begin, end, LANES):
            for q in range(LANES):
                at = min(lane + q, end - 1)
                own[q] = 0  # what makes a query's exponent with its own feature zero
                for d in range(dim):
                    noisy = features[at, d] + noise_std * normal[at, d]
                    own[q] += (half * features[at, d] - noisy) * features[at, d] * scale
                    z[d, q] = noisy * scale
            for k in range(len(first) - 1):
                total[:] = 0
                for p in range(first[k], first[k + 1]):
                    for q in range(LANES):
                        added = total[q]
                        for i in range(SAMPLES):
                            x = own[q] - norms[p, i] * (half * scale)
                            for d in range(dim):
                                x += of_features[p, i, d] * z[d, q]
                            added += exp2(x)
                        total[q] = added
                count = min(LANES, end - lane)
                rest[k, lane : lane + count] = total[:count]

    return loop


@cache
def counts(dim: int) -> Callable:
    """The loop that counts exponents above `tie`, and those within it, at every noise.

    Returns:
        A function of a draw [Q, D], the queries' features [Q, D], the gallery's [P, C, D], noise_std [G], tie, and both
        counts [G, Q], of which it writes queries begin to end.
    """
    from numba import njit

    differences = _differences(dim)

    @njit(fastmath=FAST, nogil=True, error_model="numpy")
    def loop(normal, features, of_features, noise_std, tie, above, tied, begin, end):
        levels = len(noise_std)
        f, n = np.empty((dim, LANES), np.float32), np.empty((dim, LANES), np.float32)
        base, cross = np.empty((2, SAMPLES, LANES), np.float32)
        higher, not_lower = np.empty((2, levels, LANES), np.int32)
        for lane in range(begin, end, LANES):
            for q in range(LANES):
                at = min(lane + q, end - 1)
                for d in range(dim):
                    f[d, q], n[d, q] = features[at, d], normal[at, d]
            higher[:] = 0
            not_lower[:] = 0
            for p in range(len(of_features)):
                differences(f, n, of_features[p], base, cross)
                for g in range(levels):
                    half, scale = np.float32(0.5) / noise_std[g], np.float32(1) / noise_std[g]
                    for q in range(LANES):
                        for i in range(SAMPLES):
                            x = (cross[i, q] - base[i, q] * half) * scale
                            higher[g, q] += np.int32(x > tie)
                            not_lower[g, q] += np.int32(x >= -tie)
            count = min(LANES, end - lane)
            for g in range(levels):
                above[g, lane : lane + count] = higher[g, :count]
                tied[g, lane : lane + count] = not_lower[g, :count] - higher[g, :count]

    return loop


@cache
def _differences(dim: int) -> Callable:
    """|g - f|^2 and (g - f) . n of `SAMPLES` features g, from coordinates [D, LANES] into [SAMPLES, LANES]."""
    from numba import njit

    @njit(fastmath=FAST, inline="always")  # Numba's own inlining: LLVM's comes too late for vectors
    def differences(f, n, samples, base, cross):
        for i in range(SAMPLES):
            for q in range(LANES):
                square = product = np.float32(0)
                for d in range(dim):
                    difference = samples[i, d] - f[d, q]
                    square += difference * difference
                    product += difference * n[d, q]
                base[i, q], cross[i, q] = square, product

    return differences


@cache
def _exclude() -> Callable:
    from numba import njit

    @njit(fastmath=FAST, inline="always")
    def exclude(unit, start, of_unit, of_start, window, base):
        for i in range(SAMPLES):
            for q in range(LANES):
                if of_unit[i] == unit[q] and abs(of_start[i] - start[q]) < window:
                    base[i, q] = np.inf

    return exclude


@cache
def _exp2(degree: int) -> Callable:
    """2^x for x below 127; below -126 the least normal number, which is as good as 0.

    Args:
        degree: 5 is right to 2e-7 of it, 4 to 7e-6; both are exact at 0, and the better the nearer to it.
    """
    from numba import njit

    # 2^f = 1 + f q(f) for f in [-1/2, 1/2]: exactly 1 at 0, which must not be one of the points.
    near = np.polynomial.Chebyshev.interpolate(
        lambda f: np.expm1(f * np.log(2)) / f, degree - 1, domain=[-0.5, 0.500001]
    )
    q = tuple(near.convert(kind=np.polynomial.Polynomial).coef.astype(np.float32))
    one, least, whole = np.float32(1), np.float32(-126), np.float32(1.5 * 2**23)

    @njit(fastmath=FAST)
    def exp2(x):
        x = max(x, least)
        shifted = x + whole  # its last bits are the nearest whole number
        f = x - (shifted - whole)
        of_fraction = q[degree - 1]
        for i in range(degree - 1):
            of_fraction = q[degree - 2 - i] + f * of_fraction
        of_fraction = one + f * of_fraction
        exponent = np.float32(shifted).view(np.int32) << np.int32(23)
        return np.int32(exponent + np.float32(of_fraction).view(np.int32)).view(np.float32)

    return exp2
