"""Merges the work folders of several seeds: means with their spread, tables, figures."""

import glob
import math
import os
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

from hybrid_jax import report, results
from hybrid_jax.errors import UserError

# Modes of privacy that each seed measures at an operating noise of its own.
AT_OPERATING_NOISE = ("session", "repeated")


def collect(
    runs: str | Iterable[str], out: str | os.PathLike, command: str | None = None
) -> list[Path]:
    """Writes results.json, accuracy.md and figures over the seeds of `runs` into `out`.

    Args:
        runs: folders or globs, as a list or as one string with commas. What a glob matches
            but is no folder is passed over, and so is `out` itself.
        out: the folder to write; made if it is missing.
        command: the command line to record.

    Returns:
        the files written.

    Raises:
        UserError: no match, an unreadable result, a seed twice, runs of different configs,
            points that not all seeds have, or an `out` that holds a run.
    """
    if (Path(out) / "config.json").exists():
        raise UserError(f"workdir {out} holds a run: collect into a folder of its own")
    names = runs.split(",") if isinstance(runs, str) else [str(r) for r in runs]
    folders = find(names, out)
    contents = {str(folder): results.read(folder) for folder in folders}
    seeds = _seeds(contents)
    _same_config(contents)
    records = merge({seeds[name]: content["records"] for name, content in contents.items()})
    first = next(iter(contents.values()))
    config = {**first["config"], "seed": sorted(seeds.values())}
    command = command or f"--mode=collect --runs={','.join(names)} --workdir={out}"
    versions = _versions([content["versions"] for content in contents.values()])
    return report.write(out, command, config, records, versions=versions)


def find(names: Iterable[str], out: str | os.PathLike) -> list[Path]:
    """The folders that names and globs stand for, each once, sorted.

    Raises:
        UserError: a name or glob that stands for no folder.
    """
    found = set()
    for name in (n.strip() for n in names if n.strip()):
        folders = {Path(p).resolve() for p in glob.glob(name) if Path(p).is_dir()}
        folders -= {Path(out).resolve()}
        if not folders:
            raise UserError(f"--runs: {name!r} matches no work folder: give folders or globs")
        found |= folders
    if not found:
        raise UserError("--runs is empty: give the work folders to merge, by commas, or globs")
    return sorted(found)


def merge(by_seed: Mapping[int, list[Mapping]]) -> list[results.Record]:
    """Records over seeds, each with its mean `value` and its spread.

    `std` is the sample standard deviation over seeds (n - 1 in the denominator; None for one
    seed), `stderr` = std / sqrt(n_seeds). noise_std, chance, counts and ends of intervals that differ are means too.

    Records are matched by the fields of `results.IDENTITY`; those of several uploads not by their noise,
    which is each seed's operating noise. The noise of other points is matched by noise_relative:
    noise_std follows the seed's own feature scale. A reduced_dim that each seed chose for itself does
    not tell records apart either; one that a run varies does. Where a seed has no value (None), the
    mean is over the others and n_seeds says how many.

    Args:
        by_seed: seed -> the records of its run.

    Raises:
        UserError: a point that some seed lacks, or one that a run holds twice.
    """
    fields = tuple(f for f in results.IDENTITY if f != "reduced_dim")
    if any(len({_key(r, fields) for r in run}) < len(run) for run in by_seed.values()):
        fields = results.IDENTITY
    points = {seed: {_key(r, fields): r for r in run} for seed, run in by_seed.items()}
    everywhere = dict.fromkeys(key for own in points.values() for key in own)
    for seed, own in points.items():
        if len(own) < len(by_seed[seed]):
            raise UserError(f"seed {seed} holds {_twice(by_seed[seed], fields)} twice")
        for key in everywhere:
            if key not in own:
                raise UserError(
                    f"seed {seed} lacks {_describe(key, fields)}, which another seed has:"
                    " run it to its end with the same version"
                )
    return [_mean([own[key] for own in points.values()]) for key in everywhere]


def _mean(rows: list[Mapping]) -> results.Record:
    values = [r["value"] for r in rows if r["value"] is not None]
    std = statistics.stdev(values) if len(values) > 1 else None
    # An interval over groups says how the same people limit every seed: its ends are means as well.
    own = (
        "reduced_dim", "noise_std", "noise_relative", "draws", "n", "n_excluded", "chance",
        "value", "ci_low", "ci_high",
    )  # fmt: skip
    # A single run has no spread over seeds: its error over draws or groups stays what it was.
    stderr = rows[0]["stderr"] if len(rows) == 1 else std and std / math.sqrt(len(values))
    return results.record(
        **{
            **rows[0],
            **{name: _average([r[name] for r in rows]) for name in own},
            "seed": rows[0]["seed"] if len(rows) == 1 else None,
            "std": std,
            "stderr": stderr,
            "n_seeds": len(values),
        }
    )


def _average(values: list):
    """The mean; the value itself (an int stays an int) where all agree; None where none has one."""
    values = [v for v in values if v is not None]
    if not values or all(v == values[0] for v in values):
        return values[0] if values else None
    return math.fsum(values) / len(values)


def _key(r: Mapping, fields) -> tuple:
    if r["mode"] in AT_OPERATING_NOISE:
        r = {**r, "noise_relative": None, "draws": None}
    # Nine digits: the same grid point computed on two machines may differ in its last bit.
    return tuple(round(r[f], 9) if isinstance(r[f], float) else r[f] for f in fields)


def _describe(key: tuple, fields) -> str:
    named = (f"{f}={v}" for f, v in zip(fields, key, strict=True) if v is not None)
    return f"the point {' '.join(named)}"


def _twice(run: list[Mapping], fields) -> str:
    keys = [_key(r, fields) for r in run]
    return _describe(next(k for k in keys if keys.count(k) > 1), fields)


def _seeds(contents: Mapping[str, Mapping]) -> dict[str, int]:
    """Folder -> its seed."""
    owner = {}
    for name, content in contents.items():
        seed = content["config"].get("seed")
        if not isinstance(seed, int):
            raise UserError(
                f"{name} is not the run of one seed (seed is {seed!r}): collect the runs themselves"
            )
        if seed in owner:
            raise UserError(
                f"seed {seed} is there twice, in {owner[seed]} and {name}: each must be one seed"
            )
        owner[seed] = name
    return {name: seed for seed, name in owner.items()}


def _same_config(contents: Mapping[str, Mapping]) -> None:
    (first, reference), *others = ((n, results.flat(c["config"])) for n, c in contents.items())
    for name, config in others:
        differing = [
            f"{field} ({reference.get(field)!r} and {config.get(field)!r})"
            for field in sorted(reference.keys() | config.keys())
            if field != "seed" and reference.get(field) != config.get(field)
        ]
        if differing:
            raise UserError(
                f"{first} and {name} are runs of different configs: they differ in"
                f" {', '.join(differing)}; only the seed may differ"
            )


def _versions(versions: list[Mapping]) -> dict[str, str]:
    names = dict.fromkeys(name for v in versions for name in v)
    return {n: ", ".join(dict.fromkeys(v[n] for v in versions if n in v)) for n in names}
