"""A network of your own, as stages of plain Flax; nothing of the package is edited.

python launch.py --config=own_network.py --workdir=runs/own_network
"""

from flax import linen as nn

from configs import own
from hybrid_jax.models import MODELS
from hybrid_jax.models.dense import DenseStage, Heads
from hybrid_jax.stages import Network, Stage


class Conv(nn.Module):
    """Pooling after the previous stage, a convolution along time, ReLU; where it is cut, that is after the ReLU."""

    features: int
    first: bool = False  # given windows [B, channels, time]; the others [B, time, channels]

    @nn.compact
    def __call__(self, x, train):
        x = x.transpose(0, 2, 1) if self.first else nn.max_pool(x[:, None], (1, 2), (1, 2))[:, 0]
        return nn.relu(nn.Conv(self.features, (5,), padding="VALID", name="conv")(x))


def small(tasks, width=64):
    """Two convolutions and a dense layer; `tasks` says how many logits of what, `width` is config.model.width."""
    conv = Stage("conv_1", Conv(16, first=True)), Stage("conv_2", Conv(32))
    dense = Stage("fc", DenseStage(width, dropout=0.2, flatten=True))
    return Network((*conv, dense, Stage("output", Heads(tuple(tasks.items())))))


MODELS["small"] = small


def get_config(arg=None):
    """Activity without gender, on the built-in simulator."""
    data = {"name": "simulated", "num_subjects": 8, "trials_per_activity": 2}
    model = {"model": {"name": "small", "width": 64}, "layers": ("fc",)}
    return own.experiment(data=data, primary="activity", sensitive=("gender",), **model)
