"""The runs of a benchmark as a CSV file, and what they come to as a table."""

import csv
import io
import statistics
from collections.abc import Mapping

from export.benchmark.records import METRICS, Run, known
from hybrid_jax.report.device import HEADER, configuration_name
from hybrid_jax.report.markdown import short, table


def as_csv(runs: list[Run]) -> str:
    """A row for each run, a column for each metric that some run has."""
    columns = ["method", "layer", "run", *_metrics(runs)]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(runs)
    return text.getvalue()


def as_table(runs: Mapping[str, list[Run]]) -> str:
    """A row for each configuration: medians over its runs, ± their standard deviation."""
    metrics = _metrics([run for own in runs.values() for run in own])
    rows = [
        [
            configuration_name(own[0]["method"], own[0]["layer"], own[0].get("reduction")),
            str(len(own)),
            *(_cell(known(own, metric), metric) for metric in metrics),
        ]
        for own in runs.values()
    ]
    return table(["configuration", "runs", *(HEADER[metric] for metric in metrics)], rows)


def _metrics(runs: list[Run]) -> list[str]:
    return [metric for metric in METRICS if known(runs, metric)]


def _cell(values: list[float], metric: str) -> str:
    if not values:
        return "–"
    if METRICS[metric] == "bytes":
        return f"{values[0]:,}"
    spread = f" ± {short(statistics.stdev(values))}" if len(values) > 1 else ""
    return short(statistics.median(values)) + spread
