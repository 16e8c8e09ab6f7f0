"""Accuracy of the primary task against privacy of a sensitive one: curves joined from records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from hybrid_jax import metrics, results

MODES = {
    "session": "samples of one person",
    "repeated": "uploads of one sample",
}  # to combine uploads
NOISY = ("noisy", "noisy_reduced", "advanced")
REDUCED = ("noisy_reduced", "advanced")  # the two that the paper compares
EMBEDDING = (
    "dataset", "split_kind", "method", "layer", "reduction", "reduced_dim",
    "contrastive_weight", "margin",
)  # fmt: skip
ADVERSARY = (
    "target", "gallery", "attacker_data", "mode", "prior", "ties", "queries", "classes",
)  # fmt: skip


@dataclass(frozen=True)
class Curve:
    """One embedding against one adversary over the noise grid, ordered by noise.

    Arrays are [G]; errors are standard deviations over seeds where runs were collected, else
    standard errors over draws, and nan where neither is known; `error_name` says which.
    `privacy` is rank / K, `chance` its value when the feature says nothing, `privacy_interval` its 95 %
    interval over people [2, G], nan where it is not known.
    """

    about: dict  # the fields of EMBEDDING and ADVERSARY, split, cloud, seed, primary
    noise_relative: np.ndarray
    noise_std: np.ndarray
    accuracy: np.ndarray
    accuracy_error: np.ndarray
    privacy: np.ndarray
    privacy_error: np.ndarray
    privacy_interval: np.ndarray
    privacy_index: np.ndarray
    chance: float
    error_name: str

    @property
    def name(self) -> tuple[str, str, str]:
        """(layer, method, reduction), as in `operating_points`."""
        return self.about["layer"], self.about["method"], self.about["reduction"]

    @property
    def adversary(self) -> tuple[str, str | None]:
        """(gallery, attacker_data): what the adversary holds."""
        return self.about["gallery"], self.about["attacker_data"]

    def accuracy_at(self, privacy):
        """Accuracy where rank / K is `privacy` (scalar or array), interpolated; nan out of reach.

        privacy_index = (K privacy - 1) / (K chance - 1), so both are one function of the curve.
        """
        least = 1.0 / self.about["classes"]
        index = (np.asarray(privacy) - least) / (self.chance - least)
        return metrics.accuracy_at((self.privacy_index, self.accuracy), index)


def curves(records: Iterable[Mapping], **conditions) -> list[Curve]:
    """Every trade-off curve of the noisy methods that the records hold, in their order.

    A point is an accuracy and a privacy of the same embedding, split and noise_relative (with
    the same draws). Accuracy may have been measured with several clouds: each gives a curve.

    Args:
        conditions: fields of the privacy records (`results.select`), and `cloud`.
    """
    cloud = conditions.pop("cloud", ("original", "retrained"))
    noisy = results.select(records, method=NOISY)
    utility: dict[tuple, dict[str, dict[float, Mapping]]] = {}
    for r in results.select(noisy, evaluator="accuracy", metric="accuracy", cloud=cloud):
        points = utility.setdefault(_key(r, ("split", *EMBEDDING)), {})
        points.setdefault(r["cloud"], {})[_noise(r)] = r
    measured = results.select(noisy, evaluator="privacy", metric=("privacy", "privacy_index"))
    leakage: dict[tuple, dict[float, dict[str, Mapping]]] = {}
    for r in results.select(measured, **conditions):
        levels = leakage.setdefault(_key(r, ("split", *EMBEDDING, *ADVERSARY)), {})
        levels.setdefault(_noise(r), {})[r["metric"]] = r
    return [
        _join(cloud_name, accuracies, privacies)
        for privacies in leakage.values()
        for cloud_name, accuracies in utility.get(
            _key(_any(privacies), ("split", *EMBEDDING)), {}
        ).items()
        if _both(accuracies, privacies)
    ]


def headline(records: Iterable[Mapping]) -> list[Curve]:
    """The curves that tables and figures show, where several adversaries were measured.

    On the test set; of modes, priors, tie rules and numbers of queries those that come first. Targets that nobody
    planned for, measured for strangers alone (`leave_group_out`), have a table of their own.
    """
    found = curves(records, split="test")
    planned = {c.about["target"] for c in found if c.about["gallery"] != "leave_group_out"}
    found = [curve for curve in found if not planned or curve.about["target"] in planned]
    rules = [[curve.about[k] for k in ("mode", "prior", "ties", "queries")] for curve in found]
    # One upload as well, whatever its classes are.
    rules = [["classes" if mode == "instance" else mode, *rule] for mode, *rule in rules]
    return [curve for curve, rule in zip(found, rules, strict=True) if rule == rules[0]]


def without_autoencoder(curves: Iterable[Curve]) -> list[Curve]:
    """Without the autoencoder's curves, where PCA's are there too."""
    curves = list(curves)
    by_pca = any(c.about["reduction"] == "pca" for c in curves)
    return [c for c in curves if c.about["reduction"] != "autoencoder" or not by_pca]


def adversaries(curves: Iterable[Curve], galleries: Iterable[str]) -> list[tuple[str, str | None]]:
    """Those with one of these galleries, in the order given; else the first one that is there."""
    there = list(dict.fromkeys(c.adversary for c in curves))
    return [a for g in galleries for a in there if a[0] == g] or there[:1]


def uploads(records: Iterable[Mapping]) -> list[Mapping]:
    """The records of privacy by how many uploads are combined: the advanced embedding's, for any target and mode."""
    return results.select(
        records, evaluator="privacy", metric="privacy", method="advanced", split="test",
        mode=tuple(MODES), reduction=("pca", "none"),
    )  # fmt: skip


