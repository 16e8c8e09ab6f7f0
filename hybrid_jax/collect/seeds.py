"""Records of several seeds, merged: each point once, with its mean and spread."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from hybrid_jax import results
from hybrid_jax.errors import UserError
from hybrid_jax.tradeoff import EMBEDDING

# Modes of privacy that each seed measures at an operating noise of its own.
AT_OPERATING_NOISE = ("session", "repeated")
# Evaluators that measure without noise and at the operating noise.
ATTACKS = ("attack", "reconstruction")


def merge(by_seed: Mapping[int, Sequence[Mapping]], partial: bool = False) -> list[results.Record]:
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
        partial: whether a seed may lack an embedding altogether; the mean is then over the others.

    Raises:
        UserError: a point that some seed lacks, or one that a run holds twice.
    """
    fields = identity(by_seed)
    points = {seed: {_key(r, fields): r for r in run} for seed, run in by_seed.items()}
    everywhere: dict[tuple, Mapping] = {}
    for own in points.values():
        everywhere |= {key: r for key, r in own.items() if key not in everywhere}
    place = [fields.index(f) for f in EMBEDDING if f in fields]
    embeddings = {seed: {_pick(key, place) for key in own} for seed, own in points.items()}
    attacked = {
        seed: {_pick(key, place) for key, r in own.items() if _is_attack_at_noise(r)}
        for seed, own in points.items()
    }
    for seed, own in points.items():
        if len(own) < len(by_seed[seed]):
            raise UserError(f"seed {seed} holds {_twice(by_seed[seed], fields)} twice")
        for key in everywhere:
            name = _pick(key, place)
            absent = partial and name not in embeddings[seed]
            # Where a seed's operating noise is 0, it is not attacked at any other.
            absent |= _is_attack_at_noise(everywhere[key]) and name not in attacked[seed]
            if key not in own and not absent:
                raise UserError(
                    f"seed {seed} lacks {_describe(key, fields)}, which another seed has:"
                    " run it to its end with the same version"
                )
    return [_mean([own[k] for own in points.values() if k in own]) for k in everywhere]


def identity(by_seed: Mapping[int, Sequence[Mapping]]) -> tuple[str, ...]:
    """The fields that tell records apart: reduced_dim is among them where a run varies it."""
    fields = tuple(f for f in results.IDENTITY if f != "reduced_dim")
    if any(len({_key(r, fields) for r in run}) < len(run) for run in by_seed.values()):
        return results.IDENTITY
    return fields


def union(seed: int, runs: Iterable[Iterable[results.Record]]) -> list[results.Record]:
    """The records of several points of one seed, each once; trade-off areas, which compare embeddings, left out.

    Raises:
        UserError: a record that two points have with different outcomes.
    """
    found: dict[tuple, results.Record] = {}
    for r in (r for run in runs for r in run if r["metric"] != "tradeoff_area"):
        key = _key(r, results.IDENTITY)
        if found.setdefault(key, r) != r:
            raise UserError(
                f"points of seed {seed} differ in the value of {_describe(key, results.IDENTITY)}"
                f" ({found[key]['value']} and {r['value']}): run them with the same version"
            )
    return list(found.values())


def _mean(rows: list[Mapping]) -> results.Record:
    values = [r["value"] for r in rows if r["value"] is not None]
    std = statistics.stdev(values) if len(values) > 1 else None
    # An interval over groups says how the same people limit every seed: its ends are means as well.
    own = (
        "reduced_dim", "noise_std", "noise_relative", "draws", "n", "n_fit", "n_excluded", "chance",
        "value", "ci_low", "ci_high",
    )  # fmt: skip
    # A single run has no spread over seeds: its error over draws or groups stays what it was.
    stderr = rows[0]["stderr"] if len(rows) == 1 else std and std / math.sqrt(len(values))
    return results.record(
        **{
            **rows[0],
            **{name: _average([r[name] for r in rows]) for name in own},
            "seed": rows[0]["seed"] if len(rows) == 1 else None,
            "winner": ", ".join(dict.fromkeys(r["winner"] for r in rows if r["winner"])) or None,
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
    if _at_operating_noise(r):
        r = {**r, "noise_relative": None, "draws": None}
    # Nine digits: the same grid point computed on two machines may differ in its last bit.
    return tuple(round(r[f], 9) if isinstance(r[f], float) else r[f] for f in fields)


def _at_operating_noise(r: Mapping) -> bool:
    if r["evaluator"] in ATTACKS:
        return _is_attack_at_noise(r)
    return r["mode"] in AT_OPERATING_NOISE


def _is_attack_at_noise(r: Mapping) -> bool:
    return r["evaluator"] in ATTACKS and r["split"] == "test" and bool(r["noise_relative"])


def _pick(key: tuple, places: list[int]) -> tuple:
    return tuple(key[i] for i in places)


def _describe(key: tuple, fields) -> str:
    named = (f"{f}={v}" for f, v in zip(fields, key, strict=True) if v is not None)
    return f"the point {' '.join(named)}"


def _twice(run: Sequence[Mapping], fields) -> str:
    keys = [_key(r, fields) for r in run]
    return _describe(next(k for k in keys if keys.count(k) > 1), fields)
