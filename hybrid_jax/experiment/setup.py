"""From a config to what runs it. Every mistake is found first, before any work is done."""

import inspect
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import ml_collections

from hybrid_jax import models
from hybrid_jax.data import DATASETS, TRAIN, VALIDATION, Images, Samples, attributes
from hybrid_jax.data.columns import check_columns
from hybrid_jax.data.stream import fits
from hybrid_jax.embedded import DividedTask
from hybrid_jax.errors import UserError
from hybrid_jax.evaluators import AttackSettings, ReconstructionSettings, Settings, feasible
from hybrid_jax.experiment import check, trial, workdir
from hybrid_jax.models import contract
from hybrid_jax.models.pretrained import load as load_weights
from hybrid_jax.networks import Training
from hybrid_jax.phase import Budget
from hybrid_jax.task import Task


def training(config: ml_collections.ConfigDict, folder: Path) -> Training:
    """Checks the config and the work folder, loads the data, and only then makes the folder.

    Raises:
        errors.UserError: a mistake in the config, a work folder of another config, or data that cannot be read.
    """
    check.alone(config)
    workdir.check(folder, config)
    task = load_task(config)
    check.with_task(config, task)
    _check_attacks(config, task)
    start = pretrained(config, task)
    if not len(task.samples.indices(VALIDATION)):
        raise UserError(
            "no validation window: they are the last tenth of each training recording, "
            "and every one has fewer than 10 windows; use longer recordings or a smaller step"
        )
    for name in check.BUDGETS:
        budget(check.at(config, name)).steps(len(task.samples.indices(TRAIN)))
    for name in check.ATTACK_BUDGETS:  # whether the devices can share a batch
        own = budget(check.at(config, name))
        own.steps(own.batch_size)
    workdir.create(folder, config)
    return Training(
        task=task,
        workdir=folder,
        key=jax.random.key(config.seed),
        pretrain_budget=budget(config.pretrain),
        finetune_budget=budget(config.finetune),
        matcher_budget=budget(config.reconstruction.matcher),
        convention=config.siamese.convention,
        pairs=config.siamese.get("pairs", "all"),
        start=start,
        complete=start is not None and not config.model.get("fresh", ()),
        frozen=config.model.get("frozen", ""),
    )


def pretrained(config: ml_collections.ConfigDict, task: Task) -> dict[str, Any] | None:
    """The variables of the file that the config names; `None` where it names none.

    Raises:
        errors.UserError: no such file, or weights of another network.
    """
    path = config.model.get("pretrained", "")
    if not path:
        return None
    root, named = os.environ.get("HYBRID_JAX_DATA"), Path(path).expanduser()
    if root and not named.exists():
        named = Path(root).expanduser() / path
    if not named.exists():
        raise UserError(
            f"config.model.pretrained {path}: no such file, neither here nor in HYBRID_JAX_DATA ({root or 'unset'});"
            " name the weights, or set it to '' to train from scratch"
        )
    fresh = jax.eval_shape(task.init, jax.random.key(0))
    stages = tuple(config.model.get("fresh", ()))
    given = task.init(jax.random.key(config.seed)) if stages else fresh
    return load_weights(named, config.model.name, given, stages)


def load_samples(config: ml_collections.ConfigDict) -> Samples:
    """The data set of a config's `data` section, as its `input` section presents it."""
    presented = config.get("input")
    return samples_of(config.data.to_dict(), presented and presented.to_dict(), config.seed)


