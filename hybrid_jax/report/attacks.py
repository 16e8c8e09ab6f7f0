"""Tables of attacks: each attacker's balanced accuracy, and what the adversary's data, company and patience change."""

import itertools
from collections.abc import Iterable, Mapping

from hybrid_jax import paper, results
from hybrid_jax.attacked import MEASURE, at_operating_noise, headline, is_above, limit, measured
from hybrid_jax.attacks.scores import METRICS
from hybrid_jax.report.markdown import percent, table

# Fig. 9(b): the first leaks less than the second.
LESS = (
    ("siamese", "simple"),
    ("reduced_siamese", "reduced"),
    ("reduced", "simple"),
    ("reduced_siamese", "siamese"),
)
FLAG = " ⚑"  # an attack above the bound
Name = tuple[str, str, str]  # layer, method, reduction


def attack_table(records: Iterable[Mapping], target: str) -> str:
    """Every attacker's balanced accuracy, a row for each layer and method, noisy ones at their operating noise.

    The best one's with its 95 % interval over people; then what the classifier's prediction and the true primary label
    alone tell, and the bound: `FLAG` where the whole interval of an attack lies above it.
    """
    own = headline(records, target)
    names = [name for name in results.distinct(own, "attacker") if name != "best"]
    rows = []
    for name, found in _by_name(own).items():
        by = {r["attacker"]: r for r in found if r["metric"] == MEASURE}
        alone = {r["metric"]: r for r in found if r["attacker"] is None}
        bound, best = alone.get("bayes_bound"), by.get("best")
        floors = (alone.get(f"{MEASURE}_{which}_floor") for which in ("prediction", "label"))
        rows.append(
            [
                _words(*name),
                *(
                    _cell(by.get(attacker)) + FLAG * is_above(by.get(attacker), bound)
                    for attacker in names
                ),
                f"{_cell(best)}{_interval(best)}",
                (best or {}).get("winner") or "–",
                *map(_cell, (*floors, bound)),
            ]
        )
    if not rows:
        return ""
    head = ["Layer, method", *names, "best [95 %]", "which", "prediction", "label", "bound"]
    return table(head, rows)


def best_table(records: Iterable[Mapping], target: str) -> str:
    """The best attacker's every metric with its 95 % interval over people, and on how many windows it was fitted.

    In the last rows who sees nothing and names the most frequent class, and who sees the true primary label alone.
    """
    own = headline(records, target)
    rows, floor = [], {}
    for name, found in _by_name(own).items():
        by = {r["metric"]: r for r in found if r["attacker"] == "best"}
        floor = {r["metric"]: r for r in found if r["attacker"] is None} or floor
        if MEASURE in by:
            cells = [f"{_cell(by.get(metric))}{_interval(by.get(metric))}" for metric in METRICS]
            best = by[MEASURE]
            rows.append([_words(*name), best["winner"] or "–", f"{best['n_fit']:.0f}", *cells])
    if not rows:
        return ""
    chance = {r["metric"]: r["chance"] for r in own if r["attacker"] == "best"}
    rows.append(
        ["Most frequent class", "–", "–", *(percent(chance.get(metric)) for metric in METRICS)]
    )
    labels = [floor.get(f"{metric}_label_floor") for metric in METRICS]
    rows.append(["True primary label", "–", "–", *map(_cell, labels)])
    head = [name.replace("_", " ").replace("auc", "AUC").replace("f1", "F1") for name in METRICS]
    return table(["Layer, method", "best", "windows", *head], rows)


def holdings_table(records: Iterable[Mapping], target: str) -> str:
    """The best attacker's balanced accuracy by what it holds; `strangers`: never data of the people asked about."""
    own = measured(records, target, attacker="best", metric=MEASURE, mode=None)
    usual = limit(own)
    columns: dict[tuple, str] = {}
    for r in own:
        columns.setdefault(_holding(r, usual), _heading(*_holding(r, usual)))
    rows = []
    for name, found in _by_name(own).items():
        cells = {_holding(r, usual): _cell(r) for r in found}
        rows.append([_words(*name), *(cells.get(column, "–") for column in columns)])
    return table(["Layer, method", *columns.values()], rows) if rows else ""


