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
from hybrid_jax.data.loaders import LoadWindows
from hybrid_jax.data.stream import Stream
from hybrid_jax.data.windows import TEST, TRAIN, Windows, gather
from hybrid_jax.stages import Network


@dataclass(frozen=True)
class WindowLoss:
    """The multi-objective loss on windows gathered inside the step; a `train.Loss`, equal to one of equal fields.

    Its data: `rows` [R, C] and `starts` [N], or `windows` [N, C, T]; `labels` [N], and the scalars `contrastive_weight`
    and `margin`, which are traced, so that one compilation serves a whole search over them.
    """

    network: Network
    window: int
    layer: str | None = None  # where the contrastive term is; `None`: cross-entropy alone
    convention: losses.Convention = "caffe"

    def __call__(
        self, params: Any, model_state: Any, data: Mapping, indices: jax.Array, key: jax.Array
    ):
        """See `train.Loss`."""
        (logits, features), model_state = self.network.apply(
            {"params": params, **model_state},
            self._windows(data, indices),
            train=True,
            rngs={"dropout": key},
            mutable=tuple(model_state),
        )
        total, terms = self._objective(logits, features, data, indices)
        return total, (terms, model_state)

    def validate(
        self, variables: Mapping, data: Mapping, indices: jax.Array
    ) -> dict[str, jax.Array]:
        """The loss, its terms and the accuracy on one batch, in eval mode."""
        logits, features = self.network.apply(variables, self._windows(data, indices))
        total, terms = self._objective(logits, features, data, indices)
        right = jnp.argmax(logits, axis=-1) == data["labels"][indices]
        return {"loss": total, **terms, "accuracy": jnp.mean(right)}

    def _windows(self, data, indices):
        if "windows" in data:
            return data["windows"][indices]
        return gather(data["rows"], data["starts"][indices], self.window)

    def _objective(self, logits, features, data, indices):
        labels = data["labels"][indices]
        if self.layer is None:
            total = losses.cross_entropy(logits, labels)
            return total, {"cross_entropy": total}
        return losses.multi_objective(
            logits,
            features[self.layer],
            labels,
            contrastive_weight=data["contrastive_weight"],
            margin=data["margin"],
            convention=self.convention,
        )


@dataclass(frozen=True, eq=False)
class Task:
    """A network, the windows it learns from, and the primary label it learns.

    Attributes:
        network: see `models`.
        windows: the data set.
        primary: the target, a column of `windows`.
        refit: whether the network learns from validation and gap windows too, once nothing is left to choose by them.
        workers: processes that stream the windows to the device while a network trains; `None`: they lie there.
    """

    network: Network
    windows: Windows
    primary: str
    refit: bool = False
    workers: int | None = None

    @property
    def input_shape(self) -> tuple[int, int]:
        """Channels and time of one window."""
        return self.windows.rows.shape[1], self.windows.window

    @property
    def train_indices(self) -> np.ndarray:
        """Numbers of the windows that the network learns from, int32, ascending."""
        if self.refit:
            return np.flatnonzero(self.windows.split != TEST).astype(np.int32)
        return self.windows.indices(TRAIN)

    def device_data(
        self, contrastive_weight: float = 0.0, margin: float = 0.0
    ) -> dict[str, jax.Array]:
        """What `WindowLoss` takes as its data; only the scalars where windows are streamed."""
        scalars = {
            "contrastive_weight": jnp.float32(contrastive_weight),
            "margin": jnp.float32(margin),
        }
        if self.workers is not None:
            return scalars
        return scalars | {
            "rows": jnp.asarray(self.windows.rows),
            "starts": jnp.asarray(self.windows.starts),
            "labels": jnp.asarray(self.labels(self.primary)),
        }

    @property
    def load(self) -> LoadWindows:
        """What makes the rest of a batch's data for `WindowLoss`."""
        return LoadWindows(self.windows, self.labels(self.primary))

    def stream(self, batch_size: int) -> Stream:
        """The training windows, streamed: each process of this run loads its own part of a batch."""
        shard = (jax.process_index(), jax.process_count())
        return Stream(self.load, self.train_indices, batch_size, workers=self.workers, shard=shard)

    def labels(self, target: str) -> np.ndarray:
        """[N] int32, the label of every window; see `data.attributes`."""
        return attributes.labels(self.windows, target)

    def num_classes(self, target: str) -> int:
        """How many classes a target has."""
        return len(attributes.class_names(self.windows, target))

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Fresh network variables."""
        x = jax.ShapeDtypeStruct((1, *self.input_shape), jnp.float32)
        zeros = jnp.zeros(x.shape, x.dtype)
        return _init(self.network, key, zeros)


# Equal networks share one compilation: the points of a sweep begin with one each.
@partial(jax.jit, static_argnames="network")
def _init(network: Network, key: jax.Array, x: jax.Array) -> dict[str, Any]:
    return network.init(key, x, train=False)


@partial(jax.jit, static_argnames=("loss", "batch_size"))
def validate(
    loss: WindowLoss, variables: Mapping, data: Mapping, indices: jax.Array, *, batch_size: int
) -> dict[str, jax.Array]:
    """Means of `loss.validate` over the whole batches of `indices`, in their order."""
    batches = indices[: indices.shape[0] // batch_size * batch_size].reshape(-1, batch_size)
    terms = jax.lax.map(lambda batch: loss.validate(variables, data, mesh.split(batch)), batches)
    return mesh.whole(jax.tree.map(jnp.mean, terms))


def validate_stream(
    loss: WindowLoss,
    variables: Mapping,
    data: Mapping,
    load: LoadWindows,
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
    loss: WindowLoss, variables: Mapping, data: Mapping, batch: Mapping
) -> dict[str, jax.Array]:
    return mesh.whole(loss.validate(variables, {**data, **mesh.split(batch)}, slice(None)))