def samples_of(data: dict[str, Any], presented: dict[str, Any] | None, seed: int) -> Samples:
    """A data set.

    Args:
        data: its name in `DATASETS`, and what that takes; `dir` is its folder.
        presented: of images, how (`Images.presented`); by default from -1 to 1.
        seed: for what the data set leaves open.

    Raises:
        errors.UserError: a setting that it does not take, or data that cannot be read.
    """
    settings = dict(data)
    name = settings.pop("name")
    for field in ("labels", "sensors"):
        if isinstance(settings.get(field), str):
            raise UserError(
                f"config.data.{field} {settings[field]!r}: give several, as in ({settings[field]!r},)"
            )
    known = inspect.signature(DATASETS[name]).parameters
    if "dir" in settings and "dir" not in known:
        settings["directory"] = settings.pop("dir") or None
    if "seed" in known:  # what the config leaves open, the run's seed decides
        settings.setdefault("seed", seed)
    if strange := settings.keys() - known.keys():
        raise UserError(
            f"config.data has {', '.join(sorted(strange))}, which data set {name!r} does not take: it takes"
            f" {', '.join(n for n, p in known.items() if p.kind is not p.VAR_KEYWORD)}"
        )
    needed = [n for n, p in known.items() if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    if missing := [n for n in needed if n not in settings]:
        raise UserError(
            f"config.data has no {', '.join(missing)}, which data set {name!r} needs: add it"
        )
    samples = DATASETS[name](**settings)
    if not isinstance(samples, Samples):
        raise UserError(
            f"data set {name!r} gives {type(samples).__name__}: return Samples, as data.from_arrays makes them"
        )
    check_columns(samples)
    if isinstance(samples, Images):
        return samples.presented(**(presented or {"scale": "symmetric"}))
    return samples


def load_task(config: ml_collections.ConfigDict) -> Task:
    """The data set, and the network for its primary label."""
    samples = load_samples(config)
    for target in (config.primary, *config.sensitive, *config.privacy.unplanned):
        check.one_of("target", target, attributes.targets(samples))
    models.check_input(config.model.name, samples.input_shape, samples.dataset)
    classes = {config.primary: len(samples.classes[config.primary])}
    workers = config.stream.workers if _streams(config, samples) else None
    network = models.make(config.model.to_dict(), classes)
    about = network, samples.input_shape, classes[config.primary], samples.dataset
    contract.check(config.model.name, *about)
    return Task(network, samples, config.primary, config.refit, workers)


def _streams(config: ml_collections.ConfigDict, samples: Samples) -> bool:
    if config.stream.when == "auto":
        return not fits(sum(array.nbytes for array in samples.arrays.values()))
    return config.stream.when == "always"


def budget(settings: ml_collections.ConfigDict) -> Budget:
    """A `Budget` from its section of the config."""
    return Budget(**settings.to_dict())


def reduced_dim(config: ml_collections.ConfigDict, layer: str) -> int:
    """To how many dimensions features of a layer are reduced; 0: as many as validation says."""
    return config.reduction.dim_at.get(layer, config.reduction.dim)


def evaluator_settings(config: ml_collections.ConfigDict) -> Settings:
    """What the evaluators are told."""
    return Settings(
        seed=config.seed,
        noise_relative=tuple(config.noise.relative),
        tolerance=config.noise.tolerance,
        sensitive=tuple(config.sensitive),
        retrain=budget(config.retrain),
        attack=AttackSettings(**_with_budgets(config.attack)),
        reconstruction=ReconstructionSettings(**_with_budgets(config.reconstruction)),
        **config.privacy.to_dict(),
    )


def _with_budgets(section: ml_collections.ConfigDict) -> dict[str, Any]:
    """A section of the config whose own sections are budgets."""
    return {
        name: budget(section[name]) if name in ("budget", "matcher") else value
        for name, value in section.to_dict().items()
    }


def check_all(configs: Iterable[ml_collections.ConfigDict]) -> None:
    """`check.alone` of each, and what only the data tells: it is loaded once for all configs that share it.

    Raises:
        errors.UserError: a mistake in one of them, or data that cannot be read.
    """
    tasks: dict[str, Task] = {}
    tried = set()
    for config in configs:
        check.alone(config)
        needed = ("data", "input", "model", "primary", "sensitive", "stream")
        own = repr([*map(config.get, needed), config.privacy.unplanned])
        if own not in tasks:
            tasks[own] = load_task(config)
        check.with_task(config, tasks[own])
        if (attack := repr([own, config.layers, config.evaluators, config.attack])) not in tried:
            _check_attacks(config, tasks[own])
            tried.add(attack)


def _check_attacks(config: ml_collections.ConfigDict, task: Task) -> None:
    if "attack" in config.evaluators:
        feasible.check(DividedTask.of(task), evaluator_settings(config))
    trial.attackers(config, task)
