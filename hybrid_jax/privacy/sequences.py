"""Privacy by how many uploads the adversary combines: of one sample again and again, or of a session's windows."""

import dataclasses
from collections.abc import Callable, Mapping

import jax
import numpy as np

from hybrid_jax.errors import UserError
from hybrid_jax.privacy import adversary, engine, ranking
from hybrid_jax.privacy.estimate import Estimate
from hybrid_jax.privacy.leakage import Leakage, leakage
from hybrid_jax.privacy.request import Request
from hybrid_jax.privacy.runs import in_order, runs_of

CERTAIN = engine.NEGLIGIBLE**-0.5  # without noise: far above what shares of a gallery add up to


def repeated_uploads(
    features, labels, *, noise_std: float, uploads, **arguments
) -> dict[int, Leakage]:
    """Leakage of n uploads of the same sample, each with noise of its own: the noise averages out.

    The log-density of n uploads z_j together is the log-mean over gallery features g of the summed exponents, and

        sum_j |z_j - g|^2 = n |mean_j z_j - g|^2 + a constant of the query:

    their mean is all that matters (a sufficient statistic: Casella and Berger, "Statistical inference", 2002, section
    6.2), and it is one upload with noise_std / sqrt(n). So this is exact, `leakage` over that grid; draw s is the same
    for every n.

    Args:
        features, labels, **arguments: as in `leakage`; of a prediction with a noise axis G, that on the mean of each n.
        noise_std: one standard deviation, of each upload, in the features' units. 0 and infinity are allowed.
        uploads: n, a whole number from 1, or several different ones.

    Returns:
        By n, in the order of `uploads`, a `Leakage` of one level (G = 1), whose noise_std is noise_std / sqrt(n).

    Raises:
        UserError: anything that is not as above, or as in `leakage`.
    """
    several = _several(uploads)
    levels = _one_level(noise_std) / np.sqrt(several)
    found = leakage(features, labels, noise_std=levels, **arguments)
    return {n: _at_level(found, g) for g, n in enumerate(several)}


def sessions(
    features,
    labels,
    *,
    noise_std: float,
    session,
    order,
    uploads,
    resample=None,
    on_progress: Callable[[int, int], None] | None = None,
    **arguments,
) -> dict[int, Leakage]:
    """Leakage of n windows of the same session, one upload each: the log-likelihoods of a class add up.

    A session's windows are cut in their order into runs of n; what is left over is dropped. A run is one query: the sum
    of its windows' log ratios, and the prior once. That takes its windows for independent given the class (naive
    Bayes), and they are not: windows of one person are alike. So it is one attack, which another may improve on, and
    its posterior is too sure of itself: `conditional_entropy` may rise with n where `rank` falls. Sessions shorter than
    n are in no run, so that people may differ between one n and another.

    Exclusion is each window's own: 'self' and 'leave_one_out' keep the session's other windows. A class that it emptied
    for any window of a run is impossible; if it is the true one, the run is left out.

    Args:
        features, labels, **arguments: as in `rank_privacy`, without mode.
        noise_std: one standard deviation, in the features' units. 0 and infinity are allowed.
        session: which queries belong together, such as their subject [Q]; all have one label.
        order: numbers by which a session's queries follow each other [Q].
        uploads: n, a whole number from 1, or several different ones.
        resample: groups that the bootstrap draws, each of whole sessions [Q]; default: the sessions.
        on_progress: called as on_progress(windows done, windows in runs).
        **arguments: where recording, start and window are given, windows do not overlap: of a session's queries, in
            their order, those are left out that start less than `window` after the last one taken of their recording.

    Returns:
        By n, in the order of `uploads`, a `Leakage` of one level (G = 1) without floors; its n and n_excluded count
        runs. A number that no session reaches is left out.

    Raises:
        UserError: anything that is not as above, or as in `rank_privacy`; no session long enough.
    """
    several, level = _several(uploads), _one_level(noise_std)
    request = Request.check(features, labels, noise_std=level, mode="classes", **arguments)
    session = _column("session", session, request)
    windows = in_order(session, _column("order", order, request), arguments)
    groups = session if resample is None else _column("resample", resample, request)
    _check_one_each("labels", request.queries.labels, session)
    _check_one_each("resample", groups, session)
    longest, least = max(map(len, windows)), min(several)
    if longest < least:
        at_most = f"the longest session has {longest} windows, none overlapping"
        raise UserError(f"uploads {least}: {at_most}")
    runs = {n: runs_of(windows, n) for n in several if n <= longest}
    used = np.unique(np.concatenate([rows.ravel() for rows in runs.values()]))
    ratios, left = _log_ratios(request, used, on_progress)
    _, (noise_free,), _ = engine.split_levels(request)

    def judged(rows: np.ndarray) -> Leakage:
        at = np.searchsorted(used, rows)
        each = (ratios[:, :, window].astype(np.float64) for window in at.T)
        total = sum(each, np.zeros(()))
        if noise_free:
            total = np.where(np.abs(total) > CERTAIN, np.copysign(np.inf, total), total)
        true, possible = request.queries.labels[rows[:, 0]], left[at].min(axis=1)
        found = jax.jit(ranking.judge)(
            total.astype(np.float32), possible, ranking.log_prior(request.prior), true
        )
        counted = adversary.counted(request, possible[np.arange(len(true)), true])
        return Leakage.of(request, found, true, counted, groups[rows[:, 0]])

    return {n: judged(rows) for n, rows in runs.items()}


