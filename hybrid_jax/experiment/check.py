"""Mistakes in a config, found before any work."""

import itertools
from collections.abc import Iterable
from typing import Any, get_args

import ml_collections

from hybrid_jax import losses, plugins
from hybrid_jax.attacks import ATTACKERS
from hybrid_jax.attacks.transfer import cut_after
from hybrid_jax.data import DATASETS, TEST, columns
from hybrid_jax.embedding import METHODS, feature_shape
from hybrid_jax.errors import UserError, unknown
from hybrid_jax.evaluators import EVALUATORS
from hybrid_jax.evaluators.accuracy import SPLIT_NAMES
from hybrid_jax.evaluators.sampling import halves
from hybrid_jax.experiment import fields
from hybrid_jax.fit_reduction import check_dim
from hybrid_jax.models import MODELS, contract
from hybrid_jax.optimizers import OPTIMIZERS, SCHEDULES
from hybrid_jax.privacy.gallery import GALLERIES
from hybrid_jax.privacy.ranking import TIES
from hybrid_jax.stages import split_at
from hybrid_jax.task import Task

ATTACKER_DATA = ("network_train", "unseen", "both")
# Of those a batch is as large as the samples allow.
ATTACK_BUDGETS = ("attack.budget", "reconstruction.budget")
BUDGETS = ("pretrain", "finetune", "retrain", "reduction.autoencoder", "reconstruction.matcher")


def alone(config: ml_collections.ConfigDict) -> None:
    """Raises `UserError` for a value that no data could make right; plugins are imported first."""
    fields.check(config)
    plugins.load(config.get("plugins", ()))
    one_of("data set (config.data.name)", config.data.name, DATASETS)
    one_of("model (config.model.name)", config.model.name, MODELS)
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
    if attack.disjoint:
        kind = "attacker_data that config.attack has too (config.attack.disjoint_data)"
        _all_of(kind, attack.disjoint_data, attack.attacker_data)
    _all_of("split (config.privacy.splits)", config.privacy.splits, SPLIT_NAMES.values())
    for target, attackers in attack.only.items():
        _all_of(f"attacker (config.attack.only.{target})", attackers, ATTACKERS)
    one_of("contrastive convention", config.siamese.convention, get_args(losses.Convention))
    pairs = config.siamese.get("pairs", "all")
    one_of("choice of pairs (config.siamese.pairs)", pairs, get_args(losses.Pairs))
    if pairs == "aligned" and config.finetune.batch_size % 2:
        raise UserError(
            f"config.finetune.batch_size {config.finetune.batch_size}: aligned pairs need an even number"
        )
    one_of("choice (config.stream.when)", config.stream.when, ("auto", "always", "never"))
    grid = config.noise.relative
    if not grid or grid[0] != 0.0 or list(grid) != sorted(set(grid)):
        raise UserError(
            f"config.noise.relative {grid}: a noise grid begins with 0.0 (no noise) and rises; noise is never negative"
        )
    for name, settings in ((name, at(config, name)) for name in (*BUDGETS, *ATTACK_BUDGETS)):
        one_of(f"schedule (config.{name}.schedule)", settings.schedule, SCHEDULES)
        one_of(f"optimizer (config.{name}.optimizer)", settings.optimizer, OPTIMIZERS)
        for field in ("epochs", "learning_rate", "batch_size"):
            _positive(f"config.{name}.{field}", settings[field])
    _positive("config.privacy.num_draws", config.privacy.num_draws)
    for name in ("privacy.uploads", "attack.uploads"):
        for number in at(config, name):
            if not (isinstance(number, int) and number >= 1):
                raise UserError(
                    f"config.{name} {number}: how many uploads are combined is a whole number from 1"
                )
    for name in (
        "seed",
        "stream.workers",
        "privacy.max_queries",
        "privacy.max_gallery",
        "attack.max_windows",
        "reconstruction.max_windows",
        "reduction.clip_norm",
    ):
        if not at(config, name) >= 0:
            raise UserError(f"config.{name} {at(config, name)}: must be 0 or more")
    if not config.sensitive:
        raise UserError(
            "config.sensitive is empty: name what is to stay private, as in ('gender',)"
        )
    one_of("prior (config.privacy.prior)", config.privacy.prior, ("uniform", "empirical"))
    one_of("ties (config.privacy.ties)", config.privacy.ties, TIES)


