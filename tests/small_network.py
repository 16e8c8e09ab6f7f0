"""A network whose laws are those of any other, and that compiles in a moment: two dense layers over whole windows."""

from hybrid_jax.models.dense import DenseStage, Heads
from hybrid_jax.stages import Network, Stage


def small_network(classes):
    """Windows [B, channels, time] to logits [B, `classes`] of "activity"; layers fc_1 and fc_2, with dropout."""
    return Network(
        (
            Stage("fc_1", DenseStage(32, flatten=True)),
            Stage("fc_2", DenseStage(16, dropout=0.2)),
            Stage("output", Heads((("activity", classes),), dropout=0.2)),
        )
    )
