"""The multi-task CNN for MotionSense (paper, Fig. 8; Malekzadeh et al. 2018, the paper's [27]).

Layers, widths and dropout are those of its published trial-split notebook. Two things the paper leaves open:
its Conv-4 and FC-1 are the notebook's last convolution (960 values) and its `hidden` layer (400), and FC-2 stands in no
published code; here it is one more dense layer with ReLU.
"""

from typing import Literal

import jax
from flax import linen as nn

from hybrid_jax.models.dense import DenseStage, Heads
from hybrid_jax.models.dropout import Dropout
from hybrid_jax.models.time_conv import TimeConv
from hybrid_jax.models.time_pool import max_pool_time
from hybrid_jax.stages import Network, Stage


class ConvStage(nn.Module):
    """Pooling and dropout after the previous layer, a convolution along time, ReLU."""

    features: int
    width: int
    padding: Literal["VALID", "SAME"] = "VALID"
    pool: int = 1
    dropout: float = 0.0
    as_one: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        if x.ndim == 3:
            x = x[..., None]  # a window [B, channels, T] is a grey image: sensors are its rows
        if self.pool > 1:
            window = (1, self.pool)
            x = nn.max_pool(x, window, window) if self.as_one else max_pool_time(x, self.pool)
        x = Dropout(self.dropout)(x, train)
        conv = TimeConv(self.features, self.width, self.padding, self.as_one, name="conv")
        return nn.relu(conv(x))


def mtcnn(tasks: dict[str, int], *, fc_2: int | None = 64, as_one: bool = False) -> Network:
    """The MTCNN on windows [B, 12, 50]: sensor channels by time, standardised.

    Args:
        tasks: output units by task name; `{"activity": 4}` gives logits [B, 4].
        fc_2: width of the layer FC-2, our reconstruction; `None` leaves it out, and with the tasks
            `{"activity": 4, "gender": 1}` that is the published network of 410,905 parameters.
        as_one: whether each convolution and pooling is one operation of two dimensions, as a converter needs it.

    Returns:
        The network; `split_at` takes any of its layers but the last.
    """
    last = (Stage("fc_2", DenseStage(fc_2, dropout=0.4)),) if fc_2 is not None else ()
    return Network(
        stages=(
            Stage("conv_1", ConvStage(50, 5, as_one=as_one)),  # 12 x 46 x 50
            Stage("conv_2", ConvStage(50, 3, "SAME", as_one=as_one)),  # 12 x 46 x 50
            Stage("dense_1", DenseStage(50)),  # 12 x 46 x 50
            Stage("conv_3", ConvStage(40, 5, pool=2, dropout=0.2, as_one=as_one)),  # 12 x 19 x 40
            Stage("dense_2", DenseStage(40)),  # 12 x 19 x 40
            # 12 x 4 x 20 = 960
            Stage("conv_4", ConvStage(20, 3, pool=3, dropout=0.2, as_one=as_one)),
            Stage("fc_1", DenseStage(400, dropout=0.2, flatten=True)),
            *last,
            Stage("output", Heads(tuple(tasks.items()), dropout=0.0 if last else 0.4)),
        )
    )
