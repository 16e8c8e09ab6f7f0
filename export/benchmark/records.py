"""What was measured on a device as records, and how they come into the results.json of a work folder."""

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hybrid_jax import results
from hybrid_jax.experiment.about import of_config
from hybrid_jax.report import page
from hybrid_jax.results import DEVICE, Record

# In the order of the table, with their units.
METRICS = {
    "load_ms": "ms",
    "first_ms": "ms",
    "median_ms": "ms",
    "p90_ms": "ms",
    "mean_ms": "ms",  # benchmark_model's alone
    "peak_mb": "MB",
    "file_bytes": "bytes",
    "uplink_bytes": "bytes",
}
Run = Mapping[str, Any]


def known(runs: Iterable[Run], metric: str) -> list[float]:
    """A metric's value in each of the runs that have one."""
    return [run[metric] for run in runs if run.get(metric) is not None]


def records(runs: list[Run], fields: Mapping[str, Any]) -> list[Record]:
    """A record for each metric that the runs have: the median, with `std` over them and their number `n`.

    Args:
        runs: of one file: `method`, `layer` and metrics.
        fields: the other fields of a record.
    """
    found = []
    for metric, unit in METRICS.items():
        if values := known(runs, metric):
            measured = {
                "value": statistics.median(values),
                "std": statistics.stdev(values) if len(values) > 1 else None,
                "n": len(values),
            }
            about = {"method": runs[0]["method"], "layer": runs[0]["layer"], **fields}
            found.append(
                results.record(evaluator=DEVICE, metric=metric, unit=unit, **about, **measured)
            )
    return found


def add(folder: Path, found: list[Record]) -> Path:
    """Adds records to results.json of a work folder, in place of those of the same host, format and reduction.

    Its report.html is written anew, with them.
    """
    content = results.read(folder)
    again = {_whose(r) for r in found}
    kept = [r for r in content["records"] if _whose(r) not in again]
    told = content["command"], content["config"], kept + found, content["versions"]
    page.write(folder, *told, about=of_config(content["config"]))
    return results.write(folder / "results.json", *told)


def _whose(r: Record) -> tuple[str | None, ...]:
    return r["evaluator"], r["host"], r["format"], r["reduction"]
