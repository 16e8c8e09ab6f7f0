"""From a config to what runs it. Every mistake is found first, before any work is done."""

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import ml_collections

from hybrid_jax.data import DATASETS, TRAIN, VALIDATION, Windows, attributes
from hybrid_jax.data.stream import fits
from hybrid_jax.errors import UserError
from hybrid_jax.evaluators import AttackSettings, ReconstructionSettings, Settings
from hybrid_jax.experiment import check, workdir
from hybrid_jax.models import MODELS
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
    if not len(task.windows.indices(VALIDATION)):
        raise UserError(
            "no validation window: they are the last tenth of each training recording, "
            "and every one has fewer than 10 windows; use longer recordings or a smaller step"
        )
    for name in check.BUDGETS:
        budget(check.at(config, name)).steps(len(task.windows.indices(TRAIN)))
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
    )


def load_task(config: ml_collections.ConfigDict) -> Task:
    """The data set, and the network for its primary label."""
    settings = dict(config.data)
    name = settings.pop("name")
    known = inspect.signature(DATASETS[name]).parameters
    if "dir" in settings:
        settings["directory"] = settings.pop("dir") or None
    if strange := settings.keys() - known.keys():
        raise UserError(
            f"config.data has {', '.join(sorted(strange))}, which data set {name!r} does not take: "
            f"begin with its own preset, as in configs/activity.py:simulated"
        )
    windows = DATASETS[name](**settings)
    for target in (config.primary, *config.sensitive, *config.privacy.unplanned):
        check.one_of("target", target, attributes.targets(windows))
    settings = dict(config.model)
    make = MODELS[settings.pop("name")]
    return Task(
        make({config.primary: len(windows.classes[config.primary])}, **settings),
        windows,
        config.primary,
        config.refit,
        config.stream.workers if _streams(config, windows) else None,
    )


def _streams(config: ml_collections.ConfigDict, windows: Windows) -> bool:
    if config.stream.when == "auto":
        return not fits(windows.rows.nbytes)
    return config.stream.when == "always"


def budget(settings: ml_collections.ConfigDict) -> Budget:
    """A `Budget` from its section of the config."""
    return Budget(**settings.to_dict())


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
        name: budget(value) if isinstance(value, ml_collections.ConfigDict) else value
        for name, value in section.items()
    }


def check_all(configs: Iterable[ml_collections.ConfigDict]) -> None:
    """`check.alone` of each, and what only the data tells: it is loaded once for all configs that share it.

    Raises:
        errors.UserError: a mistake in one of them, or data that cannot be read.
    """
    tasks: dict[str, Task] = {}
    for config in configs:
        check.alone(config)
        needed = ("data", "model", "primary", "sensitive", "stream")
        own = repr([*map(config.get, needed), config.privacy.unplanned])
        if own not in tasks:
            tasks[own] = load_task(config)
        check.with_task(config, tasks[own])
