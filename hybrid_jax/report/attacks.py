"""Tables of attacks: each attacker's balanced accuracy, and what the adversary's data, company and patience change."""

from collections.abc import Iterable, Mapping

from hybrid_jax import paper, results
from hybrid_jax.attacked import (
    MEASURE,
    Name,
    at_operating_noise,
    bounds,
    embedding_of,
    headline,
    is_above,
    largest,
    limit,
    measured,
    strongest,
)
from hybrid_jax.attacks.scores import METRICS
from hybrid_jax.report.markdown import cell_of, percent, table

FLAG = " ⚑"  # an attack above the bound
SAME: tuple = ("same attackers",)  # a column of `holdings_table`; others are named by `_holding`


def attack_table(records: Iterable[Mapping], target: str) -> str:
    """Every attacker's balanced accuracy, a row for each layer and method, noisy ones at their operating noise.

    The best one's with its 95 % interval over people; then the best whatever the attacker holds, what the classifier's
    prediction and the true primary label alone tell, and the bound: `FLAG` where the whole interval of an attack lies
    above it.
    """
    records = list(records)
    own, anyhow, known = (
        headline(records, target),
        strongest(records, target),
        bounds(records, target),
    )
    names = [name for name in results.distinct(own, "attacker") if name != "best"]
    rows = []
    for name, found in _by_name(own).items():
        by = {r["attacker"]: r for r in found if r["metric"] == MEASURE}
        alone = {r["metric"]: r for r in found if r["attacker"] is None}
        best = by.get("best")
        floors = (alone.get(f"{MEASURE}_{which}_floor") for which in ("prediction", "label"))
        rows.append(
            [
                paper.embedding_name(*name),
                *(
                    cell_of(by.get(attacker)) + FLAG * is_above(by.get(attacker), known)
                    for attacker in names
                ),
                cell_of(best, interval=True),
                (best or {}).get("winner") or "–",
                cell_of(anyhow.get(name)),
                *map(cell_of, (*floors, alone.get("bayes_bound"))),
            ]
        )
    if not rows:
        return ""
    head = [
        "Layer, method",
        *names,
        "best [95 %]",
        "which",
        "any data",
        "prediction",
        "label",
        "bound",
    ]
    return table(head, rows)


def best_table(records: Iterable[Mapping], target: str) -> str:
    """The best attacker's every metric with its 95 % interval over people, and on how many samples it was fitted.

    In the last rows who sees nothing and names the most frequent class, and who sees the true primary label alone.
    """
    own = headline(records, target)
    rows = []
    floor: dict[str, Mapping] = {}
    for name, found in _by_name(own).items():
        by = {r["metric"]: r for r in found if r["attacker"] == "best"}
        floor = {r["metric"]: r for r in found if r["attacker"] is None} or floor
        if MEASURE in by:
            cells = [cell_of(by.get(metric), interval=True) for metric in METRICS]
            best = by[MEASURE]
            fits = "–" if best["n_fit"] is None else f"{best['n_fit']:.0f}"
            rows.append([paper.embedding_name(*name), best["winner"] or "–", fits, *cells])
    if not rows:
        return ""
    chance = {r["metric"]: r["chance"] for r in own if r["attacker"] == "best"}
    rows.append(
        ["Most frequent class", "–", "–", *(percent(chance.get(metric)) for metric in METRICS)]
    )
    labels = [floor.get(f"{metric}_label_floor") for metric in METRICS]
    rows.append(["True primary label", "–", "–", *map(cell_of, labels)])
    head = [name.replace("_", " ").replace("auc", "AUC").replace("f1", "F1") for name in METRICS]
    return table(["Layer, method", "best", "samples", *head], rows)


def holdings_table(records: Iterable[Mapping], target: str) -> str:
    """The best attacker's balanced accuracy by what it holds; `strangers`: never data of the people asked about.

    As fewer attackers are tried on strangers, the best of the same ones with unseen data of these people stands beside.
    """
    records = list(records)
    own, known = (
        measured(records, target, attacker="best", metric=MEASURE, mode=None),
        bounds(records, target),
    )
    usual = limit(own)
    columns: dict[tuple, str] = {}
    for r in own:
        columns.setdefault(_holding(r, usual), _heading(*_holding(r, usual)))
    alike = _by_attackers_of_strangers(records, target)
    if alike:
        columns[SAME] = "unseen data, same attackers"
    rows = []
    for name, found in _by_name(own).items():
        cells = {_holding(r, usual): cell_of(r) + FLAG * is_above(r, known) for r in found}
        cells[SAME] = cell_of(alike.get(name))
        rows.append([paper.embedding_name(*name), *(cells.get(column, "–") for column in columns)])
    return table(["Layer, method", *columns.values()], rows) if rows else ""


