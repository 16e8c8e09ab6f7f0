"""What a bundle's files came to, as a table: what `python -m export` prints."""

from collections.abc import Mapping
from typing import Any

from export.drift import ORIGINAL
from hybrid_jax.report.markdown import percent, table


def of(manifest: Mapping[str, Any]) -> str:
    """A row for the network as it was measured, and one for each file, or device's file before a cloud's.

    Differences are those of `parity.differences`.
    """
    drift = manifest.get("drift", {})
    targets = list(drift.get(ORIGINAL, {}).get("privacy", {}))
    header = ["file", "kB", "difference (rms)", "accuracy, %"]
    for target in targets:
        header += [f"{target}: privacy, %", "best probe, %"]
    parity = {"as measured": {}, **manifest["parity"]}
    rows = [
        [
            name,
            _size(manifest["files"], name),
            _difference(found),
            *_measured(drift.get(ORIGINAL if name == "as measured" else name, {}), targets),
        ]
        for name, found in parity.items()
    ]
    return table(header, rows)


def _size(files: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """In thousands of bytes; of a folder, of all that lies in it."""
    own = [about["bytes"] for path, about in files.items() if f"{path}/".startswith(f"{name}/")]
    return f"{sum(own) / 1000:,.0f}" if own else "–"


def _difference(found: Mapping[str, Any]) -> str:
    if not found:
        return "–"
    if "not_run" in found:
        return "not run here"
    off = found["relative_difference"]
    return "not finite" if off is None else f"{off:.1e} ({found['relative_rms']:.1e})"


def _measured(own: Mapping[str, Any], targets: list[str]) -> list[str]:
    cells = [percent(own.get("accuracy"))]
    for target in targets:
        cells += [
            percent(own.get(name, {}).get(target, {}).get("value"))
            for name in ("privacy", "attack")
        ]
    return cells
