"""manifest.json: what a bundle holds, how it is fed, and the checksum of each of its files."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_jax.errors import UserError
from hybrid_jax.results import write_arrays, write_json

NAME = "manifest.json"
NORMALISATION = "normalisation.npz"
SCHEMA = 1
# So many numbers of a mean or deviation stand in the manifest itself; a mean image has a file.
FEW = 64


def normalisation(folder: Path, mean: np.ndarray, std: np.ndarray) -> dict[str, Any]:
    """How raw inputs become what the file takes: (raw - mean) / std, each broadcast over an input.

    Returns:
        Both as nested lists, or the file that they have been written to.
    """
    if max(mean.size, std.size) <= FEW:
        return {"mean": mean.tolist(), "std": std.tolist()}
    write_arrays(folder / NORMALISATION, {"mean": mean, "std": std})
    return {"file": NORMALISATION}


def normalise(folder: Path, manifest: dict[str, Any], raw: np.ndarray) -> np.ndarray:
    """Raw inputs [N, ...] as the bundle's device half takes them, float32."""
    how = manifest["input"]["normalisation"]
    if "file" in how:
        with np.load(folder / how["file"]) as arrays:
            mean, std = arrays["mean"], arrays["std"]
    else:
        mean, std = (np.array(how[name], np.float32) for name in ("mean", "std"))
    return ((np.asarray(raw, np.float32) - mean) / std).astype(np.float32)


def seal(folder: Path, content: dict[str, Any]) -> Path:
    """Writes the manifest of a finished folder, with size and SHA-256 of every file in it."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != NAME)
    files = {
        p.relative_to(folder).as_posix(): {"bytes": p.stat().st_size, "sha256": _sha256(p)}
        for p in paths
    }
    return write_json(folder / NAME, {"schema": SCHEMA, **content, "files": files})


def read(folder: Path) -> dict[str, Any]:
    """The manifest of a bundle, every file of which is as it was sealed.

    Raises:
        errors.UserError: no bundle, one of another version, or a file that is missing or has been changed.
    """
    path = folder / NAME
    if not path.is_file():
        raise UserError(f"{folder} is no bundle: it has no {NAME}; python -m export makes one")
    try:
        manifest = json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): export again") from None
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        found = manifest.get("schema") if isinstance(manifest, dict) else None
        raise UserError(f"{path} has schema {found!r}: expected {SCHEMA}; export again")
    if not isinstance(manifest.get("files"), dict):
        raise UserError(f"{path} is damaged (it lists no files): export again")
    for name, about in manifest["files"].items():
        file = folder / name
        if not file.is_file():
            raise UserError(f"{file} is missing from the bundle: export again")
        expected = about.get("sha256") if isinstance(about, dict) else None
        if (found := _sha256(file)) != expected:
            raise UserError(
                f"{file} has been changed: its SHA-256 is {found[:12]}..., the manifest says {str(expected)[:12]}..."
            )
    return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
