"""The work folders to merge: which there are, which seed each is of, and in what their configs differ."""

import glob
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from hybrid_jax import results
from hybrid_jax.errors import UserError

# What the points of a sweep may differ in: all that results.json tells records apart by.
VARIED = re.compile(
    r"layers|methods|reduction\.dim(_at\..+)?|siamese\.(contrastive_weight|margin)\..+"
)


def find(names: Iterable[str], out: str | os.PathLike) -> tuple[list[Path], list[Path]]:
    """The folders that names and globs stand for, each once, sorted; and the points of sweeps that are not done.

    Raises:
        UserError: a name or glob that stands for no folder, or a sweep without a point that is done.
    """
    found, unfinished = set(), set()
    for name in (n.strip() for n in names if n.strip()):
        matched = {Path(p).resolve() for p in glob.glob(name) if Path(p).is_dir()}
        matched -= {Path(out).resolve()}
        if not matched:
            raise UserError(f"--runs: {name!r} matches no work folder: give folders or globs")
        for folder in matched:
            points = [p for p in folder.glob("points/*") if p.is_dir()]
            done = {p for p in points if (p / "results.json").exists()}
            if points and not done:
                raise UserError(f"--runs: no point of the sweep {folder} is done: run it first")
            found |= done or {folder}
            unfinished |= set(points) - done
    if not found:
        raise UserError("--runs is empty: give the work folders to merge, by commas, or globs")
    return sorted(found), sorted(unfinished - found)


def order(seed: int, name: str) -> tuple:
    """Sorts folders by seed and then by name, numbers in it by value: the same points in any place, one order."""
    parts = re.split(r"(\d+(?:\.\d+)?)", Path(name).name)
    return seed, [(float(p), "") if i % 2 else (0.0, p) for i, p in enumerate(parts)], name


def seeds(contents: Mapping[str, Mapping]) -> dict[str, int]:
    """Folder -> its seed.

    Raises:
        UserError: a folder that is not of one seed, or two of the same config.
    """
    owner: dict[str, str] = {}
    for name, content in contents.items():
        seed = content["config"].get("seed")
        if not isinstance(seed, int):
            raise UserError(
                f"{name} is not the run of one seed (seed is {seed!r}): collect the runs themselves"
            )
        config = results.flat(content["config"])
        point = repr(
            [(k, v) for k, v in sorted(config.items()) if k == "seed" or VARIED.fullmatch(k)]
        )
        if point in owner:
            _refuse_twins(owner[point], name, contents)
        owner[point] = name
    return {name: contents[name]["config"]["seed"] for name in contents}


def _refuse_twins(one: str, other: str, contents: Mapping[str, Mapping]) -> None:
    configs = [results.flat(contents[name]["config"]) for name in (one, other)]
    fields = [
        k for k in sorted({*configs[0], *configs[1]}) if configs[0].get(k) != configs[1].get(k)
    ]
    if fields:
        raise UserError(
            f"{one} and {other} differ in {', '.join(fields)}, which is not merged: "
            "collect the points of each value by themselves, as in --runs='W/points/*learning_rate=0.001*'"
        )
    seed = contents[one]["config"]["seed"]
    raise UserError(f"seed {seed} is there twice, in {one} and {other}: each must be one seed")


def merged_config(contents: Mapping[str, Mapping], swept: bool) -> dict:
    """The config of all: a list of the values, in order, where they differ; `seed` is always one.

    Args:
        contents: folder -> its results.json.
        swept: whether they may differ in `VARIED` too, and not in the seed alone.

    Raises:
        UserError: configs that differ in something else.
    """
    (first, reference), *others = ((n, results.flat(c["config"])) for n, c in contents.items())
    values = {field: [value] for field, value in reference.items()}
    for name, config in others:
        differing = [
            field
            for field in sorted(reference.keys() | config.keys())
            if field != "seed" and reference.get(field) != config.get(field)
        ]
        if refused := [f for f in differing if not (swept and VARIED.fullmatch(f))]:
            told = (f"{f} ({reference.get(f)!r} and {config.get(f)!r})" for f in refused)
            raise UserError(
                f"{first} and {name} are runs of different configs: they differ in {', '.join(told)};"
                f" only the seed{' and what a sweep varies' if swept else ''} may differ"
            )
        for field in ("seed", *differing):
            if config.get(field) not in values.setdefault(field, []):
                values[field].append(config.get(field))
    merged = dict(contents[first]["config"])
    for field, several in values.items():
        if field == "seed" or len(several) > 1:
            _set(merged, field.split("."), sorted(several) if field == "seed" else several)
    return merged


def _set(tree: dict, path: list[str], value) -> None:
    for name in path[:-1]:
        tree[name] = dict(tree[name])  # a copy: the run's own config stays as it is
        tree = tree[name]
    tree[path[-1]] = value
