"""What a device takes to run the exported files, from the records that `export.benchmark` adds."""

from collections.abc import Iterable, Mapping

from hybrid_jax import paper, results
from hybrid_jax.report.markdown import cell_of, short, table

# Metric -> heading, in the order of the table.
HEADER = {
    "load_ms": "load, ms",
    "first_ms": "first, ms",
    "median_ms": "median, ms",
    "p90_ms": "p90, ms",
    "mean_ms": "mean, ms",
    "peak_mb": "memory, MB",
    "file_bytes": "file, bytes",
    "uplink_bytes": "uplink, bytes",
}
BYTES = ("file_bytes", "uplink_bytes")


def device_table(records: Iterable[Mapping]) -> str:
    """A row for each configuration on each device: medians over runs, ± their standard deviation; "" of none."""
    found = by_configuration(records)
    metrics = [m for m in HEADER if any(m in own for own in found.values())]
    rows = [
        [
            configuration_name(method, layer, reduction),
            str(max(r["n"] or 1 for r in own.values())),
            *(_cell(own.get(metric)) for metric in metrics),
            form or "–",
            host or "–",
        ]
        for (host, form, reduction, method, layer), own in found.items()
    ]
    head = ["configuration", "runs", *(HEADER[m] for m in metrics), "format", "device"]
    return table(head, rows) if rows else ""


def by_configuration(records: Iterable[Mapping]) -> dict[tuple, dict[str, Mapping]]:
    """(host, format, reduction, method, layer) -> metric -> record, as they come."""
    found: dict[tuple, dict[str, Mapping]] = {}
    for r in results.select(records, evaluator=results.DEVICE):
        about = r["host"], r["format"], r["reduction"], r["method"], r["layer"]
        found.setdefault(about, {})[r["metric"]] = r
    return found


def configuration_name(method: str, layer: str | None, reduction: str | None) -> str:
    """A configuration in words."""
    place = [] if layer is None else [paper.layer_name(layer)]
    return ", ".join([paper.method_name(method), *place, *paper.reduction_words(reduction)])


def _cell(r: Mapping | None) -> str:
    if r is not None and r["value"] is not None and r["metric"] in BYTES:
        return f"{r['value']:,.0f}"
    return cell_of(r, short)