def sessions_table(records: Iterable[Mapping], target: str) -> str:
    """The best attacker's accuracy on n samples of one person, a column for each n."""
    own = [r for r in headline(records, target, "session") if r["metric"] == MEASURE]
    numbers = sorted(results.distinct(own, "queries"))
    rows = []
    for name, found in _by_name(own).items():
        cells = {r["queries"]: cell_of(r) for r in found}
        rows.append([paper.embedding_name(*name), *(cells.get(n, "–") for n in numbers)])
    return table(["Layer, method", *map(str, numbers)], rows) if rows else ""


def reconstruction_table(records: Iterable[Mapping]) -> str:
    """Closeness of rebuilt inputs and what is found in them; then the originals', and who answers with the mean."""
    own = results.select(records, evaluator="reconstruction", split="test")
    columns = [c for c in REBUILT if any((r["metric"], r["target"]) == c[1:3] for r in own)]
    if primary := next((r["target"] for r in own if r["metric"] == "accuracy"), None):
        columns.insert(-1, (f"{primary} still found, %", "accuracy", primary, percent, None))
    rows = []
    of_originals: dict[str, Mapping | None] = {}
    of_mean: dict[str, str | None] = {}
    for name, found in _by_name(own).items():
        by = {(r["metric"], r["target"], r["route"]): r for r in found}
        row = []
        for heading, metric, target, form, _ in columns:
            of_originals.setdefault(heading, by.get((metric, target, "original")))
            r = by.get((metric, target, None)) or by.get((metric, target, "reconstruction"))
            of_mean[heading] = None if r is None or r["chance"] is None else form(r["chance"])
            row.append(cell_of(r, form))
        rows.append([paper.embedding_name(*name), *row])
    if not rows:
        return ""
    originals = [c[4] or cell_of(of_originals[c[0]], c[3]) for c in columns]
    rows += [["Originals", *originals], ["Chance", *(of_mean[c[0]] or "–" for c in columns)]]
    return table(["Layer, method", *(c[0] for c in columns)], rows)


# Of the table: heading, metric, target, how it is written, and what of the originals where that is not measured.
REBUILT = (
    ("NRMSE", "nrmse", None, "{:z.2f}".format, "0.00"),
    ("correlation", "correlation", None, "{:z.2f}".format, "1.00"),
    ("PSNR, dB", "psnr", None, "{:z.1f}".format, "∞"),
    ("SSIM", "ssim", None, "{:z.2f}".format, "1.00"),
    ("image found again, %", "reidentification", "instance", percent, None),
    ("person found again, %", "reidentification", "identity", percent, None),
)


def _by_attackers_of_strangers(records: list[Mapping], target: str) -> dict[Name, Mapping]:
    """The best of the attackers that are tried on strangers, with unseen data of the people who are asked about."""
    about = {"metric": MEASURE, "mode": None}
    strangers = measured(records, target, gallery="leave_group_out", **about)
    tried = tuple(name for name in results.distinct(strangers, "attacker") if name != "best")
    about |= {"gallery": "held_out", "attacker_data": "unseen"}
    return largest(measured(records, target, attacker=tried, **about))


def _holding(r: Mapping, usual: int) -> tuple[str, bool, bool]:
    return r["attacker_data"], r["gallery"] == "leave_group_out", r["max_windows"] != usual


def _heading(data: str, strangers: bool, all_windows: bool) -> str:
    words = [paper.adversary_name("held_out", data)]
    words += ["strangers"] * strangers + ["all samples"] * all_windows
    return ", ".join(words)


def _by_name(records) -> dict[Name, list[Mapping]]:
    found: dict[Name, list[Mapping]] = {}
    for r in at_operating_noise(records):
        found.setdefault(embedding_of(r), []).append(r)
    return found
