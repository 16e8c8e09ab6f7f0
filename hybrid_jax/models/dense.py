"""Dense stages, and the heads that networks end in."""

from collections.abc import Callable

import jax
from flax import linen as nn

from hybrid_jax.models.dropout import Dropout
from hybrid_jax.models.time_dense import TimeDense

_dense = nn.initializers.glorot_uniform()


class DenseStage(nn.Module):
    """Dropout after the previous layer, flattening where asked, a dense layer over the last axis, its activation."""

    features: int
    dropout: float = 0.0
    flatten: bool = False
    activation: Callable[[jax.Array], jax.Array] = nn.relu

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = Dropout(self.dropout)(x, train)
        if self.flatten:
            x = x.reshape(x.shape[0], -1)
        if x.ndim == 4:  # each moment of each row
            dense: nn.Module = TimeDense(self.features, name="dense")
        else:
            dense = nn.Dense(self.features, kernel_init=_dense, name="dense")
        return self.activation(dense(x))


class Heads(nn.Module):
    """Dropout after the previous layer, then the logits of each task: one array, or by task name where several."""

    tasks: tuple[tuple[str, int], ...]
    dropout: float = 0.0
    kernel_init: Callable = _dense

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array | dict[str, jax.Array]:
        x = Dropout(self.dropout)(x, train)
        return by_task(
            self.tasks,
            lambda task, size: nn.Dense(size, kernel_init=self.kernel_init, name=task)(x),
        )


def by_task(
    tasks: tuple[tuple[str, int], ...], logits: Callable[[str, int], jax.Array]
) -> jax.Array | dict[str, jax.Array]:
    """`logits(task, size)` of the only task, or a dict of all of them."""
    found = {task: logits(task, size) for task, size in tasks}
    return found if len(found) > 1 else found[tasks[0][0]]
