"""`--mode=run`: train, embed, evaluate, report."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ml_collections
import numpy as np

from hybrid_jax import embedding_files, evaluators, inference, mesh, report, results
from hybrid_jax.attacks.matcher import Matcher
from hybrid_jax.data.samples import TEST, TRAIN, VALIDATION
from hybrid_jax.embedded import Embedded, LayerFeatures
from hybrid_jax.embedding import METHODS
from hybrid_jax.errors import UserError
from hybrid_jax.evaluators.sampling import stratified
from hybrid_jax.experiment import rebuilt, setup
from hybrid_jax.figures.feature_space import MOST_POINTS, few
from hybrid_jax.metrics import accuracy, operating_noise
from hybrid_jax.networks import Training
from hybrid_jax.reduction import pca
from hybrid_jax.results import Record, select, write_arrays, write_json
from hybrid_jax.tradeoff import tradeoff_area_records

SIAMESE = ("contrastive_weight", "margin")  # what a Siamese network is given at its layer


@mesh.over_all_devices()
def run(
    config: ml_collections.ConfigDict, workdir: Path, command: str, trainings: Path | None = None
) -> list[Path]:
    """The experiment of one seed, from where a killed run of it stopped.

    Args:
        config: see `configs/activity.py`.
        workdir: the work folder.
        command: the command line, kept in results.json.
        trainings: where the networks are trained, if that is shared with other work folders (`sweep`).

    Returns:
        The files that report the results.

    Raises:
        errors.UserError: a mistake in the config, the work folder or the data, before anything is changed; a training
            that diverges.
    """
    training = _training(config, workdir, trainings)
    on_device = _on_device(workdir)
    pretrained = training.pretrained()
    settings = setup.evaluator_settings(config)
    settings = replace(settings, matcher=_matcher(config, training))
    evaluated = frozenset(workdir.glob("evaluated/**/*.json"))  # now: all processes see the same
    experiment = Experiment(config, training, settings, workdir, evaluated)
    simple = training.simple(pretrained)
    records: list[Record] = []
    spaces = {}
    # From the device on: tables and orderings go by it, in whatever order they were named.
    for layer in sorted(config.layers, key=training.task.network.layers.index):
        features = {False: LayerFeatures.extract(training.task, layer, simple, 0.0, None)}
        if any(METHODS[method].siamese for method in config.methods):
            weight, margin = (config.siamese[name][layer] for name in SIAMESE)
            siamese = training.siamese(pretrained, layer, weight, margin)
            features[True] = LayerFeatures.extract(training.task, layer, siamese, weight, margin)
            spaces[layer] = experiment.feature_space(features)
        for embedded in experiment.embed(layer, features):
            records += experiment.evaluate(embedded)
    records += tradeoff_area_records(records) + on_device
    shown = rebuilt.read(workdir / "evaluated")
    return report.write(workdir, command, config.to_dict(), records, spaces, rebuilt=shown)


@mesh.over_all_devices()
def train(
    config: ml_collections.ConfigDict, workdir: Path, trainings: Path, layer: str | None = None
) -> None:
    """Trains in `trainings` what a `run` would: the baseline, or with a layer its Siamese network."""
    training = _training(config, workdir, trainings)
    pretrained = training.pretrained()
    if layer is None:
        training.simple(pretrained)
        _matcher(config, training)
    else:
        training.siamese(pretrained, layer, *(config.siamese[name][layer] for name in SIAMESE))


def _on_device(workdir: Path) -> list[Record]:
    """What `export.benchmark` has added to the results of an earlier start: no run measures it anew."""
    if not (workdir / "results.json").exists():
        return []
    try:
        return select(results.read(workdir)["records"], evaluator=results.DEVICE)
    except UserError as error:
        raise UserError(f"{error}; remove it first") from None


def _matcher(config: ml_collections.ConfigDict, training: Training) -> Matcher | None:
    """What re-identifies people, where that is asked."""
    return training.matcher() if "reconstruction" in config.evaluators else None


def _training(config: ml_collections.ConfigDict, workdir: Path, trainings: Path | None) -> Training:
    training = setup.training(config, workdir)
    return replace(training, workdir=trainings, shared=True) if trainings else training


@dataclass(frozen=True)
class Experiment:
    """What one run does at each layer."""

    config: ml_collections.ConfigDict
    training: Training
    settings: evaluators.Settings
    workdir: Path
    evaluated: frozenset[Path]  # files of records that an earlier start has left

    def embed(self, layer: str, features: dict[bool, LayerFeatures]) -> Iterator[Embedded]:
        """Every method of the config at a layer, with every reduction measured there.

        Args:
            layer: where to split.
            features: by whether the network is Siamese.
        """
        settings = self.config.reduction
        dim = setup.reduced_dim(self.config, layer) or self._choose_dim(features)
        kinds = ("pca", "autoencoder") if layer in settings.autoencoder_layers else ("pca",)
        fitted: dict[tuple[bool, str], Any] = {}
        for kind in kinds:
            for name in self.config.methods:
                method = METHODS[name]
                if not method.reduced and kind != kinds[0]:
                    continue
                family = features[method.siamese]
                if method.reduced and (method.siamese, kind) not in fitted:
                    budget = setup.budget(settings.autoencoder)
                    fitted[method.siamese, kind] = family.reduce(
                        kind, dim, self.training.key, budget
                    )
                reduction = fitted.get((method.siamese, kind))
                yield family.embed(
                    name, kind, reduction, self.training.key, settings.clip_norm or None
                )

    def evaluate(self, embedded: Embedded) -> list[Record]:
        """Measures an embedding, and writes it to the work folder with its operating noise.

        Each evaluator's records are kept as soon as they are known: a killed run goes on with the next one.
        """
        about, records = embedded.embedding, []
        own = embedding_files.name(about.layer, about.method, about.reduction)
        for name in self.config.evaluators:
            path = self.workdir / "evaluated" / own / f"{name}.json"
            if path in self.evaluated:
                records += json.loads(path.read_text())
            else:
                found = list(evaluators.evaluate((name,), embedded, self.settings))
                if embedded.shown and name == "reconstruction":
                    write_arrays(path.parent / rebuilt.FILE, embedded.shown)
                write_json(path, found)
                records += found
        noise = 0.0
        known = {"evaluator": "accuracy", "metric": "accuracy", "split": "validation"}
        on_validation = select(records, **known, cloud="original")
        if embedded.noisy and on_validation:
            grid = [record["noise_relative"] for record in on_validation]
            noise = operating_noise(
                grid, [record["value"] for record in on_validation], self.config.noise.tolerance
            )
        embedding_files.save(self.workdir, embedded, self.config.model.to_dict(), noise)
        return records

    def feature_space(self, features: dict[bool, LayerFeatures]) -> dict[str, np.ndarray]:
        """Test features in their first two principal components, before and after fine-tuning (paper, Fig. 4)."""
        samples, task = self.training.task.samples, self.training.task
        index = features[False].index[TEST]
        target = self.config.sensitive[0]
        strata = [task.labels(name)[index] for name in (task.primary, target)]
        shown = stratified(strata, MOST_POINTS, self.config.seed)

        def plane(family: LayerFeatures) -> np.ndarray:
            axes = pca.fit(np.asarray(family.features[TRAIN]), 2)
            return np.asarray(pca.project(axes, family.features[TEST][shown]))

        names = {
            name: few(np.array(samples.classes[name])[task.labels(name)[index[shown]]])
            for name in (task.primary, target)
        }
        return {
            "before": plane(features[False]),
            "after": plane(features[True]),
            "primary": names[task.primary],
            "sensitive": names[target],
        }

    def _choose_dim(self, features: dict[bool, LayerFeatures]) -> int:
        family = features[max(features)]
        dims = sorted(self.config.reduction.dims)
        budget = setup.budget(self.config.reduction.autoencoder)
        full = family.reduce("pca", dims[-1], self.training.key, budget)
        scores = {}
        for dim in dims:
            # The first components of a fit are those of a smaller one.
            nested = {**full, "components": full["components"][:dim]}
            embedded = family.embed("reduced", "pca", nested, self.training.key)
            found = inference.predictions(
                embedded.embedding, embedded.variables, embedded.z[VALIDATION]
            )
            labels = embedded.labels(self.training.task.primary, VALIDATION)
            scores[dim] = accuracy(np.asarray(found), labels)
        return choose_dim(scores, self.config.tune.tolerance)


def choose_dim(accuracies: dict[int, float], tolerance: float) -> int:
    """The smallest dimension whose validation accuracy is within `tolerance` of the best one's."""
    enough = max(accuracies.values()) - tolerance
    return min(dim for dim, value in accuracies.items() if value >= enough)
