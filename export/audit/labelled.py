"""Labelled inputs that a file is audited on: the test samples of a data set, or arrays that somebody brings."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from export import datasets
from hybrid_jax import audit
from hybrid_jax.data import DATASETS, TEST, Samples, images, windows
from hybrid_jax.errors import UserError
from hybrid_jax.evaluators.sampling import halves, tails
from hybrid_jax.experiment import setup

REQUIRED = ("inputs", "labels")
OPTIONAL = ("primary", "groups", "recording", "start", "window")


@dataclass(frozen=True, eq=False)
class Labelled:
    """Inputs, and what is known of each.

    Attributes:
        name: of the data set or the file, and how its inputs were presented.
        inputs: float32 [N, ...], in raw units (`raw`) or as a network takes them.
        raw: whether they are in raw units.
        targets: the sensitive labels [N] by their names; -1 where one is not known.
        recording: [N] which samples come from one recording, or, of images, from one person.
        start: [N] where in it each begins.
        people: [N] whose each is: intervals are over people.
        primary: [N] the primary label, if it is known.
        window: how far apart starts of one recording are where two samples have nothing in common.
        step: from one start to the next.
    """

    name: str
    inputs: np.ndarray
    raw: bool
    targets: dict[str, np.ndarray]
    recording: np.ndarray
    start: np.ndarray
    people: np.ndarray
    primary: np.ndarray | None = None
    window: int = 1
    step: int = 1

    def known(self, target: str) -> np.ndarray:
        """Numbers of the samples of which a label is known."""
        return np.flatnonzero(self.targets[target] >= 0)

    def parts(self, target: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Numbers of the samples that an attacker learns from, chooses settings by, and is asked about.

        It holds the first half of each recording, and is asked about the rest, after a gap where samples overlap; where
        every recording is one sample, the first half of each class. By the end of what it holds it chooses; of
        recordings too short to have one, by every fourth as a whole, or where classes would be lost with that by
        nothing. A class that it does not hold it is not asked about.

        Raises:
            errors.UserError: no class of which it holds something has others to ask about.
        """
        at, labels = self.known(target), self.targets[target]
        recording, start = self.recording[at], self.start[at]
        tail, gap = images.tail, 0
        if self.window > self.step:  # samples overlap
            tail = partial(windows.validation_tail, window=self.window, step=self.step)
            gap = windows.gap_windows(self.window, self.step)
        if len(np.unique(recording)) == len(at):
            recording, start, gap = labels[at], recording, 0
        held, asked = (at[half] for half in halves(recording, start, gap))
        fit, choose = (held[part] for part in tails(self.recording[held], self.start[held], tail))
        if not len(choose):
            last = np.unique(self.recording[held])[images.CHOOSING - 1 :: images.CHOOSING]
            whole = np.isin(self.recording[held], last)
            if set(labels[held[whole]]) <= set(labels[held[~whole]]):
                fit, choose = held[~whole], held[whole]
        classes = np.intersect1d(labels[fit], labels[asked])
        if len(classes) < 2:
            raise UserError(
                f"{self.name}: of {len(classes)} classes of {target} there are samples to learn from and others to ask"
                " about: an audit needs two such classes, each with two samples or more of a recording"
            )
        return tuple(part[np.isin(labels[part], classes)] for part in (fit, choose, asked))

    def arrays(
        self, z: np.ndarray, target: str, at: np.ndarray, classes: np.ndarray
    ) -> dict[str, np.ndarray]:
        """What `hybrid_jax.audit.measure` takes, of samples `at` with features z [N, d]: see its `OPTIONAL`.

        Groups that are all of a class, or recordings that are, are left out: without them nothing of it would be left.
        """
        labels = np.searchsorted(classes, self.targets[target][at])
        found = {"features": z[at], "labels": labels}
        every = self.known(target)
        for name, column in (("groups", self.people), ("recording", self.recording)):
            pairs = np.unique(np.stack([self.targets[target][every], column[every]]), axis=1)
            if np.unique(pairs[0], return_counts=True)[1].min() > 1:
                found[name] = column[at]
        if "recording" in found:
            found |= {"start": self.start[at], "window": np.array(self.window)}
        return found if self.primary is None else found | {"primary": self.primary[at]}


