"""What is exported: an embedding of a work folder, and the data that it is checked on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from export import datasets
from export.halves import Half, cloud_half, device_half, on_premise
from hybrid_jax import embedding_files
from hybrid_jax.data.samples import TEST, TRAIN, VALIDATION
from hybrid_jax.embedding import METHODS, Embedding
from hybrid_jax.errors import UserError, unknown
from hybrid_jax.experiment import setup, workdir
from hybrid_jax.reduction import KINDS
from hybrid_jax.task import Task

ON_PREMISE = "on_premise"
REPRESENTATIVE = 256  # training inputs that int8's ranges are found on


@dataclass(frozen=True, eq=False)
class Source:
    """An embedding to export.

    Attributes:
        workdir: where it was trained.
        method: one of `METHODS`, or `on_premise`: the whole network on the phone.
        embedding: each layer of its network one operation, as converters know it.
        measured: the same as the experiment has measured it, each layer as it is fast.
        variables: with the noise that is shipped.
        about: its embedding.json.
        data: a data set of `DATASETS` that files are tried on instead of the run's own, where that is not at hand.
    """

    workdir: Path
    method: str
    embedding: Embedding
    measured: Embedding
    variables: dict[str, Any]
    about: dict[str, Any]
    data: str | None = None

    @property
    def noise_std(self) -> float:
        """Of the noise that is added on the phone; 0 for a method without."""
        return float(self.variables["noise_std"]) if self.noisy else 0.0

    @property
    def noisy(self) -> bool:
        """Whether the phone adds noise."""
        return self.method in METHODS and METHODS[self.method].noisy

    @property
    def device(self) -> Half:
        """What runs on the phone."""
        return self._device(self.embedding)

    @property
    def cloud(self) -> Half | None:
        """What runs on the server; `None` where all runs on the phone."""
        return self._cloud(self.embedding)

    @property
    def as_measured(self) -> tuple[Half, Half | None]:
        """`device` and `cloud` as the experiment has measured them: what files are compared with."""
        return self._device(self.measured), self._cloud(self.measured)

    def _device(self, embedding: Embedding) -> Half:
        make = on_premise if self.method == ON_PREMISE else device_half
        return make(embedding, self.variables, tuple(self.about["input_shape"]))

    def _cloud(self, embedding: Embedding) -> Half | None:
        return None if self.method == ON_PREMISE else cloud_half(embedding, self.variables)

    @cached_property
    def config(self) -> Any:
        """The work folder's, of the data that files are tried on.

        Raises:
            errors.UserError: the folder has none, or `data` is no data set.
        """
        config = workdir.read(self.workdir)
        if self.data:
            config.data = datasets.settings(self.data, tuple(self.about["input_shape"]))
            if config.get("input"):
                config.input.update(crop=0, mirror=False)
        return config

    @cached_property
    def task(self) -> Task:
        """The data of `config`, and its network.

        Raises:
            errors.UserError: data that cannot be read, or that is not of the shape and the classes of the run's.
        """
        task, about = setup.load_task(self.config), self.about
        here = task.input_shape, task.samples.classes[about["primary"]]
        there = tuple(about["input_shape"]), tuple(about["classes"][about["primary"]])
        if (tuple(here[0]), tuple(here[1])) != there:
            raise UserError(
                f"--data={self.data}: has inputs {here[0]} and classes {', '.join(here[1])}; the run's are "
                f"{there[0]} and {', '.join(there[1])}"
            )
        return task

    def inputs(self, split: int, most: int) -> np.ndarray:
        """[n, ...] standardised inputs of a split, `most` of them at most, evenly spread."""
        every = self.task.samples.indices(split)
        at = every[np.linspace(0, len(every) - 1, min(most, len(every))).astype(int)]
        return self.at(at)

    def at(self, numbers: np.ndarray) -> np.ndarray:
        """[n, ...] standardised inputs of the samples of these numbers [n]."""
        samples = self.task.samples
        return np.asarray(samples.inputs(samples.data(), jnp.asarray(numbers)))

    def representative(self) -> Iterator[np.ndarray]:
        """Training inputs [1, ...], what int8's ranges are found on."""
        yield from self.inputs(TRAIN, REPRESENTATIVE)[:, None]

    def tried(self, most: int) -> np.ndarray:
        """[n, ...] inputs that files are tried on: of the test split, and where that has fewer, of the others."""
        found: list[np.ndarray] = []
        for split in (TEST, VALIDATION, TRAIN):
            if missing := most - sum(map(len, found)):
                found.append(self.inputs(split, missing))
        return np.concatenate(found)


