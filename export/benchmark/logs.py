"""What LiteRT's `benchmark_model` prints on a phone, read back: as a file, from a terminal or from logcat."""

import re
from collections.abc import Mapping
from pathlib import Path

from hybrid_jax.errors import UserError

_NUMBER = r"([\d.]+(?:e[+-]?\d+)?)"
_SIZE = re.compile(rf"input model file size \(MB\): {_NUMBER}")
_COUNTS = re.compile(r"\bcount=\d")  # of the warm-up, then of the steady inferences
_MEDIAN = re.compile(rf"\bmedian={_NUMBER}")  # since 2024
_TIMES = re.compile(
    rf"Inference timings in us: Init: {_NUMBER}, First inference: {_NUMBER}, .*Inference \(avg\): {_NUMBER}"
)
# Before 2021 it was called the peak. Either is what the tool's own peak grew by.
_MEMORY = re.compile(
    rf"(?:Memory footprint delta.*|Peak memory footprint) \(MB\): init=\S+ overall={_NUMBER}"
)
_MEBI = 1.048576  # memory is printed in units of 2 ** 20 bytes, the file's size in units of 1e6


def of_files(folder: Path, files: Mapping[str, Path]) -> dict[str, list[dict[str, float | None]]]:
    """The runs in `folder/<name>.txt` for each of these .tflite files.

    Raises:
        errors.UserError: see `read`; or a run of a file of another size.
    """
    found = {}
    for name, path in files.items():
        log = folder / f"{name}.txt"
        found[name] = read(log)
        size = path.stat().st_size / 1e6
        for run in found[name]:
            # Six digits are printed.
            if run["size_mb"] is not None and abs(run["size_mb"] - size) > 1e-5 * size:
                raise UserError(
                    f"{log} tells of a model of {run['size_mb']} MB, but {path.name} has {size:.6g}:"
                    " push it and run again"
                )
    return found


def read(path: Path) -> list[dict[str, float | None]]:
    """The runs that a file holds the output of, one after another.

    Returns:
        Of each `load_ms`, `first_ms`, `mean_ms`, `median_ms` (of the steady inferences), `p90_ms`, `peak_mb` (above the
        tool without a model) and `size_mb` (the model file's). `None` for what was not printed: the 90th percentile
        never is, the median not by old builds.

    Raises:
        errors.UserError: a file that cannot be read, or that holds no run.
    """
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    runs: list[dict[str, float | None]] = []
    size = median = None
    for line in lines:
        if found := _SIZE.search(line):
            size = float(found[1])
        elif _COUNTS.search(line):
            found = _MEDIAN.search(line)
            median = found and float(found[1]) / 1e3
        elif found := _TIMES.search(line):
            load, first, mean = (float(number) / 1e3 for number in found.groups())
            runs.append(
                {
                    "load_ms": load, "first_ms": first, "mean_ms": mean, "median_ms": median, "p90_ms": None,
                    "peak_mb": None, "size_mb": size,
                }
            )  # fmt: skip
            size = median = None
        elif runs and (found := _MEMORY.search(line)):
            runs[-1]["peak_mb"] = _MEBI * float(found[1])
    if not runs:
        raise UserError(
            f"{path} holds no output of benchmark_model: it has no line 'Inference timings in us: Init: ...'"
        )
    return runs
