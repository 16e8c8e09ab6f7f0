"""`--mode=run`: train, embed, evaluate, report."""

from dataclasses import replace
from pathlib import Path

import ml_collections

from hybrid_jax import mesh, report, results
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import rebuilt, shares
from hybrid_jax.experiment.about import of_config
from hybrid_jax.experiment.experiment import (
    evaluations,
    matcher,
    prepare,
    siamese_settings,
    training,
)
from hybrid_jax.results import Record, select
from hybrid_jax.tradeoff import tradeoff_area_records


@mesh.over_all_devices()
def run(
    config: ml_collections.ConfigDict,
    workdir: Path,
    command: str,
    trainings: Path | None = None,
    workers: int = 1,
) -> list[Path]:
    """The experiment of one seed, from where a killed run of it stopped.

    Args:
        config: see `configs/activity.py`.
        workdir: the work folder.
        command: the command line, kept in results.json.
        trainings: where the networks are trained, if that is shared with other work folders (`sweep`).
        workers: processes that evaluate at once, at most two a layer, each on its share of the CPU's cores (where the
            system lets them be chosen) and with the data in a memory of its own; 1: this one does it all.

    Returns:
        The files that report the results.

    Raises:
        errors.UserError: a mistake in the config, the work folder or the data, before anything is changed; a training
            that diverges.
    """
    shares.check(workers, config)
    on_device = _on_device(workdir)
    experiment = prepare(config, workdir, trainings)
    if workers > 1 and experiment.units():
        for layer in experiment.layers:
            experiment.siamese(layer)
        shares.evaluate(config, workdir, trainings, experiment.units(), workers)
        experiment = replace(experiment, evaluated=evaluations(workdir))
    records: list[Record] = []
    spaces = {}
    for layer in experiment.layers:
        features = experiment.features(layer)
        if True in features:
            spaces[layer] = experiment.feature_space(features)
        for embedded in experiment.embed(layer, features):
            records += experiment.evaluate(embedded)
    records += tradeoff_area_records(records) + on_device
    shown = rebuilt.read(workdir / "evaluated")
    plain = config.to_dict()
    told = of_config(plain)
    return report.write(workdir, command, plain, records, spaces, rebuilt=shown, about=told)


@mesh.over_all_devices()
def train(
    config: ml_collections.ConfigDict, workdir: Path, trainings: Path, layer: str | None = None
) -> None:
    """Trains in `trainings` what a `run` would: the baseline, or with a layer its Siamese network."""
    networks = training(config, workdir, trainings)
    pretrained = networks.pretrained()
    if layer is None:
        networks.simple(pretrained)
        matcher(config, networks)
    else:
        networks.siamese(pretrained, layer, *siamese_settings(config, layer))


def _on_device(workdir: Path) -> list[Record]:
    """What `export.benchmark` has added to the results of an earlier start: no run measures it anew."""
    if not (workdir / "results.json").exists():
        return []
    try:
        return select(results.read(workdir)["records"], evaluator=results.DEVICE)
    except UserError as error:
        raise UserError(f"{error}; remove it first") from None
