"""Runs of .tflite files on this machine: each in a process of its own, the files in turn."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybrid_jax.errors import UserError
from hybrid_jax.progress import bar

PROGRAM = Path(__file__).with_name("one_run.py")


def measured(
    files: Mapping[str, Path], number: int, steady: int, threads: int
) -> dict[str, list[dict[str, Any]]]:
    """What `one_run.measure` found in each of `number` rounds, by the names of the files.

    Raises:
        errors.UserError: a file that LiteRT cannot run here.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in files}
    with bar("measuring", number * len(files)) as show:
        for turn in range(number):
            for place, (name, path) in enumerate(files.items(), 1):
                found[name].append(_run(path, steady, threads))
                show(turn * len(files) + place)
    return found


def _run(path: Path, steady: int, threads: int) -> dict[str, Any]:
    # -P: or modules of this folder would stand in for packages of the same name.
    command = [sys.executable, "-P", str(PROGRAM), str(path), str(steady), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise UserError(f"{path.name} does not run on this machine: {said[0]}")
    return json.loads(done.stdout.splitlines()[-1])
