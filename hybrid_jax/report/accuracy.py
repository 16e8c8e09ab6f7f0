"""Table 1: accuracy of the embedding methods, the paper's figures beside ours."""

from collections.abc import Iterable, Mapping

from hybrid_jax import paper, results
from hybrid_jax.report.markdown import cell_of, percent, table

ROWS = ("simple", "reduced", "siamese", "reduced_siamese")
SIAMESE = ("siamese", "reduced_siamese", "advanced")
# What the paper concludes from its Table 1, as differences of two rows.
DIFFERENCES = (
    ("siamese", "simple"),
    ("reduced", "simple"),
    ("reduced_siamese", "siamese"),
    ("reduced_siamese", "reduced"),
)
FLAG = 0.01  # a difference from the paper that is pointed out; seeds alone differ by half of it


def accuracy_table(records: Iterable[Mapping], metric: str = "accuracy") -> str:
    """Test accuracy in percent, a row for each method and a column for each layer.

    A cell is "93.4 (paper 93.0)", after collecting "93.4 ± 0.2 (paper 93.0)" with the standard
    deviation over seeds; `*` marks what differs from the paper by more than a point and, over
    seeds, by more than two standard deviations. The autoencoder's rows stand below.

    Returns:
        a Markdown table; "" where no accuracy was measured.
    """
    found = _found(records, metric)
    layers = _layers(found)
    rows = []
    for reduction in ("pca", "autoencoder"):
        for method in ROWS:
            cells = [_of(found, method, layer, reduction) for layer in layers]
            if reduction == "autoencoder" and method not in ("reduced", "reduced_siamese"):
                continue
            if any(cells):
                suffix = " (autoencoder)" if reduction == "autoencoder" else ""
                rows.append(
                    [paper.METHOD_NAMES[method] + suffix, *(_cell(r, metric) for r in cells)]
                )
    header = ["Method", *(paper.layer_name(layer) for layer in layers)]
    return table(header, rows) if rows else ""


def difference_table(records: Iterable[Mapping]) -> str:
    """What Siamese fine-tuning and reduction change, in points of accuracy, beside the paper's."""
    found = _found(records, "accuracy")
    layers = _layers(found)
    rows = []
    for method, other in DIFFERENCES:
        cells = []
        for layer in layers:
            ours = [_of(found, m, layer, "pca") for m in (method, other)]
            printed = [r and _printed(r) for r in ours]
            cell = percent(_minus(*(r and r["value"] for r in ours)), sign="+")
            theirs = _minus(*printed)
            cells.append(cell if theirs is None else f"{cell} (paper {percent(theirs, sign='+')})")
        if any(cell != "–" for cell in cells):
            names = (paper.METHOD_NAMES[m] for m in (method, other))
            rows.append([" − ".join(names), *cells])
    header = ["Difference", *(paper.layer_name(layer) for layer in layers)]
    return table(header, rows) if rows else ""


def settings_table(records: Iterable[Mapping]) -> str:
    """Contrastive weight, margin and reduced dimension of each layer, by whatever was measured; "" of nothing."""
    rows = []
    for layer in results.distinct(records, "layer"):
        siamese = results.select(records, layer=layer, method=SIAMESE)
        reduced = results.select(records, layer=layer, reduction="pca")
        values = [
            next(iter(results.distinct(found, name)), None)
            for found, name in (
                (siamese, "contrastive_weight"),
                (siamese, "margin"),
                (reduced, "reduced_dim"),
            )
        ]
        rows.append([paper.layer_name(layer), *("–" if v is None else f"{v:g}" for v in values)])
    header = ["Layer", "contrastive weight", "margin", "reduced dimension"]
    return table(header, rows) if rows else ""


def tune_table(content: Mapping) -> str:
    """What `--mode=tune` chose for each layer, with its validation accuracy in percent.

    Args:
        content: of tune.json, see `figures.tune`.
    """
    rows = []
    for layer, tuned in content["layers"].items():
        chosen = tuned["chosen"]
        point = next(p for p in tuned["points"] if chosen.items() <= p.items())
        measured = [tuned["simple"], point["siamese"], point["reduced_siamese"]]
        settings = [f"{point[k]:g}" for k in ("contrastive_weight", "margin")]
        rows.append([paper.layer_name(layer), *settings, *(percent(v) for v in measured)])
    names = [paper.METHOD_NAMES[m] for m in ("simple", "siamese", "reduced_siamese")]
    return table(["Layer", "contrastive weight", "margin", *names], rows)


def chance_line(records: Iterable[Mapping]) -> str:
    """One sentence on what is right by always naming the largest class."""
    found = [r for r in _found(records, "accuracy").values() if r["chance"] is not None]
    if not found:
        return ""
    return f"Always naming the most frequent class is right in {percent(found[0]['chance'])} %."


def _found(records, metric) -> dict[tuple, Mapping]:
    """(method, layer, reduction) -> the record of its noise-free test accuracy."""
    wanted = {"evaluator": "accuracy", "metric": metric, "split": "test", "cloud": "original"}
    chosen = results.select(records, method=ROWS, **wanted)
    return {(r["method"], r["layer"], r["reduction"]): r for r in chosen}


def _layers(found) -> list[str]:
    return list(dict.fromkeys(layer for _, layer, _ in found))


def _of(found, method, layer, reduction) -> Mapping | None:
    reduced = method in ("reduced", "reduced_siamese")
    return found.get((method, layer, reduction if reduced else "none"))


def _printed(r) -> float | None:
    """The paper's figure for this very cell, as a share."""
    if r["reduction"] == "autoencoder" or r["metric"] != "accuracy":
        return None
    theirs = paper.table_1(r["target"], r["layer"], r["method"])
    return None if theirs is None else theirs / 100


def _cell(r, metric) -> str:
    if not r:
        return "–"
    ours = cell_of(r)
    theirs = _printed(r)
    if theirs is None:
        return ours
    away = r["value"] is not None and abs(r["value"] - theirs) > max(FLAG, 2 * (r["std"] or 0))
    # Made-up data have no figure in the paper to differ from.
    flag = "*" if away and not results.is_simulated([r]) else ""
    return f"{ours}{flag} (paper {percent(theirs)})"


def _minus(a, b) -> float | None:
    return None if a is None or b is None else a - b
