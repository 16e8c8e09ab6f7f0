"""An embedding on disk: all that export and an audit need, in `embeddings/<layer>/<method>[-autoencoder]/`."""

import json
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from hybrid_jax import hosts, models
from hybrid_jax.embedded import Embedded
from hybrid_jax.embedding import Embedding, embed
from hybrid_jax.errors import UserError
from hybrid_jax.results import flat, write_arrays, write_json

SCHEMA = 1


def folder(workdir: Path, layer: str, method: str, reduction: str) -> Path:
    """Where an embedding lies in a work folder."""
    return workdir / "embeddings" / name(layer, method, reduction)


def name(layer: str, method: str, reduction: str) -> Path:
    """The folder of an embedding: `<layer>/<method>`, or `<layer>/<method>-autoencoder`."""
    return Path(layer) / (f"{method}-autoencoder" if reduction == "autoencoder" else method)


def save(workdir: Path, embedded: Embedded, model: dict[str, Any], operating_noise: float) -> Path:
    """Writes an embedding; `embedding.json` last, so that where it stands the whole is there.

    Args:
        workdir: the work folder.
        embedded: what to write.
        model: name and settings of its network, as `MODELS` takes them.
        operating_noise: of a noisy method, in units of `rms`; 0 for the others.

    Returns:
        The embedding's folder.
    """
    embedding, samples = embedded.embedding, embedded.task.samples
    path = folder(workdir, embedding.layer, embedding.method, embedding.reduction)
    arrays = flat(embedded.variables, "/")
    arrays |= dict(
        zip(("normalisation/mean", "normalisation/std"), samples.normalisation, strict=True)
    )
    if hosts.is_first():
        (path / "embedding.json").unlink(missing_ok=True)
    write_arrays(path / "arrays.npz", arrays)
    write_json(
        path / "embedding.json",
        {
            "schema": SCHEMA,
            **embedded.fields(),
            "primary": embedded.task.primary,
            "classes": {name: list(values) for name, values in samples.classes.items()},
            "model": model,
            "input_shape": list(embedded.task.input_shape),
            "clip_norm": embedding.clip_norm,
            "rms": embedded.rms,
            "operating_noise_relative": operating_noise,
            "operating_noise_std": operating_noise * embedded.rms,
        },
    )
    return path


def load(path: Path, *, as_one: bool = False) -> tuple[Embedding, dict[str, Any], dict[str, Any]]:
    """Reads what `save` wrote.

    Args:
        path: the embedding's folder.
        as_one: whether the network is to be converted (`models.make`).

    Returns:
        The embedding; its variables, at the operating noise; and the contents of embedding.json. Normalisation of raw
        inputs stands in the variables as `normalisation`: `mean` and `std` (`Samples.normalisation`).

    Raises:
        errors.UserError: the folder holds no embedding, or one of another version.
    """
    if not (path / "embedding.json").exists():
        raise UserError(
            f"{path} holds no embedding: it lies in WORKDIR/embeddings/<layer>/<method> after a run"
        )
    try:
        about = json.loads((path / "embedding.json").read_text())
    except ValueError as error:
        raise UserError(f"{path / 'embedding.json'} is damaged ({error}): run it again") from None
    if about.get("schema") != SCHEMA:
        raise UserError(
            f"{path} has schema {about.get('schema')!r}: expected {SCHEMA}; run it again"
        )
    classes = about["classes"][about["primary"]]
    network = models.make(about["model"], {about["primary"]: len(classes)}, as_one=as_one)
    kind = "pca" if about["reduction"] == "none" else about["reduction"]
    embedding = embed(
        network,
        about["layer"],
        about["method"],
        input_shape=about["input_shape"],
        kind=kind,
        clip_norm=about["clip_norm"],
    )
    variables: dict[str, Any] = {"extractor": {}, "classifier": {}, "reduction": {}}
    with np.load(path / "arrays.npz") as arrays:
        for name in arrays.files:
            *branches, leaf = name.split("/")
            at = variables
            for branch in branches:
                at = at.setdefault(branch, {})
            at[leaf] = jnp.asarray(arrays[name])
    variables["noise_std"] = jnp.float32(about["operating_noise_std"])
    return embedding, variables, about