def sessions_table(records: Iterable[Mapping], target: str) -> str:
    """The best attacker's accuracy on n windows of one person, a column for each n."""
    own = [r for r in headline(records, target, "session") if r["metric"] == MEASURE]
    numbers = sorted(results.distinct(own, "queries"))
    rows = []
    for name, found in _by_name(own).items():
        cells = {r["queries"]: _cell(r) for r in found}
        rows.append([_words(*name), *(cells.get(n, "–") for n in numbers)])
    return table(["Layer, method", *map(str, numbers)], rows) if rows else ""


def orderings(records: Iterable[Mapping], target: str) -> str:
    """Which of the orderings of the paper's Fig. 9(b) hold, and by how much the others do not, in points.

    Higher layers leak less, Siamese less than simple, reduced less than what it reduces: by transfer learning, which
    the paper tried, and by the best attacker.
    """
    own = [r for r in headline(records, target) if r["metric"] == MEASURE]
    lines = []
    for attacker in ("transfer", "best"):
        found = {
            (r["layer"], r["method"]): r["value"]
            for r in own
            if r["attacker"] == attacker and r["reduction"] != "autoencoder"
        }
        layers = list(dict.fromkeys(layer for layer, _ in found))
        methods = list(dict.fromkeys(method for _, method in found))
        pairs = [
            (
                f"{paper.layer_name(higher)} above {paper.layer_name(lower)}, {_method(m)}",
                (higher, m),
                (lower, m),
            )
            for m in methods
            for lower, higher in itertools.pairwise(layers)
        ]
        pairs += [
            (
                f"{paper.layer_name(layer)}, {_method(less)} above {_method(more)}",
                (layer, less),
                (layer, more),
            )
            for layer in layers
            for less, more in LESS
        ]
        tried = [(text, found[a] - found[b]) for text, a, b in pairs if a in found and b in found]
        broken = [f"{text}: {percent(gap, sign='+')}" for text, gap in tried if gap > 0]
        if tried:
            held = f"{attacker}: {len(tried) - len(broken)} of {len(tried)} hold"
            lines.append("; ".join([held, *broken]) + ".")
    return "\n\n".join(lines)


def reconstruction_table(records: Iterable[Mapping]) -> str:
    """NRMSE, correlation and re-identification of rebuilt inputs, and of the originals in the last row."""
    own = results.select(records, evaluator="reconstruction", split="test")
    rows, of_originals = [], None
    for name, found in _by_name(own).items():
        by = {(r["metric"], r["route"]): r for r in found if r["target"] in (None, "identity")}
        of_originals = by.get(("reidentification", "original"), of_originals)
        nrmse, correlation = by.get(("nrmse", None)), by.get(("correlation", None))
        again = by.get(("reidentification", "reconstruction"))
        numbers = [_cell(r, "{:.2f}".format) for r in (nrmse, correlation)]
        rows.append([_words(*name), *numbers, _cell(again)])
    if of_originals is not None:
        rows.append(["Originals", "0.00", "1.00", _cell(of_originals)])
    head = ["Layer, method", "NRMSE", "correlation", "person found again, %"]
    return table(head, rows) if rows else ""


def _holding(r: Mapping, usual: int) -> tuple[str, bool, bool]:
    return r["attacker_data"], r["gallery"] == "leave_group_out", r["max_windows"] != usual


def _heading(data: str, strangers: bool, all_windows: bool) -> str:
    words = [paper.adversary_name("held_out", data)]
    words += ["strangers"] * strangers + ["all windows"] * all_windows
    return ", ".join(words)


def _by_name(records) -> dict[Name, list[Mapping]]:
    found: dict[Name, list[Mapping]] = {}
    for r in at_operating_noise(records):
        found.setdefault((r["layer"], r["method"], r["reduction"]), []).append(r)
    return found


def _method(method: str) -> str:
    return paper.METHOD_NAMES[method].lower()


def _words(layer: str, method: str, reduction: str) -> str:
    words = [paper.layer_name(layer), _method(method)]
    return ", ".join([*words, *(["autoencoder"] if reduction == "autoencoder" else [])])


def _cell(r: Mapping | None, form=percent) -> str:
    if r is None or r["value"] is None:
        return "–"
    return form(r["value"]) + (f" ± {form(r['std'])}" if r["std"] is not None else "")


def _interval(r: Mapping | None) -> str:
    if r is None or r["ci_low"] is None:
        return ""
    return f" [{percent(r['ci_low'])}, {percent(r['ci_high'])}]"
