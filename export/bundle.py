"""A bundle: both halves of an embedding in the formats that are asked for, checked, and described by a manifest."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from export import coreml, description, drift, manifest, operations, parity, savedmodel, tflite
from export.folder import complete
from export.halves import Half
from export.litert import LiteRT
from export.source import Source
from hybrid_jax import results
from hybrid_jax.errors import UserError, unknown
from hybrid_jax.progress import bar

FORMATS = ("tflite", "coreml", "savedmodel")
KNOWN = {"tflite": lambda: operations.TFLITE, "coreml": operations.known_to_coreml}
DEVICE, CLOUD = "device", "cloud"
EXTENSIONS = {"tflite": "tflite", "coreml": "mlpackage"}
# float32 before int8, which is made of it.
PLANNED = [
    *(("tflite", precision) for precision in tflite.PRECISIONS),
    *(("coreml", precision) for precision in coreml.PRECISIONS),
]
NOT_RUN = "predict needs macOS; the tests read such packages back and evaluate them"


def write(
    source: Source, formats: Sequence[str], out: Path, command: str, *, allow_drift: bool = False
) -> Path:
    """Writes a bundle, whole or not at all.

    Args:
        source: what to export.
        formats: of `FORMATS`.
        out: the folder to make.
        command: the command line, kept in the manifest.
        allow_drift: whether a file that differs from what was measured ships all the same.

    Returns:
        The manifest's path.

    Raises:
        errors.UserError: an unknown format, a folder that exists, a network that a format cannot take, or a file that
            `parity.excess` or `drift.excess` tells of.
    """
    for name in formats:
        if name not in FORMATS:
            raise unknown("format", name, FORMATS)
    if source.cloud is None and not set(formats) - {"savedmodel"}:
        raise UserError(
            f"--formats=savedmodel: {source.method} has no cloud half; add tflite or coreml"
        )
    with complete(out) as folder:
        operations.check(source.device, {name: KNOWN[name]() for name in formats if name in KNOWN})
        x = source.tried(parity.INPUTS)
        content = description.of(source, folder) | {"command": command}
        found, files = _device(source, formats, folder, x)
        if source.cloud is not None and "savedmodel" in formats:
            exact = {n: run for n, run in files.items() if found[n]["precision"] == "float32"}
            found |= _cloud(source, source.cloud, folder, x, exact)
        wrong = parity.excess(found)
        if allow_drift or not wrong:
            # Of what gives no numbers nothing can be measured.
            sound = {n: run for n, run in files.items() if found[n]["relative_rms"] is not None}
            if sound:
                content["drift"] = drift.of(source, sound)
                wrong += drift.excess(content["drift"])
        if wrong and not allow_drift:
            raise UserError(
                f"not exported: {'; '.join(wrong)}; --allow-drift ships it all the same"
            )
        manifest.seal(folder, content | {"parity": found})
    return out / manifest.NAME


def _device(
    source: Source, formats: Sequence[str], folder: Path, x: np.ndarray
) -> tuple[dict[str, Any], dict[str, parity.Run]]:
    """Writes the device's files; gives how far each is from JAX on inputs x [N, ...], and those that run here."""
    half, (measured, _) = source.device, source.as_measured
    found: dict[str, dict[str, Any]] = {}
    files: dict[str, parity.Run] = {}
    models: dict[str, bytes] = {}
    planned = [(name, p) for name, p in PLANNED if name in formats]
    with bar("convert for the device", len(planned)) as advance:
        for done, (form, precision) in enumerate(planned, 1):
            path = folder / DEVICE / f"{precision}.{EXTENSIONS[form]}"
            name = path.relative_to(folder).as_posix()
            path.parent.mkdir(parents=True, exist_ok=True)
            found[name] = {"precision": precision}
            if form == "coreml":
                coreml.convert(half, precision, path)
                if sys.platform == "darwin":
                    files[name] = coreml.predictor(path)
                else:
                    found[name]["not_run"] = NOT_RUN
            else:
                models[precision] = (
                    tflite.quantised(models["float32"], half, source.representative())
                    if precision == "int8"
                    else tflite.convert(half, precision)
                )
                files[name] = LiteRT(results.write_bytes(path, models[precision]))
            advance(done)
    inputs = parity.device_inputs(half.inputs, x)
    expected = measured(*inputs.values())
    for name, run in files.items():
        found[name] |= parity.differences(parity.outputs(run, inputs, f"try {name}"), expected)
    if models:
        share = tflite.clipped_share(models["float32"], models["int8"], x[:, None])
        found[f"{DEVICE}/int8.tflite"]["clipped_share"] = share
    return found, files


def _cloud(
    source: Source, half: Half, folder: Path, x: np.ndarray, files: Mapping[str, parity.Run]
) -> dict[str, Any]:
    """Writes the cloud's files; gives how far each is from JAX on features of x, and with each of `files` before it.

    Device, then cloud is the whole model; without noise, to which each would draw its own.
    """
    device, measured = source.as_measured
    assert measured is not None  # `half` is this cloud as it ships
    saved, artefact = folder / CLOUD / "saved_model", folder / CLOUD / "classifier.jax"
    savedmodel.save(half, saved)
    results.write_bytes(artefact, savedmodel.serialised(half))
    clouds = {
        f"{CLOUD}/{saved.name}": partial(savedmodel.run, saved),
        f"{CLOUD}/{artefact.name}": partial(savedmodel.run_serialised, artefact),
    }
    z = device(*parity.device_inputs(device.inputs, x).values())
    without_noise = parity.device_inputs(device.inputs, x, 0)
    uploads = {"": (z, measured(z))}
    if files:
        whole = measured(device(*without_noise.values()))
        for name, run in files.items():
            upload = parity.outputs(run, without_noise, f"{name}, then the cloud")
            uploads[f"{name}, then "] = upload, whole
    return {
        f"{first}{name}": {"precision": "float32"} | parity.differences(cloud(given), expected)
        for first, (given, expected) in uploads.items()
        for name, cloud in clouds.items()
    }