def tradeoff_area_records(records: Iterable[Mapping]) -> list[results.Record]:
    """The `tradeoff_area` records of one run: one for each trade-off curve.

    noisy_reduced and advanced of one layer and reduction are compared: they set the range of
    privacy_index. `noisy` (which has no reduction) gets its area over the range of the PCA pair,
    and None if it does not reach all of it.
    """
    groups: dict[tuple, list[Curve]] = {}
    for curve in curves(records):
        # `noisy` is compared with the methods that reduce by PCA.
        reduction = curve.about["reduction"].replace("none", "pca")
        key = _key(curve.about, ("dataset", "split_kind", "split", "layer", "cloud", *ADVERSARY))
        groups.setdefault((*key, reduction), []).append(curve)
    made = []
    for group in groups.values():
        reducing = [i for i, curve in enumerate(group) if curve.about["method"] in REDUCED]
        both = dict(enumerate((curve.privacy_index, curve.accuracy) for curve in group))
        areas = metrics.tradeoff_areas(both, over=reducing)
        made += [_area_record(curve, areas[i]) for i, curve in enumerate(group)]
    return made


def operating_points(
    records: Iterable[Mapping], tolerance: float = 0.02
) -> dict[tuple[str, str, str], float]:
    """(layer, method, reduction) -> operating noise (relative), from validation accuracy.

    The largest grid value whose validation accuracy is within `tolerance` of the noise-free one,
    for the cloud as it was trained. Embeddings without validation records are left out.
    """
    grids: dict[tuple[str, str, str], dict[float, float | None]] = {}
    wanted = {"evaluator": "accuracy", "metric": "accuracy", "split": "validation"}
    for r in results.select(records, method=NOISY, cloud="original", **wanted):
        embedding = (r["layer"], r["method"], r["reduction"])
        grids.setdefault(embedding, {})[r["noise_relative"]] = r["value"]
    return {
        name: metrics.operating_noise(
            list(grid), np.array(list(grid.values()), np.float64), tolerance
        )
        for name, grid in grids.items()
        if 0.0 in grid
    }


def _join(cloud, accuracies, privacies) -> Curve:
    grid = sorted(_both(accuracies, privacies))
    ours = [accuracies[g] for g in grid]
    ranks = [privacies[g]["privacy"] for g in grid]
    index = [privacies[g]["privacy_index"] for g in grid]
    first = ranks[0]
    names = ("split", "seed", *EMBEDDING, *ADVERSARY)
    return Curve(
        about={**{k: first[k] for k in names}, "cloud": cloud, "primary": ours[0]["target"]},
        noise_relative=_column(ranks, "noise_relative"),
        noise_std=_column(ranks, "noise_std"),
        accuracy=_column(ours, "value"),
        accuracy_error=_error(ours),
        privacy=_column(ranks, "value"),
        privacy_error=_error(ranks),
        privacy_interval=np.stack([_column(ranks, "ci_low"), _column(ranks, "ci_high")]),
        privacy_index=_column(index, "value"),
        chance=float("nan") if first["chance"] is None else first["chance"],
        error_name=(
            f"Bars: standard deviation over {first['n_seeds']} seeds"
            if (first["n_seeds"] or 1) > 1
            else f"Bars: standard error over {max(r['draws'] or 1 for r in ranks)} noise draws"
        ),
    )


def _both(accuracies, privacies) -> list[float]:
    """The noises at which accuracy and both privacy metrics were measured."""
    return [g for g in accuracies if len(privacies.get(g, ())) == 2]


def _area_record(curve: Curve, area: float) -> results.Record:
    about = {k: v for k, v in curve.about.items() if k != "primary"}
    # It belongs to the whole grid, not to one noise.
    about |= {"noise_relative": None, "noise_std": None}
    return results.record(
        evaluator="privacy", metric="tradeoff_area", value=area, unit="fraction", **about
    )


def _any(privacies):
    return next(iter(next(iter(privacies.values())).values()))


def _key(r, names) -> tuple:
    return tuple(r.get(k) for k in names)


def _noise(r) -> float:
    return round(r["noise_relative"], 9)


def _column(rows, name) -> np.ndarray:
    return np.array([np.nan if r.get(name) is None else r[name] for r in rows], np.float64)


def _error(rows) -> np.ndarray:
    std, stderr = _column(rows, "std"), _column(rows, "stderr")
    return np.where(np.isfinite(std), std, stderr)