def load(
    folder: Path,
    method: str,
    layer: str | None,
    reduction: str | None = None,
    noise_std: float | None = None,
) -> Source:
    """An embedding of a work folder; without `noise_std` at its operating noise.

    Raises:
        errors.UserError: an unknown reduction, a folder without such an embedding, a layer of on_premise, a noise that
            is negative or that the method has not, or none where the operating noise is none.
    """
    kind = reduction or KINDS[0]
    if kind not in KINDS:
        raise unknown("reduction", kind, KINDS)
    if not (folder / "embeddings").is_dir():
        raise UserError(
            f"--workdir={folder} holds no embeddings: name the folder of a run that has finished"
        )
    known = {
        (f.parent.parent.name, f.parent.name): f.parent
        for f in folder.glob("embeddings/*/*/embedding.json")
    }
    if method == ON_PREMISE:
        if layer is not None:
            raise UserError(f"--layer={layer}: {ON_PREMISE} is the whole network; leave it out")
        wanted = next(
            (path for (at, name), path in sorted(known.items()) if name == "simple"), None
        )
        if wanted is None:
            raise UserError(
                f"--workdir={folder} has no simple embedding, whose network on_premise is"
            )
    else:
        if method not in METHODS:
            raise unknown("method", method, (*METHODS, ON_PREMISE))
        if layer is None:
            raise UserError(
                f"--layer is missing: one of {', '.join(sorted({at for at, _ in known}))}"
            )
        name = embedding_files.name(layer, method, kind if METHODS[method].reduced else "none")
        wanted = folder / "embeddings" / name
        if not (wanted / "embedding.json").is_file():
            there = sorted("/".join(own) for own in known)
            raise UserError(
                f"--workdir={folder} has no embedding {name}: it has {', '.join(there)}"
            )
    workdir.read(folder)  # networks of the user's own are then known
    embedding, variables, about = embedding_files.load(wanted, as_one=True)
    measured, _, _ = embedding_files.load(wanted)
    source = Source(folder, method, embedding, measured, variables, about)
    if noise_std is not None:
        if not 0 <= noise_std < np.inf or (noise_std > 0 and not source.noisy):
            raise UserError(
                f"--noise_std={noise_std:g}: "
                + (
                    "a standard deviation is 0 or more"
                    if not 0 <= noise_std < np.inf
                    else f"{method} adds no noise"
                )
            )
        source.variables["noise_std"] = jnp.float32(noise_std)
    elif source.noisy and not source.noise_std:
        raise UserError(
            f"{method} at {layer} has an operating noise of 0: give the noise with --noise_std; 0 ships none"
        )
    return source


def chosen(folder: Path, point: Mapping[str, Any]) -> Source:
    """The embedding of a work folder at a point that `hybrid_jax.choice` has chosen.

    Raises:
        errors.UserError: see `load`; or the folder's is of another setting, as in a sweep.
    """
    reduced = point["reduction"] != "none"
    found = load(
        folder,
        point["method"],
        point["layer"],
        point["reduction"] if reduced else None,
        point["noise_std"] or None,
    )
    for name in ("contrastive_weight", "margin", *(["reduced_dim"] if reduced else [])):
        if found.about[name] != point[name]:
            raise UserError(
                f"--workdir={folder} has {point['method']} at {point['layer']} with {name} {found.about[name]}, "
                f"the choice is of {point[name]}: name the work folder of that setting"
            )
    return found
