"""The paper's configurations of the device evaluation: on-premise, and simple and reduced at each of three layers."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from export import source
from export.halves import Half, device_half, on_premise
from export.source import ON_PREMISE
from hybrid_jax import embedding_files, models
from hybrid_jax import reduction as reductions
from hybrid_jax.embedding import METHODS, embed
from hybrid_jax.errors import UserError, unknown
from hybrid_jax.experiment import workdir

# Siamese fine-tuning changes weights alone, and noise is one addition: the paper times neither.
SPLIT = ("simple", "reduced")
FIELDS = ("dataset", "split_kind", "reduction", "reduced_dim", "contrastive_weight", "margin")
# Of a network without training: shape of an input, and the paper's layers with their reduced dimensions; where the
# paper has none, those of configs/.
UNTRAINED = {
    "mtcnn": ((12, 50), {"conv_4": 8, "fc_1": 8, "fc_2": 8}),
    "mini_xception": ((64, 64, 1), {"block_2": 8, "block_3": 6, "block_4": 4}),
    "vgg16": ((224, 224, 3), {"conv5_1": 8, "conv5_2": 6, "conv5_3": 4}),
}


@dataclass(frozen=True, eq=False)
class Configuration:
    """What one of the bars shows.

    Attributes:
        method: `on_premise`, or one of `SPLIT`.
        layer: where the network is split; `None` for on-premise.
        half: what runs on the device.
        fields: the other fields of its records.
        samples: what int8's ranges are found on.
    """

    method: str
    layer: str | None
    half: Half
    fields: dict[str, Any] = field(default_factory=dict)
    samples: Iterable[np.ndarray] = ()

    @property
    def name(self) -> str:
        """Of its file: `on_premise`, `simple-conv_4`."""
        return "-".join(filter(None, (self.method, self.layer)))

    @property
    def uplink_bytes(self) -> int:
        """Of a query: the exclusive feature in float32; nothing where all stays on the device."""
        return 0 if self.method == ON_PREMISE else 4 * int(np.prod(self.half.output_shape))


@dataclass(frozen=True)
class Plan:
    """The configurations, made one at a time: a large network's are not all held at once.

    Attributes:
        told: whose they are, in words.
        layers: where the network is split, from the device on.
        make: a configuration by its method and layer.
    """

    told: str
    layers: tuple[str, ...]
    make: Callable[[str, str | None], Configuration]

    def __len__(self) -> int:
        return 1 + len(SPLIT) * len(self.layers)

    def __iter__(self) -> Iterator[Configuration]:
        yield self.make(ON_PREMISE, None)
        for layer in self.layers:
            yield from (self.make(method, layer) for method in SPLIT)


def trained(folder: Path, reduction: str) -> Plan:
    """Those of a work folder, at every layer that it embeds.

    Raises:
        errors.UserError: an unknown reduction; or it has no embeddings, or lacks one that is needed.
    """
    if reduction not in reductions.KINDS:
        raise unknown("reduction", reduction, reductions.KINDS)
    config = workdir.read(folder)
    network = models.make(config.model, {"primary": 2})
    layers = tuple(sorted(config.layers, key=network.layers.index))
    kinds = {method: reduction if METHODS[method].reduced else "none" for method in SPLIT}
    names = [embedding_files.name(layer, *kind) for layer in layers for kind in kinds.items()]
    known = [name for name in names if (folder / "embeddings" / name / "embedding.json").is_file()]
    lacking = [str(name) for name in names if name not in known]
    if lacking:
        raise UserError(
            f"--workdir={folder} has no embedding {', '.join(lacking)}: the benchmark compares simple and reduced at"
            " each layer; name the folder of a run that has finished with both methods"
        )

    def make(method: str, layer: str | None) -> Configuration:
        found = source.load(folder, method, layer, reduction)
        names = FIELDS[:2] if method == ON_PREMISE else FIELDS
        about = {name: found.about[name] for name in names} | {"seed": config.seed}
        return Configuration(method, layer, found.device, about, found.representative())

    return Plan(f"{config.model.name} on {config.data.name}", layers, make)


def untrained(name: str, side: int | None) -> Plan:
    """Those of a network with random weights, for speed and memory, which do not depend on them.

    Args:
        name: one of `UNTRAINED`.
        side: of the images, in pixels; the network's own if `None`.

    Raises:
        errors.UserError: an unknown network, or a side that it does not take.
    """
    if name not in UNTRAINED:
        raise unknown("network", name, UNTRAINED)
    shape, dims = UNTRAINED[name]
    if side is not None:
        if name not in models.IMAGES:
            raise UserError(f"--side={side}: {name} takes windows, which have no side")
        if side < (least := models.IMAGES[name][1]):
            raise UserError(f"--side={side}: {name} takes images of {least} pixels a side or more")
        shape = (side, side, *shape[2:])
    network = models.make({"name": name}, {"primary": 2}, as_one=True)
    variables = jax.jit(network.init)(jax.random.key(0), jnp.zeros((1, *shape)))

    def make(method: str, layer: str | None) -> Configuration:
        at = layer or network.layers[0]
        on_phone = method == ON_PREMISE
        embedding = embed(network, at, "simple" if on_phone else method, input_shape=shape)
        reduction = None
        if not on_phone and METHODS[method].reduced:
            width = int(np.prod(embedding.feature_shape))
            axes = np.random.default_rng(0).standard_normal((dims[at], width), np.float32)
            reduction = {"mean": jnp.zeros(width), "components": jnp.asarray(axes / width**0.5)}
        half = (on_premise if on_phone else device_half)(
            embedding, embedding.bind(variables, reduction), shape
        )
        return Configuration(method, layer, half)

    told = f"{name} of {' x '.join(map(str, shape))}, RANDOM WEIGHTS"
    return Plan(told, tuple(dims), make)
