"""`--mode=tune`: contrastive weight and margin per layer, chosen on the validation split, never on the test."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import ml_collections
import numpy as np

from hybrid_jax import figures, inference, mesh
from hybrid_jax.data.samples import VALIDATION
from hybrid_jax.embedded import LayerFeatures
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import setup
from hybrid_jax.metrics import accuracy
from hybrid_jax.networks import Training
from hybrid_jax.results import write_json


@mesh.over_all_devices()
def run(config: ml_collections.ConfigDict, workdir: Path) -> list[Path]:
    """Fine-tunes with every weight and margin at every layer of `config`; writes tune.json and figures/tune.png.

    The choice: the best `reduced_siamese` validation accuracy among those whose `siamese` stays within the tolerance of
    `simple`; where none does, the point nearest to it.

    Returns:
        The files written.

    Raises:
        errors.UserError: a mistake in the config, the work folder or the data, before anything is changed; a training
            that diverges.
    """
    if not config.layers:
        raise UserError("config.layers is empty: --mode=tune chooses for each layer, so name some")
    if not all(setup.reduced_dim(config, layer) for layer in config.layers):
        raise UserError("--mode=tune compares at one dimension: set config.reduction.dim, as in 8")
    training = setup.training(config, workdir)
    pretrained = training.pretrained()
    # The same phases as a run's, at another length: in a folder of their own neither goes on from the other's.
    training = replace(
        training,
        workdir=workdir / "tune",
        finetune_budget=replace(training.finetune_budget, epochs=config.tune.epochs),
    )
    simple = training.simple(pretrained)
    layers = {}
    for layer in config.layers:
        base = _validation_accuracy(training, config, layer, simple)
        points = []
        for margin in config.tune.margins:
            for weight in config.tune.weights:
                name = f"{layer}-weight-{weight:g}-margin-{margin:g}"
                network = training.siamese(pretrained, layer, weight, margin, name)
                measured = _validation_accuracy(training, config, layer, network)
                points.append(
                    {"contrastive_weight": weight, "margin": margin}
                    | {"siamese": measured["plain"], "reduced_siamese": measured["reduced"]}
                )
        tolerance = config.tune.tolerance_at.get(layer, config.tune.tolerance)
        chosen = choose(points, base["plain"], tolerance)
        layers[layer] = {
            "simple": base["plain"],
            "reduced": base["reduced"],
            "tolerance": tolerance,
            "points": points,
            "chosen": chosen,
            "within_tolerance": chosen["siamese"] >= base["plain"] - tolerance,
        }
    content = {"schema": 1, "split": "validation", "config": config.to_dict(), "layers": layers}
    written = [write_json(workdir / "tune.json", content)]
    drawn = figures.tune(workdir / "figures" / "tune.png", content)
    return [*written, drawn] if drawn else written


def choose(points: list[dict[str, float]], simple: float, tolerance: float) -> dict[str, float]:
    """The point with the best `reduced_siamese` among those whose `siamese` is at least `simple - tolerance`.

    Where there is none, the one whose `siamese` is highest. Ties go to the smaller weight.
    """
    allowed = [p for p in points if p["siamese"] >= simple - tolerance]
    measure = "reduced_siamese" if allowed else "siamese"
    return max(allowed or points, key=lambda p: (p[measure], -p["contrastive_weight"]))


def _validation_accuracy(
    training: Training, config: ml_collections.ConfigDict, layer: str, variables: dict[str, Any]
) -> dict[str, float]:
    features = LayerFeatures.extract(training.task, layer, variables, 0.0, None)
    reduction = features.reduce(
        "pca",
        setup.reduced_dim(config, layer),
        training.key,
        setup.budget(config.reduction.autoencoder),
    )
    result = {}
    for name, method in (("plain", "simple"), ("reduced", "reduced")):
        embedded = features.embed(method, "pca", reduction, training.key)
        predicted = inference.predictions(
            embedded.embedding, embedded.variables, embedded.z[VALIDATION]
        )
        result[name] = accuracy(
            np.asarray(predicted), embedded.labels(training.task.primary, VALIDATION)
        )
    return result
