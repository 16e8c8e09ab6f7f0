"""Ways to the rank privacy (Eq. 2-7) of N noisy features against a gallery of N, ours among them.

Each takes a `Case` and how many pairs to work on at once, and gives rank / K of each query. Ours is called as a user
calls it, checks and noise included; the others are handed the noisy features.

Blocked ones are written for speed alone: float32, distances from one matrix product, no logarithms. At small noise such
distances cancel, and far from a class its density vanishes; ours guards against both.
"""

import math
from dataclasses import dataclass
from functools import cache, cached_property

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import noise
from hybrid_jax.privacy import RankPrivacy, rank_privacy


@dataclass(frozen=True, eq=False)
class Case:
    """What is measured: the gallery, float32 [N, D] and classes [N], and how many of it are asked as queries."""

    features: np.ndarray
    labels: np.ndarray
    noise_std: float
    asked: int

    @classmethod
    def simulated(cls, samples: int, dim: int, classes: int, noise_std: float) -> "Case":
        rng = np.random.default_rng(0)
        labels = np.concatenate([np.arange(classes), rng.integers(0, classes, samples - classes)])
        centres = 0.5 * rng.normal(size=(classes, dim))
        features = centres[labels] + rng.normal(size=(samples, dim))
        return cls(features.astype(np.float32), labels, noise_std, samples)

    @property
    def key(self) -> jax.Array:
        return jax.random.key(0)

    @cached_property
    def noisy(self) -> np.ndarray:
        """The queries with the noise that ours draws [asked, D]."""
        first = jax.random.fold_in(self.key, 0)
        normal = noise.standard_normal(first, jnp.arange(self.asked), self.features.shape[1])
        return noise.add(self.features[: self.asked], self.noise_std, np.asarray(normal))

    @property
    def by_class(self) -> list[np.ndarray]:
        """The gallery's features of each class."""
        counts = np.bincount(self.labels)
        order = np.argsort(self.labels, kind="stable")
        return np.split(self.features[order], np.cumsum(counts)[:-1])

    def ranks(self, density: np.ndarray) -> np.ndarray:
        """Rank of the true class over K, of each query's mean densities (or logarithms) [asked, K]."""
        own = np.take_along_axis(density, self.labels[: self.asked, None], axis=1)
        above, tied = (density > own).sum(axis=1), (density == own).sum(axis=1)
        return (above + (tied + 1) / 2) / density.shape[1]


def factors(z: np.ndarray, galleries: list[np.ndarray], half: float):
    """A [Q, D + 2] and a B [D + 2, n] for each gallery, so that A B = -half |z - g|^2: one product is all distances."""
    half = np.float32(half)

    def square(x: np.ndarray) -> np.ndarray:
        return -half * np.square(x).sum(axis=1, keepdims=True)

    def ones(x: np.ndarray) -> np.ndarray:
        return np.ones((len(x), 1), np.float32)

    right = [np.hstack([g, ones(g), square(g)]).T for g in galleries]
    return np.hstack([2 * half * z, square(z), ones(z)]), [np.ascontiguousarray(b) for b in right]


def ours(case: Case, pairs: int) -> np.ndarray:
    found = _ours(case, return_ranks=True)
    return found.ranks[0, 0].astype(np.float64) / found.num_classes


def _ours(case: Case, **asked) -> RankPrivacy:
    return rank_privacy(
        case.features, case.labels, noise_std=case.noise_std, key=case.key, num_draws=1, **asked
    )