def with_task(config: ml_collections.ConfigDict, task: Task) -> None:
    """Raises `UserError` for a value that does not go with the data and the network."""
    _check_targets(config, task)
    _check_layers(config, task)
    _check_frozen(config, task)
    _check_attack(config, task)


def _check_targets(config: ml_collections.ConfigDict, task: Task) -> None:
    samples = task.samples
    asked = [
        name
        for name in (config.primary, *config.sensitive)
        # The people of other splits are not those of training, and a number of a person is cut into thirds.
        if name in samples.classes and not (name == "identity" and samples.people_apart)
    ]
    columns.check_classes(samples.dataset, samples.split, samples.columns, samples.classes, asked)


def _check_frozen(config: ml_collections.ConfigDict, task: Task) -> None:
    frozen, layers = config.model.get("frozen", ""), task.network.layers
    if not frozen:
        return
    one_of("stage to freeze (config.model.frozen)", frozen, layers[:-1])
    if getattr(task.samples, "augmented", False):
        raise UserError(
            f"config.model.frozen {frozen}: its output is computed once, so images cannot be augmented; set"
            " config.input.mirror and config.input.crop to nothing, or config.model.frozen=''"
        )
    for layer in config.layers:
        if layers.index(layer) <= layers.index(frozen):
            raise UserError(
                f"layer {layer!r} is frozen (config.model.frozen {frozen!r}): Siamese fine-tuning could not change it;"
                f" split at {' or '.join(layers[layers.index(frozen) + 1 : -1])}"
            )
    if not config.model.get("pretrained", ""):
        raise UserError(
            f"config.model.frozen {frozen}: stages that never learn need weights; name them in config.model.pretrained"
        )


def _check_layers(config: ml_collections.ConfigDict, task: Task) -> None:
    with_weights = contract.stages_with_weights(task.network, task.input_shape)
    siamese = any(METHODS[method].siamese for method in config.methods)
    for layer in (*config.layers, *config.reduction.autoencoder_layers):
        extractor = split_at(task.network, layer).extractor
        if siamese and not with_weights & set(extractor.layers):
            raise UserError(
                f"layer {layer!r} of model {config.model.name}: no stage up to it has weights, so Siamese fine-tuning"
                " could not change it; split later"
            )
        width = 1
        for size in feature_shape(extractor, task.input_shape):
            width *= size
        chosen = config.reduction.dim_at.get(layer, config.reduction.dim)
        for dim in (chosen,) if chosen else config.reduction.dims:
            check_dim(dim, width, layer)
    for section, layer in itertools.product(("contrastive_weight", "margin"), config.layers):
        value = config.siamese.get(section, {}).get(layer)
        if value is None:
            raise UserError(f"config.siamese has no {section} for layer {layer!r}: add one")
        if not value >= 0.0:
            raise UserError(f"config.siamese.{section}.{layer} {value}: must be 0 or more")


def _check_attack(config: ml_collections.ConfigDict, task: Task) -> None:
    attack, layers, test = config.attack, task.network.layers[:-1], task.samples.indices(TEST)
    recording, start = (task.samples.columns[name][test] for name in ("recording", "start"))
    halved = halves(recording, start, task.samples.gap)
    if {"privacy", "attack"} & set(config.evaluators) and not all(map(len, halved)):
        raise UserError(
            f"{task.samples.dataset}: test recordings are too short to be halved, so an adversary has nothing to learn"
            " from, or to be tried on: use longer ones, or a smaller step"
        )
    for target in config.sensitive:
        if not task.samples.known(target)[task.samples.indices(TEST)].any():
            raise UserError(
                f"{task.samples.dataset}: of no test person are there enough images for attacks on {target}: lower"
                " config.data.least_images, from 2"
            )
    for layer in config.layers:
        cut_after(split_at(task.network, layer), attack.freeze)
    _all_of("layer/method (config.attack.unlimited)", attack.unlimited, _each(layers, METHODS))


def _each(layers: Iterable[str], methods: Iterable[str]) -> list[str]:
    return [f"{layer}/{method}" for layer, method in itertools.product(layers, methods)]


def one_of(kind: str, name: str, known: Iterable[str]) -> None:
    """Raises `UserError` unless `name` is among `known`."""
    if name not in known:
        raise unknown(kind, name, known)


def _all_of(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        one_of(kind, name, known)


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise UserError(f"{name} {value}: must be above 0")


def at(config: ml_collections.ConfigDict, name: str) -> Any:
    """The field or section that a path names, as in `attack.budget`."""
    for part in name.split("."):
        config = config[part]
    return config
