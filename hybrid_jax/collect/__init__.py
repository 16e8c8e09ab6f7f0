"""Merges work folders, of several seeds and of a sweep's points: means with their spread, tables, figures."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from hybrid_jax import report, results, selection
from hybrid_jax.collect import folders
from hybrid_jax.collect.seeds import identity, merge, union
from hybrid_jax.errors import UserError
from hybrid_jax.experiment.about import of_config
from hybrid_jax.tradeoff import tradeoff_area_records

__all__ = ["collect", "merge", "union"]


def collect(
    runs: str | Iterable[str], out: str | os.PathLike, command: str | None = None
) -> list[Path]:
    """Writes results.json, accuracy.md and figures over the runs of `runs` into `out`.

    Where seeds have one folder each, the seed is all that may differ. Where a seed has several, they are the points
    of a sweep: they may differ in `folders.VARIED` too, and an embedding that some seed lacks is there with fewer
    seeds. results.json holds every setting; of trade-off areas those of the settings that tables show; of what was
    timed on a device the first folder's.

    Args:
        runs: folders or globs, as a list or as one string with commas; the folder of a sweep stands for all its
            points that are done, those that are not are named on stderr. What a glob matches but is no folder is
            passed over, and so is `out` itself.
        out: the folder to write; made if it is missing.
        command: the command line to record.

    Returns:
        the files written.

    Raises:
        UserError: no match, an unreadable result, a run twice, runs of different configs,
            points that not all seeds have, or an `out` that holds a run.
    """
    if (Path(out) / "config.json").exists():
        raise UserError(f"workdir {out} holds a run: collect into a folder of its own")
    names = runs.split(",") if isinstance(runs, str) else [str(r) for r in runs]
    found, unfinished = folders.find(names, out)
    contents = {str(folder): results.read(folder) for folder in found}
    on_device = _take_on_device(contents.values())
    seeds = folders.seeds(contents)
    contents = {n: contents[n] for n in sorted(contents, key=lambda n: folders.order(seeds[n], n))}
    swept = len(set(seeds.values())) < len(seeds)
    config = folders.merged_config(contents, swept)
    by_seed: dict[int, list[list[results.Record]]] = {}
    for name, content in contents.items():
        by_seed.setdefault(seeds[name], []).append(content["records"])
    records = _swept(by_seed) if swept else merge({seed: run for seed, (run,) in by_seed.items()})
    command = command or f"--mode=collect --runs={','.join(names)} --workdir={out}"
    versions = _versions([content["versions"] for content in contents.values()])
    for folder in unfinished:
        print(f"left out, as it has no results.json: {folder}", file=sys.stderr)
    return report.write(
        out,
        command,
        config,
        records + on_device,
        versions=versions,
        left_out=[f.name for f in unfinished],
        about=of_config(config),
    )


def _take_on_device(contents: Iterable[dict]) -> list[results.Record]:
    """Takes the records of devices out of results, and gives each once: time and memory do not depend on the seed."""
    found: dict[tuple, results.Record] = {}
    for content in contents:
        for r in results.select(content["records"], evaluator=results.DEVICE):
            found.setdefault(tuple(r[name] for name in results.IDENTITY), r)
        content["records"] = results.off_device(content["records"])
    return list(found.values())


def _swept(by_seed: Mapping[int, list[list[results.Record]]]) -> list[results.Record]:
    """Records of sweeps, merged.

    A point's own areas compare what it alone measured. They are made anew for each seed, of the settings that tables
    show: areas compare only over the range of privacy that all of the methods reach.
    """
    seeds = {seed: union(seed, runs) for seed, runs in by_seed.items()}
    merged = merge(seeds, partial=True)
    best, known = selection.best(merged), identity(seeds)
    areas = {
        seed: tradeoff_area_records(selection.keep(records, best, known))
        for seed, records in seeds.items()
    }
    return merged + merge(areas, partial=True)


def _versions(versions: list[Mapping]) -> dict[str, str]:
    names = dict.fromkeys(name for v in versions for name in v)
    return {n: ", ".join(dict.fromkeys(v[n] for v in versions if n in v)) for n in names}
