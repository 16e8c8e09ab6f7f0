"""Everything that one pass over the gallery tells about a sensitive class, with floors and uncertainty."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax
import numpy as np

from hybrid_jax.errors import UserError
from hybrid_jax.privacy import adversary, floors, ranking
from hybrid_jax.privacy.bootstrap import Bootstrap
from hybrid_jax.privacy.estimate import Estimate, estimate
from hybrid_jax.privacy.measures import BY_RANK, MEASURES
from hybrid_jax.privacy.ranking import Outcomes
from hybrid_jax.privacy.request import Request


@dataclass(frozen=True)
class Leakage:
    """What an adversary gets from noisy features. G noise levels, K classes.

    Attributes:
        noise_std: standard deviations of the noise, in the features' units [G].
        measures: by name, see `measures.MEASURES`; `leakage[name]` for short.
        label_floor, prediction_floor: the same for an adversary who sees only the true primary label, or only the
            classifier's prediction on the same noisy feature; None where that was not given. What was given without
            noise has one level.
        num_classes, num_draws: K, S.
        n, n_excluded: queries counted; queries left out, as exclusion emptied their true class.
        mode, gallery, prior, ties: what was asked for.
    """

    noise_std: np.ndarray
    measures: Mapping[str, Estimate]
    label_floor: Mapping[str, Estimate] | None
    prediction_floor: Mapping[str, Estimate] | None
    num_classes: int
    num_draws: int
    n: int
    n_excluded: int
    mode: str
    gallery: str
    prior: str
    ties: str

    @classmethod
    def of(
        cls,
        request: Request,
        found: Outcomes,
        labels: np.ndarray,
        counted: np.ndarray,
        groups: np.ndarray,
        floors: Mapping[str, Outcomes | None] | None = None,
    ) -> "Leakage":
        """Averages outcomes [S, G, Q] over the queries that count, of these labels and bootstrap groups [Q]."""
        bootstrap = Bootstrap(groups[counted])

        def estimates(outcomes: Outcomes) -> dict[str, Estimate]:
            among = Outcomes(*(np.asarray(values)[..., counted] for values in outcomes))
            fixed = (among, labels[counted], bootstrap, request.prior, request.ties)
            names = BY_RANK if request.mode == "instance" else MEASURES
            return {name: estimate(MEASURES[name], *fixed) for name in names}

        given = {name: estimates(o) for name, o in (floors or {}).items() if o is not None}
        return cls(
            noise_std=request.noise_std,
            measures=estimates(found),
            label_floor=given.get("label_floor"),
            prediction_floor=given.get("prediction_floor"),
            num_classes=request.num_classes,
            num_draws=len(request.keys),
            n=int(counted.sum()),
            n_excluded=int((~counted).sum()),
            mode=request.mode,
            gallery=request.rule,
            prior=request.prior_name,
            ties=request.ties,
        )

    def __getitem__(self, name: str) -> Estimate:
        return self.measures[name]

    def excess(self, name: str, floor: str = "prediction_floor") -> np.ndarray:
        """By how much a measure differs from a floor's [G]: what the feature tells beyond the task."""
        return self.measures[name].value - getattr(self, floor)[name].value


def leakage(
    features,
    labels,
    *,
    resample=None,
    primary=None,
    gallery_primary=None,
    prediction=None,
    gallery_prediction=None,
    on_progress: Callable[[int, int], None] | None = None,
    **arguments,
) -> Leakage:
    """Every measure of `measures.MEASURES`, from the likelihoods of `rank_privacy`, whose arguments it takes.

    Args:
        features, labels, on_progress, **arguments: as in `rank_privacy`: noise_std, key, num_draws, index, mode,
            gallery, prior, ties and the columns. Mode 'instance' has no entropies.
        resample: groups that the bootstrap draws, such as subjects [Q]; default: `groups`, else `recording`, else
            single samples.
        primary, gallery_primary: true primary labels, whole numbers from 0 [Q], [M]: gives `label_floor`.
        prediction, gallery_prediction: predicted primary labels, noise-free [Q], [M], or of each draw and noise,
            [S, G, Q] and, of one draw, [G, M]: gives `prediction_floor`.

    Raises:
        UserError: as in `rank_privacy`, or a column that does not fit.
    """
    request = Request.check(features, labels, **arguments)
    groups = _groups(resample, arguments, len(request.queries.labels))
    if arguments.get("gallery_features") is None:
        # The gallery is the queries, and shows what they show.
        gallery_primary = primary if gallery_primary is None else gallery_primary
        if gallery_prediction is None and prediction is not None:
            gallery_prediction = prediction[0] if np.ndim(prediction) == 3 else prediction
    seen = {
        "label_floor": _column("primary", primary, gallery_primary, request),
        "prediction_floor": _column("prediction", prediction, gallery_prediction, request),
    }
    found, counted = adversary.outcomes(request, on_progress=on_progress)
    floor = {name: shown and _floor(*shown, request) for name, shown in seen.items()}
    return Leakage.of(request, found, request.queries.labels, counted, groups, floor)


def _groups(resample, arguments: Mapping, total: int) -> np.ndarray:
    given = [resample, arguments.get("groups"), arguments.get("recording"), np.arange(total)]
    groups = np.asarray(next(column for column in given if column is not None))
    if groups.shape != (total,):
        raise UserError(
            f"resample has shape {groups.shape}: it needs one value for each of the {total} queries"
        )
    return groups


def _column(name: str, asked, held, request: Request) -> tuple[np.ndarray, np.ndarray] | None:
    """The values that the queries and the gallery show, [S or 1, G or 1, Q] and [G or 1, M]."""
    if asked is None and held is None:
        return None
    if asked is None or held is None:
        raise UserError(f"{name} and gallery_{name} go together: give both or none")
    draws, levels = len(request.keys), len(request.noise_std)
    shapes = {
        name: (asked, (len(request.queries.labels),), (draws, levels)),
        f"gallery_{name}": (held, (len(request.gallery.labels),), (levels,)),
    }
    checked = []
    for called, (values, alone, grid) in shapes.items():
        values = np.asarray(values)
        if values.shape not in (alone, (*grid, *alone)):
            raise UserError(
                f"{called} has shape {values.shape}: it needs {alone} or {(*grid, *alone)}"
            )
        if values.dtype.kind not in "iub" or (values.size and values.min() < 0):
            raise UserError(f"{called} needs whole numbers from 0")
        full = values.reshape(*[1] * (len(grid) + 1 - values.ndim), *values.shape)
        checked.append(full.astype(np.int64))
    return checked[0], checked[1]


def _floor(asked: np.ndarray, held: np.ndarray, request: Request) -> Outcomes:
    """Outcomes [S or 1, G or 1, Q] for an adversary who sees only these values."""
    levels = max(asked.shape[1], held.shape[0])
    found = []
    for g in range(levels):
        ratios, left = floors.log_ratios(
            asked[:, min(g, asked.shape[1] - 1)],
            held[min(g, held.shape[0] - 1)],
            request.queries,
            request.gallery,
            request.window,
            request.num_classes,
        )
        found.append(
            jax.jit(ranking.judge)(
                ratios, left, ranking.log_prior(request.prior), request.queries.labels
            )
        )
    return Outcomes(*(np.stack(values, axis=1) for values in zip(*found, strict=True)))