def in_numpy(case: Case, pairs: int) -> np.ndarray:
    # exp, not exp2, which NumPy slows down twentyfold where it underflows; and a sum is fastest as a product.
    left, right = factors(case.noisy, case.by_class, 0.5 / case.noise_std**2)
    ones = [np.full(b.shape[1], 1 / b.shape[1], np.float32) for b in right]
    longest = max(len(one) for one in ones)
    rows, found = max(1, pairs // longest), np.empty((case.asked, len(right)), np.float32)
    buffer = np.empty(rows * longest, np.float32)
    for begin in range(0, case.asked, rows):
        a = left[begin : begin + rows]
        for k, (b, one) in enumerate(zip(right, ones, strict=True)):
            x = np.matmul(a, b, out=buffer[: len(a) * len(one)].reshape(len(a), -1))
            found[begin : begin + rows, k] = np.exp(x, out=x) @ one
    return case.ranks(found)


def to_torch(*arrays: np.ndarray) -> list:
    """Tensors, on the GPU where there is one."""
    import torch

    # Densities that underflow become 0 at once, as in XLA; the threads that PyTorch starts inherit it.
    torch.set_flush_denormal(True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return [torch.from_numpy(array).to(device) for array in arrays]


def in_torch_dense(case: Case, pairs: int) -> np.ndarray:
    """As one writes it first."""
    import torch

    z, g, labels = to_torch(case.noisy, case.features, case.labels)
    one_hot = torch.nn.functional.one_hot(labels).float()
    density = torch.exp(-(torch.cdist(z, g) ** 2) / (2 * case.noise_std**2))
    return case.ranks((density @ one_hot / one_hot.sum(0)).cpu().numpy())


def in_torch_blocked(case: Case, pairs: int) -> np.ndarray:
    """One class at a time, in place."""
    import torch

    # exp2, not exp: PyTorch's exp on CPUs is tenfold slower where it underflows.
    half = 0.5 / case.noise_std**2 / math.log(2)
    left, right = factors(case.noisy, case.by_class, half)
    left, *right = to_torch(left, *right)
    longest = max(b.shape[1] for b in right)
    rows, found = max(1, pairs // longest), left.new_empty(case.asked, len(right))
    buffer = left.new_empty(rows * longest)
    for begin in range(0, case.asked, rows):
        a = left[begin : begin + rows]
        for k, b in enumerate(right):
            x = torch.mm(a, b, out=buffer[: len(a) * b.shape[1]].view(len(a), -1))
            torch.mean(x.exp2_(), 1, out=found[begin : begin + rows, k])
    return case.ranks(found.cpu().numpy())


@cache
def torch_compiled_mean():
    """The mean of 2^-|z - g|^2 over g [n, D], of each z [D, Q]; compiled into one loop, without an array of pairs."""
    import torch

    def mean(z, g):
        squared = (z[None, 0] - g[:, :1]).square()
        for d in range(1, z.shape[0]):
            squared = squared + (z[None, d] - g[:, d : d + 1]).square()
        return torch.exp2(-squared).mean(0)

    return torch.compile(mean, dynamic=True)


def in_torch_compiled(case: Case, pairs: int) -> np.ndarray:
    unit = np.float32(math.sqrt(0.5 / math.log(2)) / case.noise_std)
    z, *galleries = to_torch(unit * case.noisy.T, *(unit * g for g in case.by_class))
    rows = max(1, pairs // max(len(g) for g in galleries))
    found = z.new_empty(len(galleries), case.asked)
    for begin in range(0, case.asked, rows):
        block = z[:, begin : begin + rows].contiguous()
        for k, g in enumerate(galleries):
            found[k, begin : begin + rows] = torch_compiled_mean()(block, g)
    return case.ranks(found.T.cpu().numpy())


def in_sklearn(case: Case, pairs: int) -> np.ndarray:
    """Exact, with long leaves: in 8 dimensions a tree prunes nothing."""
    from sklearn.neighbors import KernelDensity

    density = KernelDensity(bandwidth=case.noise_std, rtol=0, atol=0, leaf_size=200)
    scores = [density.fit(g).score_samples(case.noisy) for g in case.by_class]
    return case.ranks(np.stack(scores, axis=1))


def in_scipy(case: Case, pairs: int) -> np.ndarray:
    from scipy.stats import gaussian_kde

    class Isotropic(gaussian_kde):
        """Kernels of our noise, where SciPy scales the data's covariance."""

        def _compute_covariance(self):
            self.covariance = case.noise_std**2 * np.eye(self.d)
            self.cho_cov = case.noise_std * np.eye(self.d)
            self.log_det = self.d * np.log(2 * np.pi * case.noise_std**2)

    scores = [Isotropic(g.T)(case.noisy.T) for g in case.by_class]
    return case.ranks(np.stack(scores, axis=1))


def in_keops(case: Case, pairs: int) -> np.ndarray:
    from pykeops.numpy import LazyTensor

    z, half = LazyTensor(case.noisy[:, None]), 0.5 / case.noise_std**2
    sums = [(-half * z.sqdist(LazyTensor(g[None]))).exp().sum(1) / len(g) for g in case.by_class]
    return case.ranks(np.hstack(sums))


def ours_instance(case: Case, pairs: int) -> np.ndarray:
    """The mean alone, [1]."""
    return _ours(case, mode="instance").privacy


def in_numpy_instance(case: Case, pairs: int) -> np.ndarray:
    left, (right,) = factors(case.noisy, [case.features], 0.5)
    total = len(case.features)
    rows, nearer = max(1, pairs // total), []
    buffer = np.empty((rows, total), np.float32)
    for begin in range(0, total, rows):
        a = left[begin : begin + rows]
        x = np.matmul(a, right, out=buffer[: len(a)])
        own = x[:, begin : begin + rows].diagonal().copy()
        # Row by row: with an axis, NumPy counts in 64-bit sums.
        nearer += [np.count_nonzero(row) for row in x > own[:, None]]
    return (1 + np.array(nearer)) / total


def in_torch_instance(case: Case, pairs: int) -> np.ndarray:
    import torch

    left, (right,) = factors(case.noisy, [case.features], 0.5)
    left, right = to_torch(left, right)
    total = len(case.features)
    rows, nearer = max(1, pairs // total), left.new_empty(total)
    buffer = left.new_empty(rows, total)
    for begin in range(0, total, rows):
        a = left[begin : begin + rows]
        x = torch.mm(a, right, out=buffer[: len(a)])
        own = x[:, begin : begin + rows].diagonal()[:, None].clone()
        # In floats: PyTorch is slower at making and at adding booleans.
        torch.sum(x.gt_(own), 1, out=nearer[begin : begin + rows])
    return (1 + nearer.cpu().numpy()) / total
