"""A network on a data set: what is learned, from what, and the loss that learns it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import losses, mesh
from hybrid_jax.data import attributes
from hybrid_jax.data.loaders import LoadSamples
from hybrid_jax.data.samples import TEST, TRAIN, Inputs, Samples
from hybrid_jax.data.stream import Stream
from hybrid_jax.stages import Network


@dataclass(frozen=True)
class FeatureInputs:
    """The `samples.Inputs` of features that frozen stages have made."""

    def __call__(
        self, data: Mapping, indices: jax.Array, key: jax.Array | None = None
    ) -> jax.Array:
        """[B, ...]; features are not augmented."""
        return data["features"][indices]


@dataclass(frozen=True)
class TaskLoss:
    """The multi-objective loss on inputs made inside the step; a `train.Loss`, equal to one of equal fields.

    Its data: what `inputs` takes; `labels` [N], and the scalars `contrastive_weight` and `margin`, which are traced, so
    that one compilation serves a whole search over them.
    """

    network: Network
    inputs: Inputs
    layer: str | None = None  # where the contrastive term is; `None`: cross-entropy alone
    convention: losses.Convention = "caffe"
    pairs: losses.Pairs = "all"

    def __call__(
        self, params: Any, model_state: Any, data: Mapping, indices: jax.Array, key: jax.Array
    ):
        """See `train.Loss`."""
        (logits, features), model_state = self.network.apply(
            {"params": params, **model_state},
            self.inputs(data, indices, jax.random.fold_in(key, 1)),
            train=True,
            rngs={"dropout": key},
            mutable=tuple(model_state),
        )
        total, terms = self._objective(logits, features, data, indices)
        return total, (terms, model_state)

    def validate(
        self, variables: Mapping, data: Mapping, indices: jax.Array | slice
    ) -> dict[str, jax.Array]:
        """The loss, its terms and the accuracy on one batch, in eval mode."""
        logits, features = self.network.apply(variables, self.inputs(data, indices))
        total, terms = self._objective(logits, features, data, indices)
        right = jnp.argmax(logits, axis=-1) == data["labels"][indices]
        return {"loss": total, **terms, "accuracy": jnp.mean(right)}

    def in_whole_pairs(self, size: int) -> int:
        """The largest batch, up to `size`, that it can be computed of."""
        return size // 2 * 2 if self.pairs == "aligned" else size

    def _objective(self, logits, features, data, indices):
        labels = data["labels"][indices]
        if self.layer is None:
            total = losses.cross_entropy(logits, labels, pairs=self.pairs)
            return total, {"cross_entropy": total}
        return losses.multi_objective(
            logits,
            features[self.layer],
            labels,
            contrastive_weight=data["contrastive_weight"],
            margin=data["margin"],
            convention=self.convention,
            pairs=self.pairs,
        )


@dataclass(frozen=True, eq=False)
class Task:
    """A network, the samples it learns from, and the primary label it learns.

    Attributes:
        network: see `models`.
        samples: the data set.
        primary: the target, a column of `samples`.
        refit: whether the network learns from validation and gap samples too, once nothing is left to choose by them.
        workers: processes that stream the samples to the device while a network trains; `None`: they lie there.
        features: float32 [N, ...], what the network takes instead of the samples: the output of stages below it, that
            training leaves as they are.
    """

    network: Network
    samples: Samples
    primary: str
    refit: bool = False
    workers: int | None = None
    features: np.ndarray | None = None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one input of the network."""
        return self.samples.input_shape if self.features is None else self.features.shape[1:]

    @property
    def inputs(self) -> Inputs:
        """What makes an input of the network."""
        return self.samples.inputs if self.features is None else FeatureInputs()

    @property
    def train_indices(self) -> np.ndarray:
        """Numbers of the samples that the network learns from, int32, ascending."""
        if self.refit:
            return np.flatnonzero(self.samples.split != TEST).astype(np.int32)
        return self.samples.indices(TRAIN)

    def device_data(
        self, contrastive_weight: float = 0.0, margin: float = 0.0
    ) -> dict[str, jax.Array]:
        """What `TaskLoss` takes as its data; only what all batches share where samples are streamed."""
        shared = {
            "contrastive_weight": jnp.float32(contrastive_weight),
            "margin": jnp.float32(margin),
        }
        shared |= {name: jnp.asarray(a) for name, a in self.samples.shared.items()}
        if self.workers is not None:
            return shared
        given = self.samples.data() if self.features is None else {"features": self.features}
        return jax.tree.map(jnp.asarray, {**shared, **given, "labels": self.labels(self.primary)})

    @property
    def load(self) -> LoadSamples:
        """What makes the rest of a batch's data for `TaskLoss`."""
        take = self.samples.take if self.features is None else partial(_rows, self.features)
        return LoadSamples(take, self.labels(self.primary))

    def stream(self, batch_size: int) -> Stream:
        """The training samples, streamed: each process of this run loads its own part of a batch."""
        shard = (jax.process_index(), jax.process_count())
        return Stream(
            self.load, self.train_indices, batch_size, workers=self.workers or 0, shard=shard
        )

    def labels(self, target: str) -> np.ndarray:
        """[N] int32, the label of every sample; see `data.attributes`."""
        return attributes.labels(self.samples, target)

    def num_classes(self, target: str) -> int:
        """How many classes a target has."""
        return len(attributes.class_names(self.samples, target))

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Fresh network variables."""
        x = jax.ShapeDtypeStruct((1, *self.input_shape), jnp.float32)
        zeros = jnp.zeros(x.shape, x.dtype)
        return _init(self.network, key, zeros)


def _rows(features: np.ndarray, numbers: np.ndarray) -> dict[str, np.ndarray]:
    return {"features": features[numbers]}


# Equal networks share one compilation: the points of a sweep begin with one each.
@partial(jax.jit, static_argnames="network")
def _init(network: Network, key: jax.Array, x: jax.Array) -> Any:
    return network.init(key, x, train=False)


@partial(jax.jit, static_argnames=("loss", "batch_size"))
def validate(
    loss: TaskLoss, variables: Mapping, data: Mapping, indices: jax.Array, *, batch_size: int
) -> dict[str, jax.Array]:
    """Means of `loss.validate` over the whole batches of `indices`, in their order."""
    batches = indices[: indices.shape[0] // batch_size * batch_size].reshape(-1, batch_size)
    terms = jax.lax.map(lambda batch: loss.validate(variables, data, mesh.split(batch)), batches)
    return mesh.whole(jax.tree.map(jnp.mean, terms))


def validate_stream(
    loss: TaskLoss,
    variables: Mapping,
    data: Mapping,
    load: LoadSamples,
    indices: jax.Array,
    *,
    batch_size: int,
) -> dict[str, jax.Array]:
    """`validate` with a batch at a time on the device: `load` gives what `data` lacks."""
    whole = np.asarray(indices)[: len(indices) // batch_size * batch_size]
    batches = whole.reshape(-1, batch_size)
    terms = [_validate_batch(loss, variables, data, load(batch)) for batch in batches]
    return jax.tree.map(lambda *values: jnp.mean(jnp.stack(values)), *terms)


@partial(jax.jit, static_argnames="loss")
def _validate_batch(
    loss: TaskLoss, variables: Mapping, data: Mapping, batch: Mapping
) -> dict[str, jax.Array]:
    return mesh.whole(loss.validate(variables, {**data, **mesh.split(batch)}, slice(None)))
