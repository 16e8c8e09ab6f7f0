"""results.json: the one schema of what was measured, and how it is written, read and searched."""

import importlib.metadata
import io
import json
import math
import os
import platform
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from hybrid_jax import errors, hosts

SCHEMA = 1
Record = dict[str, Any]
R = TypeVar("R", bound=Mapping)  # a record, or any mapping with its fields

# Every field of a record, in the order in which it is written. Fields of IDENTITY say what was
# measured: within one run no two records share them all. Those of OUTCOME say what came out.
IDENTITY = (
    "evaluator", "metric", "target", "dataset", "split", "split_kind",
    "method", "layer", "reduction", "reduced_dim", "contrastive_weight", "margin",
    "noise_relative", "cloud", "gallery", "mode", "prior", "ties",
    "attacker", "attacker_data", "max_windows", "route", "queries", "format", "host", "draws", "classes",
    "unit",
)  # fmt: skip
OUTCOME = (
    "seed", "noise_std", "n", "n_fit", "n_excluded", "winner", "value", "chance",
    "stderr", "std", "n_seeds", "ci_low", "ci_high",
)  # fmt: skip
FIELDS = IDENTITY + OUTCOME
DEFAULTS = {
    "reduction": "none",
    "noise_std": 0.0,
    "noise_relative": 0.0,
    "cloud": "original",
    "queries": 1,
}
SIMULATED = ("simulated", "simulated_faces")  # the data sets that nobody recorded
DEVICE = "device"  # the evaluator that times exported files
VERSIONED = ("jax", "jaxlib", "flax", "optax", "numpy", "ml_collections")


def record(*, evaluator: str, metric: str, value: float | None, **fields) -> Record:
    """One flat record with every field of `FIELDS`: those not given have their default or None.

    NumPy and JAX scalars become Python numbers; nan and infinities become None, as JSON has none.

    Raises:
        UserError: a field that the schema does not know.
        TypeError: a value that is not a number, a string, a truth value or None.

    >>> r = record(evaluator="accuracy", metric="accuracy", value=np.float32(0.5), layer="fc_1")
    >>> r["value"], r["layer"], r["reduction"], r["gallery"]
    (0.5, 'fc_1', 'none', None)
    """
    given = {"evaluator": evaluator, "metric": metric, "value": value, **fields}
    for name in given:
        if name not in FIELDS:
            raise errors.unknown("record field", name, FIELDS)
    return {name: _scalar(name, given.get(name, DEFAULTS.get(name))) for name in FIELDS}


def select(records: Iterable[R], **conditions) -> list[R]:
    """The records whose fields equal the conditions; a tuple, list or set means any of its values.

    Raises:
        UserError: a field that the schema does not know.

    >>> records = [{"layer": layer, "gallery": "self"} for layer in ("conv_4", "fc_1", "fc_2")]
    >>> [r["layer"] for r in select(records, gallery="self", layer=("fc_1", "fc_2"))]
    ['fc_1', 'fc_2']
    """
    for name in conditions:
        if name not in FIELDS:
            raise errors.unknown("record field", name, FIELDS)
    found = list(records)
    for name, value in conditions.items():
        allowed = value if isinstance(value, (tuple, list, set)) else (value,)
        found = [r for r in found if r.get(name) in allowed]
    return found


def off_device(records: Iterable[R]) -> list[R]:
    """The records that a run of the experiment makes: all but those of `DEVICE`, which `export.benchmark` adds."""
    return [r for r in records if r["evaluator"] != DEVICE]


def distinct(records: Iterable[Mapping], field: str) -> list:
    """The values that a field takes, None left out, in the order of their first occurrence."""
    return list(dict.fromkeys(r[field] for r in records if r.get(field) is not None))


def is_simulated(records: Iterable[Mapping]) -> bool:
    """Whether all that is known of where the records come from is made up; of no data set it is not."""
    data = distinct(records, "dataset")
    return bool(data) and all(name in SIMULATED for name in data)


def write(
    path: str | os.PathLike,
    command: str,
    config: Mapping,
    records: Iterable[Mapping],
    versions: Mapping[str, str] | None = None,
) -> Path:
    """Writes results.json, whole or not at all; the same records give the same bytes.

    Args:
        path: the file.
        command: the command line that made it.
        config: the run's config, as plain dicts.
        records: made by `record` (any mapping with its fields will do).
        versions: of what ran; default: of this process.
    """
    versions = installed_versions() if versions is None else dict(versions)
    head = {"schema": SCHEMA, "command": command, "config": dict(config), "versions": versions}
    # One record a line: files of two runs can be compared with diff.
    lines = [_dumps(record(**r)) for r in records]
    body = ",\n".join(lines)
    text = f'{_dumps(head, indent=1)[:-2]},\n "records": [\n{body}\n]}}\n'
    return write_text(path, text)


def read(path: str | os.PathLike) -> dict[str, Any]:
    """The content of results.json; `path` is the file or the folder that holds it.

    Raises:
        UserError: it is missing, damaged, or of another schema.
    """
    path = Path(path)
    path = path / "results.json" if path.is_dir() else path
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise errors.UserError(
            f"{path} does not exist: expected the folder of a run that has finished"
        ) from None
    except (ValueError, OSError) as error:
        raise errors.UserError(
            f"{path} cannot be read as JSON ({error}): run the command that made it again"
        ) from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise errors.UserError(f"{path} has schema {schema!r}: expected {SCHEMA}")
    missing = [k for k in ("command", "config", "versions", "records") if k not in content]
    if missing:
        raise errors.UserError(f"{path} lacks {', '.join(missing)}: expected a results.json")
    try:
        records = [record(**r) for r in content["records"]]
    except TypeError as error:
        raise errors.UserError(f"{path} holds a damaged record: {error}") from None
    return {**content, "records": records}


def flat(tree: Mapping, separator: str = ".", prefix: str = "") -> dict[str, Any]:
    """The leaves of nested mappings, by the path to each.

    >>> flat({"seed": 0, "data": {"name": "lfw"}})
    {'seed': 0, 'data.name': 'lfw'}
    """
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        inner = isinstance(value, Mapping)
        leaves |= (
            flat(value, separator, f"{prefix}{name}{separator}")
            if inner
            else {prefix + name: value}
        )
    return leaves


def write_arrays(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> Path:
    """Writes an npz file of arrays, whole or not at all."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return write_bytes(path, buffer.getvalue())


def write_json(path: str | os.PathLike, content) -> Path:
    """Writes JSON, indented, whole or not at all; nan and infinities are refused (ValueError)."""
    return write_text(path, _dumps(content, indent=2) + "\n")


def write_text(path: str | os.PathLike, text: str) -> Path:
    """Writes a text file, whole or not at all, and makes its folder."""
    return write_bytes(path, text.encode())


def write_bytes(path: str | os.PathLike, content: bytes) -> Path:
    """Writes a file, whole or not at all, and makes its folder. Of several processes the first one does it."""
    path = Path(path)
    if not hosts.is_first():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: the shards of a sweep may write one file at once.
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return path


def installed_versions(*more: str) -> dict[str, str]:
    """Versions of Python, of the packages that the numbers depend on, and of those named, as far as they are there."""
    versions = {"python": platform.python_version()}
    for name in (*VERSIONED, *more):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _dumps(content, indent: int | None = None) -> str:
    return json.dumps(content, indent=indent, allow_nan=False, ensure_ascii=False)


def _scalar(name: str, value):
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    raise TypeError(f"record field {name!r} must be a number or a string, got {value!r}")