def of_set(
    name: str,
    shape: tuple[int, ...],
    manifest: Mapping[str, Any] | None,
    directory: str | None = None,
) -> Labelled:
    """The test samples of a data set.

    Args:
        name: of `DATASETS`; or `simulated`: drawn ones of the shape.
        shape: of one input of the file.
        manifest: of the bundle, whose own data set is then prepared as it was for training.
        directory: where the set lies, as `--config.data.dir` names it; by default below $HYBRID_JAX_DATA.

    Raises:
        errors.UserError: an unknown data set, or one that cannot be read.
    """
    found = datasets.settings(name, shape, "FILE.npz")
    name, about = found["name"], (manifest or {}).get("data", {})
    if about.get("data", {}).get("name") != name:
        about = {"data": found}
    known = inspect.signature(DATASETS[name]).parameters
    if directory and "directory" not in known:
        raise UserError(f"--data_dir={directory}: {name} is read from no folder; leave it out")
    settings = about["data"] | ({"dir": directory} if directory else {})
    samples = setup.samples_of(settings, about.get("input"), about.get("seed", 0))
    return _test(samples, (manifest or {}).get("primary"), raw=manifest is not None)


def _test(samples: Samples, primary: str | None, raw: bool) -> Labelled:
    at = samples.indices(TEST)
    at = at[samples.whole[at]]  # one that runs on into the next recording is nobody's alone
    inputs = np.asarray(samples.inputs(samples.data(), jnp.asarray(at)))
    how = "pixels from -1 to 1" if inputs.ndim == 4 else "standardised as for training"
    if raw:
        mean, std = (a[:, None] if inputs.ndim == 3 else a for a in samples.normalisation)
        inputs, how = inputs * std + mean, "normalised as the bundle says"
    targets = {
        name: np.where(samples.known(name), samples.columns[name], -1)[at]
        for name in samples.classes
        if name != primary
    }
    columns = {name: samples.columns[name][at] for name in ("recording", "start")}
    return Labelled(
        name=f"{samples.dataset} ({how})",
        inputs=inputs,
        raw=raw,
        targets=targets,
        people=samples.columns["identity"][at],
        primary=samples.columns[primary][at] if primary in samples.columns else None,
        window=samples.span,
        step=getattr(samples, "step", 1),
        **columns,
    )


def of_file(path: Path, raw: bool) -> Labelled:
    """The arrays of an npz file: `inputs` [N, ...] and `labels` [N], and what else of `OPTIONAL` there is.

    Labels, groups and recordings are numbers or names; a label -1 is one that is not known. Without `recording` those
    of one group are one, and without groups those of one label.

    Raises:
        errors.UserError: no npz file, an array that is missing, unknown or of another length, or `window` without
            `start`.
    """
    arrays = audit.read(path, "--data", REQUIRED, OPTIONAL)
    size = arrays["inputs"].shape[:1]
    if not sum(size):
        raise UserError(f"--data={path}: inputs has shape {arrays['inputs'].shape}: no sample")
    for name, values in arrays.items():
        expected = {"inputs": values.shape, "window": ()}.get(name, size)
        if values.shape != expected:
            raise UserError(f"--data={path}: {name} has shape {values.shape}, not {expected}")
    if "window" in arrays and "start" not in arrays:
        raise UserError(f"--data={path}: window needs start, where in its recording each begins")
    given = arrays["labels"]
    # Of floats, as a table with gaps has them, what is no number is not known either.
    known = (given != -1) & (given == given) if given.dtype.kind in "iuf" else np.full(size, True)
    if not known.any():
        raise UserError(f"--data={path}: not one label is known (all are -1)")
    labels = np.full(len(given), -1)
    labels[known] = _numbered(given[known])
    people = _numbered(arrays.get("groups", arrays.get("recording", np.arange(len(labels)))))
    recording = _numbered(arrays.get("recording", arrays.get("groups", labels)))
    start = arrays.get("start", np.arange(len(labels)))
    order = np.lexsort((start, recording))
    apart = np.diff(start[order])[np.diff(recording[order]) == 0]
    return Labelled(
        name=path.name,
        inputs=np.asarray(arrays["inputs"], np.float32),
        raw=raw,
        targets={"labels": labels},
        recording=recording,
        start=start,
        people=people,
        primary=arrays.get("primary"),
        window=int(arrays.get("window", 1)),
        step=max(
            1,
            int(np.min(apart[apart > 0], initial=np.iinfo(np.int32).max))
            if "window" in arrays
            else 1,
        ),
    )


def _numbered(values: np.ndarray) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1]
