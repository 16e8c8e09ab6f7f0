"""A bundle: both halves of an embedding in the formats that are asked for, checked, and described by a manifest."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from export import coreml, description, drift, manifest, operations, parity, savedmodel, tflite
from export.extractor import Extractor
from export.folder import whole
from export.litert import LiteRT
from export.source import Source
from hybrid_jax import results
from hybrid_jax.errors import UserError, unknown

FORMATS = ("tflite", "coreml", "savedmodel")
KNOWN = {"tflite": lambda: operations.TFLITE, "coreml": operations.known_to_coreml}
DEVICE, CLOUD = "device", "cloud"


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
    with whole(out) as folder:
        operations.check(source.device, {name: KNOWN[name]() for name in formats if name in KNOWN})
        x = source.tried(parity.INPUTS)
        content = description.of(source, folder) | {"command": command}
        content["parity"] = _device(source, formats, folder, x) | _cloud(source, formats, folder, x)
        wrong = parity.excess(content["parity"])
        if not (wrong and not allow_drift) and "tflite" in formats and source.cloud is not None:
            content["drift"] = _drift(source, folder)
            wrong += drift.excess(content["drift"])
        if wrong and not allow_drift:
            raise UserError(
                f"not exported: {'; '.join(wrong)}; --allow-drift ships it all the same"
            )
        manifest.seal(folder, content)
    return out / manifest.NAME


def _device(source: Source, formats: Sequence[str], folder: Path, x) -> dict[str, Any]:
    half, found = source.device, {}
    inputs = parity.device_inputs(half.inputs, x)
    expected = half(*inputs.values())
    if "tflite" in formats:
        exact = b""
        for precision in tflite.PRECISIONS:
            samples = source.representative() if precision == "int8" else ()
            model = tflite.convert(half, precision, samples)
            path = results.write_bytes(folder / DEVICE / f"{precision}.tflite", model)
            key = path.relative_to(folder).as_posix()
            found[key] = parity.compared(LiteRT(path), inputs, expected)
            if precision == "float32":
                exact = model
            if precision == "int8":
                found[key]["clipped_share"] = tflite.clipped_share(exact, model, x[:, None])
    if "coreml" in formats:
        for precision in coreml.PRECISIONS:
            path = folder / DEVICE / f"{precision}.mlpackage"
            path.parent.mkdir(parents=True, exist_ok=True)
            coreml.convert(half, precision, path)
            key = path.relative_to(folder).as_posix()
            if sys.platform == "darwin":
                found[key] = parity.compared(coreml.predictor(path), inputs, expected)
            else:
                found[key] = {
                    "not_run": "predict needs macOS; the tests read such packages back and evaluate them"
                }
    return found


def _cloud(source: Source, formats: Sequence[str], folder: Path, x) -> dict[str, Any]:
    half = source.cloud
    if half is None or "savedmodel" not in formats:
        return {}
    z = source.device(*parity.device_inputs(source.device.inputs, x).values())
    expected = half(z)
    saved = folder / CLOUD / "saved_model"
    savedmodel.save(half, saved)
    artefact = results.write_bytes(folder / CLOUD / "classifier.jax", savedmodel.serialised(half))
    found = {
        f"{CLOUD}/saved_model float32": savedmodel.run(saved, z),
        f"{CLOUD}/classifier.jax float32": savedmodel.run_serialised(artefact, z),
    }
    answers = {name: parity.differences(logits, expected) for name, logits in found.items()}
    device = folder / DEVICE / "float32.tflite"
    if device.exists():
        # Device, then cloud is the whole model; without noise, to which each would draw its own.
        logits = savedmodel.run(saved, Extractor(device).features(x))
        direct = half(source.device(*parity.device_inputs(source.device.inputs, x, 0).values()))
        answers["device, then cloud float32"] = parity.differences(logits, direct)
    return answers


def _drift(source: Source, folder: Path) -> dict[str, Any]:
    original = drift.embedded(source)
    found = {drift.ORIGINAL: drift.measured(original, source)}
    for precision in tflite.PRECISIONS:
        by_file = drift.by_file(
            original, Extractor(folder / DEVICE / f"{precision}.tflite").features
        )
        found[f"{DEVICE}/{precision}.tflite"] = drift.measured(by_file, source)
    return found
