"""Tables of leakage: what an adversary gets, beside chance and beside what the task itself gives away."""

from collections.abc import Iterable, Mapping

import numpy as np

from hybrid_jax import paper, results, tradeoff
from hybrid_jax.report.markdown import cell_of, percent, table

# Of each measure: heading, and how its value is written.
SHOWN = {
    "privacy": ("rank/K %", percent),
    "privacy_index": ("index", "{:z.3f}".format),
    "top1": ("top 1 %", percent),
    "top5": ("top 5 %", percent),
    "bayes_vulnerability": ("vulnerability %", percent),
    "bayes_security": ("Bayes security", "{:z.3f}".format),
    "min_entropy_leakage": ("min-entropy leakage, bits", "{:z.3f}".format),
    "conditional_entropy": ("H(S given Z), bits", "{:z.3f}".format),
    "mutual_information": ("I(S; Z), bits", "{:z.3f}".format),
}
BEYOND = ("privacy_index", "bayes_vulnerability", "mutual_information")
FLOORS = {"_prediction_floor": "prediction", "_label_floor": "label"}


def measures_table(records: Iterable[Mapping], suffix: str = "") -> str:
    """One adversary over the noise: a row for each measure, a column for each noise, then chance.

    A cell is "value ± standard error [95 % interval]", as far as they are known.

    Args:
        records: of one adversary.
        suffix: of a floor, whose measures are shown instead.
    """
    by_noise: dict[float, dict[str, Mapping]] = {}
    for r in records:
        by_noise.setdefault(r["noise_std"], {})[r["metric"]] = r
    first = next(iter(by_noise.values()), {})
    columns = {
        # A label has no noise.
        "any σ" if suffix == "_label_floor" else f"σ {noise:.4g}": found
        for noise, found in by_noise.items()
        if "rank" + suffix in found
    }
    rows = []
    for name, (heading, form) in SHOWN.items():
        if name + suffix not in first:
            continue
        if name.startswith("top") and np.isclose(first[name + suffix]["chance"], 1):
            continue  # no more classes than guesses
        cells = [_cell(found[name + suffix], form) for found in columns.values()]
        rows.append([heading, *cells, _written(first[name + suffix]["chance"], form)])
    return table(["measure", *columns, "chance"], rows) if rows else ""


def beyond_table(records: Iterable[Mapping], target: str, tolerance: float = 0.02) -> str:
    """What the adversary of `held_out` unseen data gets, and how much of it the task's own output gives away.

    A row for each layer and method, noisy ones at their operating noise. For three measures: the feature's value, that
    of the classifier's prediction alone, that of the true primary label alone.
    """
    rows = []
    for name, found in beyond(records, target, tolerance).items():
        row = [paper.embedding_name(*name)]
        for measure in BEYOND:
            form = SHOWN[measure][1]
            row += [
                _written(found.get(measure + suffix, {}).get("value"), form)
                for suffix in ("", *FLOORS)
            ]
        rows.append(row)
    if not rows:
        return ""
    head = [
        f"{SHOWN[name][0]}: {what}" for name in BEYOND for what in ("feature", *FLOORS.values())
    ]
    return table(["Layer, method", *head], rows)


def beyond(
    records: Iterable[Mapping], target: str, tolerance: float = 0.02
) -> dict[tuple[str, str, str], dict[str, Mapping]]:
    """(layer, method, reduction) -> metric -> record, of the adversary of `beyond_table`."""
    records = list(records)
    operating = tradeoff.operating_points(records, tolerance)
    held = results.select(
        records, evaluator="privacy", target=target, split="test", mode="classes",
        gallery="held_out", attacker_data="unseen",
    )  # fmt: skip
    own: dict[tuple, dict[str, Mapping]] = {}
    for r in held:
        if r["metric"].endswith("_label_floor") or _is_operating(r, operating):
            own.setdefault(_name(r), {})[r["metric"]] = r
    return own


def unplanned_table(
    records: Iterable[Mapping], targets: Iterable[str], tolerance: float = 0.02
) -> str:
    """Privacy index of targets that nobody planned for, of strangers; a row for each layer and method."""
    records = list(records)
    operating = tradeoff.operating_points(records, tolerance)
    found: dict[tuple, dict[str, str]] = {}
    for target in targets:
        for r in results.select(
            records, metric="privacy_index", target=target, split="test", gallery="leave_group_out"
        ):
            if _is_operating(r, operating):
                found.setdefault(_name(r), {})[target] = _cell(r, "{:z.3f}".format)
    rows = [
        [paper.embedding_name(*name), *(cells.get(target, "–") for target in targets)]
        for name, cells in found.items()
    ]
    return table(["Layer, method", *targets], rows) if rows else ""


def guarantee_table(records: Iterable[Mapping]) -> str:
    """mu and epsilon of one upload (`privacy.gaussian_dp`), over the noise; "" where features are not clipped."""
    found: dict[tuple, dict[str, Mapping]] = {}
    for r in results.select(records, metric=("gaussian_dp_mu", "dp_epsilon")):
        found.setdefault((*_name(r), r["noise_std"]), {})[r["metric"]] = r
    rows = []
    for (*name, noise), own in found.items():
        values = (own[name]["value"] for name in ("gaussian_dp_mu", "dp_epsilon"))
        cells = ("infinite" if value is None else f"{value:.3g}" for value in values)
        rows.append([paper.embedding_name(*name), f"{noise:.3g}", *cells])
    unit = next((own["dp_epsilon"]["unit"] for own in found.values()), "")
    return table(["Layer, method", "σ", "mu", unit], rows) if rows else ""


def _name(r: Mapping) -> tuple[str, str, str]:
    return r["layer"], r["method"], r["reduction"]


def _is_operating(r: Mapping, operating: Mapping[tuple, float]) -> bool:
    """Whether a record is of its method's operating noise; methods without noise have none but 0."""
    at = operating.get(_name(r), 0.0) if r["method"] in tradeoff.NOISY else 0.0
    return r["noise_relative"] is not None and bool(np.isclose(r["noise_relative"], at))


def _cell(r: Mapping, form) -> str:
    return cell_of(r, form, errors=("std", "stderr"), interval=True)


def _written(value: float | None, form) -> str:
    return "–" if value is None else form(value)
