"""What a manifest says of a bundle: how the device half is fed, what it gives, and how it was made."""

from pathlib import Path
from typing import Any

import numpy as np

from export import manifest
from export.source import ON_PREMISE, Source
from hybrid_jax import results
from hybrid_jax.data import Images
from hybrid_jax.data.motionsense_files import CHANNELS
from hybrid_jax.experiment import workdir

VERSIONED = (
    "tensorflow", "coremltools", "stablehlo-coreml", "ai-edge-litert", "ai-edge-quantizer",
)  # fmt: skip
LAYOUTS = {1: "batch, number", 2: "batch, channel, time", 3: "batch, height, width, channel"}
COLOURS = {1: ["grey"], 3: ["red", "green", "blue"]}


def of(source: Source, folder: Path) -> dict[str, Any]:
    """All but what is found by trying the files; a mean image is written into the folder."""
    about, half = source.about, source.device
    mean, std = (np.asarray(source.variables["normalisation"][name]) for name in ("mean", "std"))
    if len(about["input_shape"]) == 2:  # of a window the channels come first
        mean, std = mean[:, None], std[:, None]
    fields = ("layer", "reduction", "reduced_dim", "clip_norm", "contrastive_weight", "margin")
    on_phone = source.method == ON_PREMISE
    return {
        "method": source.method,
        **{name: None if on_phone else about[name] for name in fields},
        "noise_std": source.noise_std,
        "noise": (
            "standard_normal, scaled by noise_std in the graph, is added to the feature after reduction and clipping"
            if source.noisy
            else None
        ),
        "versions": results.installed_versions(*VERSIONED),
        "primary": about["primary"],
        "data": _data(source),
        "tried_on": source.task.samples.dataset,
        "classes": about["classes"][about["primary"]],
        "input": {
            "names": list(half.inputs),
            "shapes": {name: [1, *shape] for name, shape in half.inputs.items()},
            "dtype": "float32",
            "layout": LAYOUTS[len(about["input_shape"])],
            "channels": _channels(source),
            "normalisation": manifest.normalisation(folder, mean, std),
        },
        "output": {"name": half.output, "shape": [1, *half.output_shape], "dtype": "float32"},
    }


def _data(source: Source) -> dict[str, Any]:
    """How the data set is prepared, for an audit; not where it lies."""
    config = workdir.read(source.workdir).to_dict()
    settings = {
        name: value for name, value in config["data"].items() if name not in ("dir", "file")
    }
    presented = {"input": config["input"]} if config.get("input") else {}
    return {"data": settings, **presented, "seed": config["seed"]}


def _channels(source: Source) -> list[str]:
    """The channels' names, in order; of a data set that does not say, numbers."""
    samples = source.task.samples
    if isinstance(samples, Images):
        channels = samples.input_shape[-1]
        return COLOURS.get(channels, [str(i) for i in range(channels)])
    named = samples.dataset in ("motionsense", "simulated")
    return list(CHANNELS) if named else [str(i) for i in range(samples.input_shape[0])]
