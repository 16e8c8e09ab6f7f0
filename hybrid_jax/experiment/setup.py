"""From a config to what runs it. Every mistake in a config is found here, before any work is done."""

import inspect
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import jax
import ml_collections
import numpy as np

from hybrid_jax import losses
from hybrid_jax.attacks import ATTACKERS
from hybrid_jax.attacks.transfer import cut_after
from hybrid_jax.data import DATASETS, TEST, TRAIN, VALIDATION, Windows, attributes
from hybrid_jax.data.stream import fits
from hybrid_jax.embedding import METHODS, feature_shape
from hybrid_jax.errors import UserError, unknown
from hybrid_jax.evaluators import EVALUATORS, AttackSettings, ReconstructionSettings, Settings
from hybrid_jax.evaluators.accuracy import SPLIT_NAMES
from hybrid_jax.evaluators.scenario import check_folds
from hybrid_jax.experiment import workdir
from hybrid_jax.fit_reduction import check_dim
from hybrid_jax.models import MODELS
from hybrid_jax.networks import Training
from hybrid_jax.optimizers import SCHEDULES
from hybrid_jax.phase import Budget
from hybrid_jax.privacy.gallery import GALLERIES
from hybrid_jax.privacy.ranking import TIES
from hybrid_jax.stages import split_at
from hybrid_jax.task import Task

ATTACKER_DATA = ("network_train", "unseen", "both")
# Of those a batch is as large as the samples allow.
ATTACK_BUDGETS = ("attack.budget", "reconstruction.budget")
BUDGETS = ("pretrain", "finetune", "retrain", "reduction.autoencoder", "reconstruction.matcher")


def training(config: ml_collections.ConfigDict, folder: Path) -> Training:
    """Checks the config and the work folder, loads the data, and only then makes the folder.

    Raises:
        errors.UserError: a mistake in the config, a work folder of another config, or data that cannot be read.
    """
    check(config)
    workdir.check(folder, config)
    task = load_task(config)
    _check_layers(config, task)
    _check_attack(config, task)
    if not len(task.windows.indices(VALIDATION)):
        raise UserError(
            "no validation window: they are the last tenth of each training recording, "
            "and every one has fewer than 10 windows; use longer recordings or a smaller step"
        )
    for name in BUDGETS:
        budget(_at(config, name)).steps(len(task.windows.indices(TRAIN)))
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
        _one_of("target", target, attributes.targets(windows))
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


def check(config: ml_collections.ConfigDict) -> None:
    """Raises `UserError` for a value that no data could make right."""
    _one_of("data set (config.data.name)", config.data.name, DATASETS)
    _one_of("model (config.model.name)", config.model.name, MODELS)
    _all_of("method", config.methods, METHODS)
    _all_of("evaluator", config.evaluators, EVALUATORS)
    _all_of("gallery", config.privacy.galleries, GALLERIES)
    attack = config.attack
    for data in (config.privacy.attacker_data, attack.attacker_data, attack.disjoint_data):
        _all_of("attacker_data", data, ATTACKER_DATA)
    for field in ("attackers", "disjoint", "on_validation"):
        _all_of(f"attacker (config.attack.{field})", attack[field], ATTACKERS)
    if not attack.attackers:
        raise UserError("config.attack.attackers is empty: name some, as in ('transfer', 'mlp')")
    _all_of("split (config.privacy.splits)", config.privacy.splits, SPLIT_NAMES.values())
    _one_of("contrastive convention", config.siamese.convention, get_args(losses.Convention))
    _one_of("choice (config.stream.when)", config.stream.when, ("auto", "always", "never"))
    grid = config.noise.relative
    if not grid or grid[0] != 0.0 or list(grid) != sorted(set(grid)):
        raise UserError(
            f"config.noise.relative {grid}: a noise grid begins with 0.0 (no noise) and rises; noise is never negative"
        )
    for name, settings in ((name, _at(config, name)) for name in (*BUDGETS, *ATTACK_BUDGETS)):
        _one_of(f"schedule (config.{name}.schedule)", settings.schedule, SCHEDULES)
        for field in ("epochs", "learning_rate", "batch_size"):
            _positive(f"config.{name}.{field}", settings[field])
    _positive("config.privacy.num_draws", config.privacy.num_draws)
    for name in (
        "seed",
        "stream.workers",
        "privacy.max_queries",
        "privacy.max_gallery",
        "attack.max_windows",
        "reconstruction.max_windows",
        "reduction.clip_norm",
    ):
        if not _at(config, name) >= 0:
            raise UserError(f"config.{name} {_at(config, name)}: must be 0 or more")
    if not config.sensitive:
        raise UserError(
            "config.sensitive is empty: name what is to stay private, as in ('gender',)"
        )
    _one_of("prior (config.privacy.prior)", config.privacy.prior, ("uniform", "empirical"))
    _one_of("ties (config.privacy.ties)", config.privacy.ties, TIES)


def check_all(configs: Iterable[ml_collections.ConfigDict]) -> None:
    """`check` of each, and what only the data tells: it is loaded once for all configs that share it.

    Raises:
        errors.UserError: a mistake in one of them, or data that cannot be read.
    """
    tasks: dict[str, Task] = {}
    for config in configs:
        check(config)
        needed = ("data", "model", "primary", "sensitive", "stream")
        own = repr([*map(config.get, needed), config.privacy.unplanned])
        if own not in tasks:
            tasks[own] = load_task(config)
        _check_layers(config, tasks[own])
        _check_attack(config, tasks[own])


def _check_layers(config: ml_collections.ConfigDict, task: Task) -> None:
    for layer in (*config.layers, *config.reduction.autoencoder_layers):
        extractor = split_at(task.network, layer).extractor
        width = 1
        for size in feature_shape(extractor, task.input_shape):
            width *= size
        for dim in (config.reduction.dim,) if config.reduction.dim else config.reduction.dims:
            check_dim(dim, width, layer)
    for section, layer in itertools.product(("contrastive_weight", "margin"), config.layers):
        value = config.siamese.get(section, {}).get(layer)
        if value is None:
            raise UserError(f"config.siamese has no {section} for layer {layer!r}: add one")
        if not value >= 0.0:
            raise UserError(f"config.siamese.{section}.{layer} {value}: must be 0 or more")


def _check_attack(config: ml_collections.ConfigDict, task: Task) -> None:
    attack, layers = config.attack, task.network.layers[:-1]
    for layer in config.layers:
        cut_after(split_at(task.network, layer), attack.freeze)
    _all_of("layer/method (config.attack.unlimited)", attack.unlimited, _each(layers, METHODS))
    if "attack" in config.evaluators and attack.disjoint:
        test = task.windows.indices(TEST)
        _, first = np.unique(task.labels("identity")[test], return_index=True)
        for target in config.sensitive:
            if target != "identity":
                check_folds(attack.folds, target, task.labels(target)[test[first]])


def _each(layers: Iterable[str], methods: Iterable[str]) -> list[str]:
    return [f"{layer}/{method}" for layer, method in itertools.product(layers, methods)]


def _one_of(kind: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise unknown(kind, name, known)


def _all_of(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        _one_of(kind, name, known)


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise UserError(f"{name} {value}: must be above 0")


def _at(config: ml_collections.ConfigDict, name: str) -> ml_collections.ConfigDict:
    for part in name.split("."):
        config = config[part]
    return config
