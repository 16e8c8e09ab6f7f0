"""`--mode=choose`: the operating point to ship, chosen on validation, and those that no other beats."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybrid_jax import paper, results
from hybrid_jax.choice.criteria import CRITERIA, front, meets, unmet, worth
from hybrid_jax.choice.points import SPLITS, points, targets
from hybrid_jax.errors import UserError, unknown
from hybrid_jax.report.markdown import percent, short, table

NAME, SCHEMA = "choice.json", 1
NOTE = (
    "Chosen on validation ({asked}): the first row, whose test figures have decided nothing. Below it the points"
    " that no other beats. Attack: balanced accuracy of the best attacker on {target}; on validation of those that"
    " are tried at every noise, on test of all, where they were tried. ms and bytes: the device's half, where"
    " `python -m export.benchmark` has measured it."
)


def choose(
    workdir: Path, command: str, bounds: Mapping[str, float], target: str | None = None
) -> list[Path]:
    """Writes choice.json and choice.md.

    Of the points that meet all bounds on validation it is the most private where accuracy is bounded (by the best
    attack, and of equal ones by the privacy index), and otherwise the most accurate.

    Args:
        workdir: of a run, or a collected folder.
        command: the command line, to be kept.
        bounds: by names of `CRITERIA`.
        target: the sensitive variable; by default the first that was measured on validation.

    Raises:
        errors.UserError: no results, none on validation, an unknown target, or bounds that no point meets.
    """
    records = results.read(workdir)["records"]
    known = targets(records)
    if target is not None and target not in known:
        raise unknown("target", target, known)
    target = target or next(iter(known), None)
    every = points(records, target)
    if not every:
        raise UserError(
            f"workdir {workdir} has no accuracy on validation to choose by: run the evaluator 'accuracy'"
        )
    meeting = [point for point in every if meets(point["validation"], bounds)]
    if not meeting:
        raise UserError(unmet(every, bounds))
    chosen = max(
        meeting, key=lambda point: worth(point["validation"], private="accuracy" in bounds)
    )
    content = {
        "schema": SCHEMA,
        "command": command,
        "workdir": str(workdir),
        "target": target,
        "bounds": dict(bounds),
        "chosen": chosen,
        "front": front(every),
    }
    return [
        results.write_text(workdir / "choice.md", page(content)),
        results.write_json(workdir / NAME, content),
    ]


def read(path: Path) -> dict[str, Any]:
    """The chosen point of a choice.json.

    Raises:
        errors.UserError: no such file, or none of `choose`.
    """
    try:
        content = json.loads(path.read_text())
        if content["schema"] == SCHEMA:
            return content["chosen"]
    except OSError:
        raise UserError(
            f"--choice={path}: there is no such file; --mode=choose writes it"
        ) from None
    except (ValueError, KeyError, TypeError):
        pass
    raise UserError(f"--choice={path} is no choice of this version: write it with --mode=choose")


def page(content: Mapping[str, Any]) -> str:
    """choice.md: the point to ship, and those that no other beats."""
    chosen = content["chosen"]
    asked = ", ".join(f"{CRITERIA[n].flag} {bound:g}" for n, bound in content["bounds"].items())
    shown = [chosen, *(point for point in content["front"] if point != chosen)]
    file = Path(content["workdir"]) / NAME
    parts = [
        "# The point to ship",
        f"`{content['command']}`",
        NOTE.format(
            asked=asked or "no bound",
            target=content["target"] or "nothing: no privacy was measured",
        ),
        _table(shown),
        f"`{shlex.join(['python', '-m', 'export', f'--choice={file}', '--out=DIR'])}` ships it.",
    ]
    return "\n\n".join(parts) + "\n"


def _table(shown: list[Mapping[str, Any]]) -> str:
    head = ["method, layer", "dimension", "σ"]
    for split in SPLITS:
        head += [f"{split}: accuracy, %", "privacy index", "attack, %"]
    rows = []
    for point in shown:
        # As --method, --layer and --reduction of export call them.
        name = [point["method"], point["layer"], *paper.reduction_words(point["reduction"])]
        row = [", ".join(name), str(point["reduced_dim"] or "–"), short(point["noise_std"])]
        for of in (point[split] for split in SPLITS):
            row += [percent(of.get("accuracy")), _number(of.get("privacy_index"))]
            row.append(percent(of.get("attack")))
        rows.append([*row, *(_number(point["validation"].get(n)) for n in ("ms", "uplink_bytes"))])
    return table([*head, "ms", "uplink, bytes"], rows)


def _number(value: float | None) -> str:
    return "–" if value is None else short(value)
