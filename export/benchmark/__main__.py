"""What the device's half takes: time, memory, size and uplink, for the paper's configurations.

    python -m export.benchmark --workdir=runs/gender-0 --out=device/gender-0
    python -m export.benchmark --network=vgg16 --out=device/vgg16         # random weights
    python -m export.benchmark --workdir=runs/gender-0 --logs=LOGS --host="Pixel 8, Android 15" --out=device/pixel

On-premise, and simple and reduced at each layer. Each run is a process of its own, and the configurations take turns,
so that whatever else the machine does hits all. Writes the .tflite files, device.csv (a row for each run), device.md
and figures, and adds records and figures to the work folder. With --logs the numbers are those that benchmark_model
printed on a phone: LOGS/<name of the .tflite file>.txt, any number of runs in each (export/README.md).
"""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from export import command, tflite
from export.benchmark import configurations, logs, records, rounds, table
from export.benchmark import host as machine
from export.folder import complete
from hybrid_jax import figures, results
from hybrid_jax.errors import UserError, unknown
from hybrid_jax.progress import bar
from hybrid_jax.report import notes

PROGRAM = "export.benchmark"
USUAL = {"runs": 60, "steady": 30, "threads": 1}


def main(arguments: Sequence[str]) -> None:
    """Runs the command line.

    Raises:
        errors.UserError: a mistake in it, or in what it names.
    """
    line = shlex.join(["python", "-m", PROGRAM, *arguments])
    print(_benchmark(_parsed(arguments), line))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = command.Parser(PROGRAM, __doc__)
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--workdir", type=Path, help="folder of a run that has finished")
    whose.add_argument("--network", help="mtcnn, mini_xception or vgg16, with random weights")
    parser.add_argument("--side", type=int, help="of a network's images, in pixels")
    parser.add_argument("--reduction", help="pca (default) or autoencoder, of a work folder")
    parser.add_argument("--precision", default="float32", help="float32, float16 or int8")
    parser.add_argument("--runs", type=int, help="processes, of each configuration (60)")
    parser.add_argument("--steady", type=int, help="inferences after the first one (30)")
    parser.add_argument("--threads", type=int, help="of the interpreter (1)")
    parser.add_argument("--logs", type=Path, help="what benchmark_model printed, a folder")
    parser.add_argument("--host", help="the device, in words; this machine if not given")
    parser.add_argument("--out", type=Path, required=True, help="a folder to make")
    given = parser.parse_args(arguments)
    for name, usual in USUAL.items():
        value = getattr(given, name)
        if value is not None and given.logs:
            raise UserError(
                f"--{name}={value}: with --logs the phone has run already; leave it out"
            )
        if value is not None and value < 1:
            raise UserError(f"--{name}={value}: give 1 or more")
        setattr(given, name, usual if value is None else value)
    if given.network and given.reduction:
        raise UserError(f"--reduction={given.reduction} is of --workdir: a network's is PCA")
    if given.network and given.precision == "int8":
        raise UserError("--precision=int8 needs a --workdir: its ranges are found on data")
    if given.side and given.workdir:
        raise UserError("--side is of --network: a work folder's images have the side of its data")
    if given.logs and not given.host:
        raise UserError('--host is missing: name the phone of --logs, as in --host="Pixel 8"')
    return given


def _benchmark(given: argparse.Namespace, line: str) -> str:
    if given.precision not in tflite.PRECISIONS:
        raise unknown("precision", given.precision, tflite.PRECISIONS)
    if given.workdir:
        results.read(given.workdir)  # whether it is there, before minutes of work
        plan = configurations.trained(given.workdir, given.reduction or "pca")
    else:
        plan = configurations.untrained(given.network, given.side)
    host = given.host or machine.name()
    with complete(given.out) as folder:
        files, told, fields = _converted(plan, given.precision, folder)
        found: Mapping[str, Sequence[Mapping[str, Any]]]
        if given.logs:
            found = logs.of_files(given.logs, files)
            how = f"benchmark_model on {host}"
        else:
            found = rounds.measured(files, given.runs, given.steady, given.threads)
            how = host = f"{host}, {given.threads} thread{'s'[: given.threads > 1]}"
        runs: dict[str, list[Mapping[str, Any]]] = {
            name: [{**told[name], "run": i, **run} for i, run in enumerate(own, 1)]
            for name, own in found.items()
        }
        every = [run for own in runs.values() for run in own]
        title = f"{plan.told}, tflite {given.precision}, on {how}."
        page = f"# {title}\n\n`{line}`\n\n{notes.DEVICE}\n\n{table.as_table(runs)}\n"
        results.write_text(folder / "device.csv", table.as_csv(every))
        results.write_text(folder / "device.md", page)
        figures.device(folder / "figures", every, title)
    if given.workdir:
        figures.device(given.workdir / "figures", every, title)
        made = {"host": host, "format": f"tflite {given.precision}"}
        new = [r for name, own in runs.items() for r in records.records(own, fields[name] | made)]
        records.add(given.workdir, new)
    return f"{page}\n{given.out}"


def _converted(
    plan, precision: str, folder: Path
) -> tuple[dict[str, Path], dict[str, Mapping[str, Any]], dict[str, Any]]:
    """By the name of each file: where it is, what each of its runs is told with, and the fields of its records."""
    files: dict[str, Path] = {}
    told: dict[str, Mapping[str, Any]] = {}
    fields: dict[str, Any] = {}
    with bar("converting", len(plan)) as show:
        for of in plan:
            model = tflite.convert(of.half, precision, of.samples)
            files[of.name] = results.write_bytes(folder / f"{of.name}.tflite", model)
            sizes = {"file_bytes": len(model), "uplink_bytes": of.uplink_bytes}
            about = {
                "method": of.method,
                "layer": of.layer,
                "reduction": of.fields.get("reduction"),
            }
            told[of.name] = about | sizes
            fields[of.name] = of.fields
            show(len(files))
    return files, told, fields


if __name__ == "__main__":
    sys.exit(command.run(PROGRAM, main, sys.argv[1:]))
