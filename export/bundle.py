"""A bundle: both halves of an embedding in the formats that are asked for, checked, and described by a manifest."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export import coreml, description, drift, manifest, operations, parity, savedmodel, tflite
from export.folder import complete
from export.litert import LiteRT
from export.source import Source
from hybrid_jax import results
from hybrid_jax.errors import UserError, unknown

FORMATS = ("tflite", "coreml", "savedmodel")
KNOWN = {"tflite": lambda: operations.TFLITE, "coreml": operations.known_to_coreml}
DEVICE, CLOUD = "device", "cloud"
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
            differs from JAX by more than `parity.LIMIT`.
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
        content["parity"], files = _device(source, formats, folder, x)
        content["parity"] |= _cloud(source, formats, folder, x, files)
        wrong = parity.excess(content["parity"])
        if files and (allow_drift or not wrong):
            content["drift"] = drift.of(source, files)
            wrong += drift.excess(content["drift"])
        if wrong and not allow_drift:
            raise UserError(
                f"not exported: {'; '.join(wrong)}; --allow-drift ships it all the same"
            )
        manifest.seal(folder, content)
    return out / manifest.NAME


def _device(
    source: Source, formats: Sequence[str], folder: Path, x: np.ndarray
) -> tuple[dict[str, Any], dict[str, parity.Run]]:
    """Writes the device's files; gives how far each is from JAX on inputs x [N, ...], and those that run here."""
    half, (measured, _) = source.device, source.as_measured
    inputs = parity.device_inputs(half.inputs, x)
    expected = measured(*inputs.values())
    found, files, clipped = {}, {}, {}
    if "tflite" in formats:
        models = {}
        for precision in tflite.PRECISIONS:
            samples = source.representative() if precision == "int8" else ()
            models[precision] = tflite.convert(half, precision, samples)
            path = results.write_bytes(folder / DEVICE / f"{precision}.tflite", models[precision])
            files[path.relative_to(folder).as_posix()] = LiteRT(path)
        share = tflite.clipped_share(models["float32"], models["int8"], x[:, None])
        clipped[f"{DEVICE}/int8.tflite"] = {"clipped_share": share}
    if "coreml" in formats:
        for precision in coreml.PRECISIONS:
            path = folder / DEVICE / f"{precision}.mlpackage"
            path.parent.mkdir(parents=True, exist_ok=True)
            coreml.convert(half, precision, path)
            key = path.relative_to(folder).as_posix()
            if sys.platform == "darwin":
                files[key] = coreml.predictor(path)
            else:
                found[key] = {"not_run": NOT_RUN}
    for name, run in files.items():
        found[name] = parity.compared(run, inputs, expected) | clipped.get(name, {})
    return found, files


def _cloud(
    source: Source,
    formats: Sequence[str],
    folder: Path,
    x: np.ndarray,
    files: Mapping[str, parity.Run],
) -> dict[str, Any]:
    """Writes the cloud's files; gives how far each is from JAX on features of x, and both halves from the model."""
    half, (device, measured) = source.cloud, source.as_measured
    if half is None or "savedmodel" not in formats:
        return {}
    z = device(*parity.device_inputs(device.inputs, x).values())
    expected = measured(z)
    saved = folder / CLOUD / "saved_model"
    savedmodel.save(half, saved)
    artefact = results.write_bytes(folder / CLOUD / "classifier.jax", savedmodel.serialised(half))
    found = {
        f"{CLOUD}/saved_model float32": savedmodel.run(saved, z),
        f"{CLOUD}/classifier.jax float32": savedmodel.run_serialised(artefact, z),
    }
    answers = {name: parity.differences(logits, expected) for name, logits in found.items()}
    for name, run in files.items():
        if "float32" in name:
            # Device, then cloud is the whole model; without noise, to which each would draw its own.
            inputs = parity.device_inputs(device.inputs, x, 0)
            logits = savedmodel.run(saved, parity.outputs(run, inputs))
            whole = measured(device(*inputs.values()))
            answers[f"{name}, then cloud"] = parity.differences(logits, whole)
    return answers
