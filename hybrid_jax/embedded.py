"""A trained network embedded at one layer by one method, on the data it is judged on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import fit_reduction, inference, noise, rng
from hybrid_jax.data.samples import TEST, TRAIN, VALIDATION
from hybrid_jax.embedding import METHODS, Embedding, embed, network_variables
from hybrid_jax.phase import Budget
from hybrid_jax.stages import own_variables, split_at
from hybrid_jax.task import Task

AT_ONCE = 4096  # samples of `predicted`; more come in multiples of it
SPLITS = (TRAIN, VALIDATION, TEST)


@dataclass(frozen=True, eq=False)
class DividedTask:
    """A task and which samples each split has: all that tells what an adversary holds.

    Attributes:
        task: network and data.
        index: numbers of the samples in each split.
    """

    task: Task
    index: Mapping[int, np.ndarray]

    @classmethod
    def of(cls, task: Task) -> "DividedTask":
        """Every split as it is."""
        return cls(task, {split: task.samples.indices(split) for split in SPLITS})

    def labels(self, target: str, split: int) -> np.ndarray:
        """[n] labels of the samples of a split."""
        return self.task.labels(target)[self.index[split]]

    def known(self, target: str, split: int) -> np.ndarray:
        """Places [m] in a split of those that an adversary after `target` can be asked about (`Samples.known`)."""
        return np.flatnonzero(self.task.samples.known(target)[self.index[split]])

    def classes(self, target: str, splits: Iterable[int]) -> np.ndarray:
        """Labels [K] of a target that its known samples in these splits have: where people are apart, only theirs."""
        found = [self.labels(target, split)[self.known(target, split)] for split in splits]
        return np.unique(np.concatenate(found))


@dataclass(frozen=True, eq=False)
class Embedded(DividedTask):
    """An embedding with its variables and its exclusive features.

    Attributes:
        embedding: the pair of functions.
        variables: what they take; without noise.
        z: [n, d] noise-free exclusive features of each split's samples, in the order of `index`.
        contrastive_weight: what the network was fine-tuned with; 0 for one that is not Siamese.
        margin: the same; `None` for one that is not Siamese.
        key: root of every noise draw: a draw depends on it, the draw's number and the sample's number only.
        noise_free_records: what was found of the feature without noise, by whoever has found it. Methods that differ in
            noise alone share it.
        shown: arrays for figures that evaluators leave beside their records.
    """

    embedding: Embedding
    variables: dict[str, Any]
    z: Mapping[int, jax.Array]
    contrastive_weight: float
    margin: float | None
    key: jax.Array
    noise_free_records: dict = field(default_factory=dict, repr=False)
    shown: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    _predicted: dict = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def rms(self) -> float:
        """Root mean square of the centred training features, per coordinate: the unit of `noise_relative`."""
        z = np.asarray(self.z[TRAIN], np.float64)
        return float(np.sqrt(np.mean(np.square(z - z.mean(axis=0)))))

    @property
    def noisy(self) -> bool:
        """Whether the method adds noise."""
        return METHODS[self.embedding.method].noisy

    @property
    def network_variables(self) -> dict[str, Any]:
        """Of the whole network."""
        return network_variables(self.variables)

    def predictions(self, split: int, noise_std: np.ndarray, num_draws: int) -> np.ndarray:
        """[S, G, n] classes that the cloud half gives the noisy features of a split; S is 1 where no noise is added.

        Kept: accuracy and the floors of privacy ask for the same.
        """
        draws = num_draws if np.any(noise_std > 0) else 1
        asked = (split, tuple(noise_std), draws)
        if asked not in self._predicted:
            self._predicted[asked] = inference.noisy_predictions(
                self.embedding,
                self.variables,
                [self.variables["classifier"]] * len(noise_std),
                self.z[split],
                self.index[split],
                self.key,
                noise_std,
                draws,
            )
        return self._predicted[asked]

    def predicted(self, split: int, at: np.ndarray, noise_std: float) -> np.ndarray:
        """[m] classes that the cloud half gives the noisy features of samples at places [m] of a split, in one draw."""
        size = len(at)
        at = np.resize(at, -(-size // AT_ONCE) * AT_ONCE)  # few sizes: each is compiled for
        return inference.noisy_predictions(
            self.embedding,
            self.variables,
            [self.variables["classifier"]],
            self.z[split][at],
            self.index[split][at],
            self.key,
            np.array([noise_std]),
            1,
        )[0, 0, :size]

    def uploads(self, split: int, at: np.ndarray, noise_std: float) -> jax.Array:
        """[m, d] features of samples at places [m] of a split, with the noise that accuracy and privacy draw first."""
        clean, index = self.z[split][at], jnp.asarray(self.index[split][at])
        normal = noise.standard_normal(jax.random.fold_in(self.key, 0), index, clean.shape[1])
        return noise.add(clean, jnp.float32(noise_std), normal)

    def fields(self) -> dict[str, Any]:
        """The fields of a result record that say what was embedded."""
        return {
            "dataset": self.task.samples.dataset,
            "split_kind": self.task.samples.split_kind,
            "method": self.embedding.method,
            "layer": self.embedding.layer,
            "reduction": self.embedding.reduction,
            "reduced_dim": int(self.z[TRAIN].shape[1]),
            "contrastive_weight": self.contrastive_weight,
            "margin": self.margin,
        }


@dataclass(frozen=True, eq=False)
class LayerFeatures:
    """Intermediate features of one network at one layer, on all samples that are used.

    Attributes:
        task: network and data.
        layer: where the network is split.
        network_variables: of the whole network.
        contrastive_weight: what it was fine-tuned with; 0 for one that is not Siamese.
        margin: the same; `None` for one that is not Siamese.
        index: numbers of the samples in each split.
        features: [n, D] flattened outputs of the layer for each split's samples, in the order of `index`.
    """

    task: Task
    layer: str
    network_variables: dict[str, Any]
    contrastive_weight: float
    margin: float | None
    index: Mapping[int, np.ndarray]
    features: Mapping[int, jax.Array]
    _noise_free_records: dict = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def extract(
        cls,
        task: Task,
        layer: str,
        variables: dict[str, Any],
        contrastive_weight: float,
        margin: float | None,
    ) -> "LayerFeatures":
        """Runs the device half, in eval mode, on the training, validation and test samples."""
        extractor = split_at(task.network, layer).extractor
        variables_below = own_variables(extractor, variables)
        inputs, data = task.samples.inputs, task.samples.data()
        index = DividedTask.of(task).index
        features = {
            split: inference.outputs(extractor, variables_below, jnp.asarray(at), inputs, data)
            for split, at in index.items()
        }
        features = {split: found.reshape(len(found), -1) for split, found in features.items()}
        return cls(task, layer, variables, contrastive_weight, margin, index, features)

    def reduce(self, kind: str, dim: int, key: jax.Array, budget: Budget) -> dict[str, jax.Array]:
        """Fits a reduction to the training features."""
        return fit_reduction.fit(
            kind, self.features[TRAIN], dim, rng.named(key, "reduction", self.layer), budget
        )

    def embed(
        self,
        method: str,
        kind: str,
        reduction: dict[str, jax.Array] | None,
        key: jax.Array,
        clip_norm: float | None = None,
    ) -> Embedded:
        """Embeds by `method`; `reduction` is what `reduce(kind, ...)` gave, for a method that reduces."""
        embedding = embed(
            self.task.network,
            self.layer,
            method,
            input_shape=self.task.input_shape,
            kind=kind,
            clip_norm=clip_norm,
        )
        variables = embedding.bind(
            self.network_variables, reduction if METHODS[method].reduced else None
        )
        z = {
            split: embedding.reduce(variables, feature) for split, feature in self.features.items()
        }
        dim = z[TRAIN].shape[1]
        return Embedded(
            embedding=embedding,
            variables=variables,
            task=self.task,
            index=self.index,
            z=z,
            contrastive_weight=self.contrastive_weight,
            margin=self.margin,
            key=rng.named(key, "noise"),
            noise_free_records=self._noise_free_records.setdefault((embedding.noise_free, dim), {}),
        )
