"""A run's networks, and what is done with them at each layer: embed, evaluate."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ml_collections
import numpy as np

from hybrid_jax import embedding_files, evaluators, inference
from hybrid_jax.attacks.matcher import Matcher
from hybrid_jax.data.samples import TEST, TRAIN, VALIDATION
from hybrid_jax.embedded import Embedded, LayerFeatures
from hybrid_jax.embedding import METHODS
from hybrid_jax.evaluators.sampling import stratified
from hybrid_jax.evaluators.sequences import operating_level
from hybrid_jax.experiment import rebuilt, setup
from hybrid_jax.figures.feature_space import MOST_POINTS, few
from hybrid_jax.metrics import accuracy
from hybrid_jax.networks import Training
from hybrid_jax.reduction import pca
from hybrid_jax.results import Record, write_arrays, write_json
from hybrid_jax.tradeoff import operating_points

Unit = tuple[str, tuple[str, ...]]  # a layer, and methods that are measured there one after another


def prepare(
    config: ml_collections.ConfigDict, workdir: Path, trainings: Path | None = None
) -> "Experiment":
    """An experiment with its data, and with the networks that serve all layers: trained, or loaded where they are.

    For arguments and errors see `run.run`.
    """
    networks = training(config, workdir, trainings)
    pretrained = networks.pretrained()
    settings = setup.evaluator_settings(config)
    settings = replace(settings, matcher=matcher(config, networks))
    evaluated = evaluations(workdir)  # now: all processes see the same
    simple = networks.simple(pretrained)
    return Experiment(config, networks, settings, workdir, evaluated, pretrained, simple)


def training(config: ml_collections.ConfigDict, workdir: Path, trainings: Path | None) -> Training:
    """How the networks are trained, in the work folder or in `trainings`; see `setup.training`."""
    own = setup.training(config, workdir)
    return replace(own, workdir=trainings, shared=True) if trainings else own


def siamese_settings(config: ml_collections.ConfigDict, layer: str) -> tuple[float, float]:
    """Contrastive weight and margin of the Siamese network of a layer."""
    return config.siamese.contrastive_weight[layer], config.siamese.margin[layer]


def matcher(config: ml_collections.ConfigDict, networks: Training) -> Matcher | None:
    """What re-identifies people, where that is asked."""
    return networks.matcher() if "reconstruction" in config.evaluators else None


def evaluations(workdir: Path) -> frozenset[Path]:
    """The files of records that evaluations have left in a work folder."""
    return frozenset(workdir.glob("evaluated/**/*.json"))


@dataclass(frozen=True)
class Experiment:
    """What one run does at each layer."""

    config: ml_collections.ConfigDict
    training: Training
    settings: evaluators.Settings
    workdir: Path
    evaluated: frozenset[Path]  # files of records that are there from before
    pretrained: dict[str, Any]
    simple: dict[str, Any]

    @property
    def layers(self) -> list[str]:
        """From the device on: tables and orderings go by it, in whatever order they were named."""
        return sorted(self.config.layers, key=self.training.task.network.layers.index)

    def units(self) -> list[Unit]:
        """What is left to evaluate, in parts: a layer's methods of one network, as they share noise-free findings."""
        of_network = {
            siamese: tuple(m for m in self.config.methods if METHODS[m].siamese == siamese)
            for siamese in (False, True)
        }
        return [
            (layer, methods)
            for layer in self.layers
            for methods in of_network.values()
            if not all(self._done(layer, method) for method in methods)
        ]

    def _kinds(self, layer: str) -> tuple[str, ...]:
        more = layer in self.config.reduction.autoencoder_layers
        return ("pca", "autoencoder") if more else ("pca",)

    def _done(self, layer: str, method: str) -> bool:
        kinds = self._kinds(layer) if METHODS[method].reduced else ("pca",)
        return all(
            self._records(layer, method, kind, evaluator) in self.evaluated
            for kind in kinds
            for evaluator in self.config.evaluators
        )

    def _records(self, layer: str, method: str, kind: str, evaluator: str) -> Path:
        own = embedding_files.name(layer, method, kind)
        return self.workdir / "evaluated" / own / f"{evaluator}.json"

    def siamese(self, layer: str) -> dict[str, Any] | None:
        """The network that is fine-tuned for a layer; `None` where no method asks for one."""
        if not any(METHODS[method].siamese for method in self.config.methods):
            return None
        return self.training.siamese(self.pretrained, layer, *siamese_settings(self.config, layer))

    def features(self, layer: str) -> dict[bool, LayerFeatures]:
        """At a layer, by whether the network is Siamese."""
        task = self.training.task
        found = {False: LayerFeatures.extract(task, layer, self.simple, 0.0, None)}
        siamese = self.siamese(layer)
        if siamese is not None:
            settings = siamese_settings(self.config, layer)
            found[True] = LayerFeatures.extract(task, layer, siamese, *settings)
        return found

    def embed(
        self, layer: str, features: dict[bool, LayerFeatures], only: tuple[str, ...] | None = None
    ) -> Iterator[Embedded]:
        """Every method of the config at a layer, with every reduction measured there.

        Args:
            layer: where to split.
            features: see `features`.
            only: these methods; None: all.
        """
        settings = self.config.reduction
        dim = setup.reduced_dim(self.config, layer) or self._choose_dim(features)
        kinds = self._kinds(layer)
        fitted: dict[tuple[bool, str], Any] = {}
        for kind in kinds:
            for name in self.config.methods:
                method = METHODS[name]
                if (not method.reduced and kind != kinds[0]) or (only and name not in only):
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
        for name in self.config.evaluators:
            path = self._records(about.layer, about.method, about.reduction, name)
            if path in self.evaluated:
                records += json.loads(path.read_text())
            else:
                found = list(evaluators.evaluate((name,), embedded, self.settings))
                if embedded.shown and name == "reconstruction":
                    write_arrays(path.parent / rebuilt.FILE, embedded.shown)
                write_json(path, found)
                records += found
        noise = operating_points(records, self.config.noise.tolerance).get(
            (about.layer, about.method, about.reduction)
        )
        if noise is None:  # no accuracy was asked for
            noise = operating_level(embedded, self.settings)
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
