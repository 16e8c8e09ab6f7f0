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

    exp2, differences, exclude = _exp2(), _differences(dim), _exclude()
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
    """The loop that sums exp(exponent) - centre at one noise: half as many operations, but squared norms cancel.

    Returns:
        A function of the noisy features [Q, D], times log2(e) / noise_std^2; what makes a query's exponent with its own
        feature zero [Q]; the gallery's features [P, C, D], half their squared norms, times the same [P, C], and each
        class's first chunk, then P [K + 1]; `centre`; and the sums [K, Q], of which it writes queries begin to end.
    """
    from numba import njit

    exp2 = _exp2()

    @njit(fastmath=FAST, nogil=True, error_model="numpy")
    def loop(noisy, own, of_features, norms, first, centre, rest, begin, end):
        z = np.empty((dim, LANES), np.float32)
        total, of_own = np.empty((2, LANES), np.float32)
        for lane in range(begin, end, LANES):
            for q in range(LANES):
                at = min(lane + q, end - 1)
                of_own[q] = own[at]
                for d in range(dim):
                    z[d, q] = noisy[at, d]
            for k in range(len(first) - 1):
                total[:] = 0
                for p in range(first[k], first[k + 1]):
                    for q in range(LANES):
                        added = total[q]
                        for i in range(SAMPLES):
                            x = of_own[q] - norms[p, i]
                            for d in range(dim):
                                x += of_features[p, i, d] * z[d, q]
                            added += exp2(x) - centre
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
def _exp2() -> Callable:
    """2^x to 2e-7 of it, for x below 127; below -126 the least normal number, which is as good as 0."""
    from numba import njit

    # 2^f = 1 + f q(f) for f in [-1/2, 1/2]: exactly 1 at 0, which must not be one of the points.
    near = np.polynomial.Chebyshev.interpolate(
        lambda f: np.expm1(f * np.log(2)) / f, 4, domain=[-0.5, 0.500001]
    )
    q0, q1, q2, q3, q4 = near.convert(kind=np.polynomial.Polynomial).coef.astype(np.float32)
    one, least, whole = np.float32(1), np.float32(-126), np.float32(1.5 * 2**23)

    @njit(fastmath=FAST)
    def exp2(x):
        x = max(x, least)
        shifted = x + whole  # its last bits are the nearest whole number
        f = x - (shifted - whole)
        of_fraction = one + f * (q0 + f * (q1 + f * (q2 + f * (q3 + f * q4))))
        exponent = np.float32(shifted).view(np.int32) << np.int32(23)
        return np.int32(exponent + np.float32(of_fraction).view(np.int32)).view(np.float32)

    return exp2