def _log_ratios(request: Request, used: np.ndarray, on_progress) -> tuple[np.ndarray, np.ndarray]:
    """Log ratios [S, 1, U, K] and samples left [U, K] of some queries, finite without noise too.

    There they would be infinite, and could not be added. At the least noise that is told from none they are squared
    distances, beside which the noise itself is nothing: the class whose nearest samples are nearest in sum comes first.
    """
    least = engine.NEGLIGIBLE * request.scale
    part = dataclasses.replace(
        request,
        queries=jax.tree.map(lambda column: column[used], request.queries),
        index=request.index[used],
        noise_std=np.maximum(request.noise_std, least),
    )
    return engine.log_ratios(part, on_progress=on_progress)


def _check_one_each(name: str, column: np.ndarray, session: np.ndarray) -> None:
    _, first, of = np.unique(session, return_index=True, return_inverse=True)
    others = np.flatnonzero(column != column[first][of])
    if len(others):
        at = session[others[0]]
        several = np.unique(column[session == at]).tolist()
        raise UserError(f"session {at} has {name} {several}: it needs the same for all its windows")


def _column(name: str, values, request: Request) -> np.ndarray:
    values, total = np.asarray(values), len(request.queries.labels)
    if values.shape != (total,):
        raise UserError(f"{name} has shape {values.shape}: it needs {(total,)}, one for each query")
    return values


def _several(uploads) -> list[int]:
    values = np.atleast_1d(np.asarray(uploads))
    if values.ndim != 1 or not len(values):
        raise UserError(f"uploads has shape {values.shape}: it needs one number, or a vector")
    for n in values.tolist():
        if type(n) not in (int, float) or not (n >= 1 and n % 1 == 0):
            raise UserError(f"uploads {n}: it needs whole numbers from 1")
        if (values == n).sum() > 1:
            raise UserError(f"uploads {n} is there more than once: give each number once")
    return [int(n) for n in values]


def _one_level(noise_std) -> float:
    if np.ndim(noise_std) or not noise_std >= 0:
        raise UserError(f"noise_std {noise_std}: several uploads are measured at one, 0 or more")
    return float(noise_std)


def _at_level(found: Leakage, g: int) -> Leakage:
    def one(values: np.ndarray) -> np.ndarray:
        at = min(g, len(values) - 1)  # what does not depend on the noise has a single level
        return values[at : at + 1]

    def each(estimates: Mapping[str, Estimate]) -> dict[str, Estimate]:
        return {
            name: e._replace(
                value=one(e.value),
                stderr=one(e.stderr),
                ci_low=one(e.ci_low),
                ci_high=one(e.ci_high),
            )
            for name, e in estimates.items()
        }

    return dataclasses.replace(
        found,
        noise_std=one(found.noise_std),
        measures=each(found.measures),
        label_floor=found.label_floor and each(found.label_floor),
        prediction_floor=found.prediction_floor and each(found.prediction_floor),
    )
