"""A multilayer perceptron: the plainest classifier of a feature vector."""

from hybrid_jax.models.dense import DenseStage, Heads
from hybrid_jax.stages import Network, Stage

WIDTH = 128
DROPOUT = 0.2


def mlp(num_classes: int) -> Network:
    """Vectors [B, d] to logits [B, `num_classes`] through two hidden layers of 128."""
    return Network(
        stages=(
            Stage("hidden_1", DenseStage(WIDTH)),
            Stage("hidden_2", DenseStage(WIDTH, dropout=DROPOUT)),
            Stage("output", Heads((("target", num_classes),), dropout=DROPOUT)),
        )
    )
