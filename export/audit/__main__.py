"""Audits a file as it ships: what its features tell, measured by running the file itself.

    python -m export.audit --bundle=bundles/conv_4 --data=motionsense --out=audits/conv_4
    python -m export.audit --tflite=feature.tflite --data=mine.npz --noise_std=0.5 --out=audits/mine

This is the paper's verification "by the user or a third party": it needs the device half alone. Every .tflite of a
bundle is measured. mine.npz holds `inputs` (in raw units with a bundle, as the file takes them with --tflite) and
`labels`, and may hold `primary`, `groups`, `recording`, `start` and `window`.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export import command, manifest
from export.audit import labelled
from export.audit.labelled import Labelled
from export.audit.probes import MEASURE, attacks
from export.extractor import Extractor
from export.folder import complete
from export.halves import FEATURE
from hybrid_jax import audit as leakages
from hybrid_jax import results
from hybrid_jax.errors import UserError
from hybrid_jax.progress import bar
from hybrid_jax.report.markdown import percent, table

SEED = 0
HEAD = ("file", "target", "σ", "privacy, %", "chance", "best attack, % [95 %]", "which", "chance")
MEANING = (
    "Privacy is rank / K of an adversary who holds the first half of each recording, or of each person's images, and is"
    " asked about the rest; so are the attacks, scored by balanced accuracy."
)


def main(arguments: Sequence[str]) -> None:
    """Runs the command line."""
    parser = command.Parser("export.audit", __doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--bundle", type=Path, help="what python -m export has made")
    which.add_argument("--tflite", type=Path, help="or a file alone")
    parser.add_argument("--data", required=True, help="a data set, simulated, or FILE.npz")
    parser.add_argument("--data_dir", help="where the set lies; by default below $HYBRID_JAX_DATA")
    parser.add_argument("--noise_std", type=float, help="by default the noise that the file adds")
    parser.add_argument("--out", type=Path, required=True, help="a folder to make")
    given = parser.parse_args(arguments)
    if given.noise_std is not None and not 0 <= given.noise_std < np.inf:
        raise UserError(f"--noise_std={given.noise_std:g}: a standard deviation is 0 or more")
    line = shlex.join(["python", "-m", "export.audit", *arguments])
    with complete(given.out) as folder:
        written = _audit(given, folder, line)
    for path in written:
        print(given.out / path.name)


def _audit(given: argparse.Namespace, folder: Path, line: str) -> list[Path]:
    about, files = None, [given.tflite]
    if given.bundle:
        about = manifest.read(given.bundle)
        files = sorted(given.bundle / name for name in about["files"] if name.endswith(".tflite"))
        if not files:
            raise UserError(f"--bundle={given.bundle} holds no .tflite file: export it with tflite")
        if about.get("output", {}).get("name") != FEATURE:
            raise UserError(
                f"--bundle={given.bundle} is {about.get('method')}: it gives no {FEATURE}, nothing is uploaded"
            )
    shape = Extractor(files[0]).input_shape
    if not given.data.endswith(".npz"):
        data = labelled.of_set(given.data, shape, about, given.data_dir)
    elif given.data_dir:
        raise UserError(
            f"--data_dir={given.data_dir} is of a data set; --data={given.data} is a file"
        )
    else:
        data = labelled.of_file(Path(given.data), raw=about is not None)
    return audit(files, data, folder, line, about=about, noise_std=given.noise_std)


def audit(
    files: Sequence[Path],
    data: Labelled,
    out: Path,
    line: str,
    *,
    about: dict[str, Any] | None = None,
    noise_std: float | None = None,
) -> list[Path]:
    """Writes audit.md and results.json.

    Args:
        files: .tflite files that are alike but for their precision.
        data: what they are tried on.
        out: the folder to write.
        line: the command line to record.
        about: the manifest of the bundle in whose folder `device` they lie.
        noise_std: of the noise, in the feature's units; by default what the file adds.

    Raises:
        errors.UserError: a file that cannot be run, that takes other inputs, or adds other noise than its
            manifest says.
    """
    about, inputs = about or {}, data.inputs
    extractors = [Extractor(path) for path in files]
    for extractor in extractors:
        extractor.check_shape(inputs)
    if data.raw:
        inputs = manifest.normalise(files[0].parents[1], about, inputs)
    for extractor in extractors:
        extractor.check(inputs, about.get("noise_std"))
    fields = {name: about.get(name) for name in ("method", "layer", "reduced_dim")}
    fields |= {"dataset": data.name, "split": "test"}
    records, rows, sections = [], [], []
    for path, extractor in zip(files, extractors, strict=True):
        std = extractor.noise_std if noise_std is None else noise_std
        with bar(f"features by {path.name}", len(inputs)) as advance:
            z = extractor.features(inputs, advance)
        sections.append(f"## {path.name}")
        for target in data.targets:
            own = {**fields, "format": f"tflite {extractor.precision}", "target": target}
            found, tried, text = _measured(data, target, z, std, own)
            records += [*found, *tried]
            sections += [
                f"### {target.capitalize()}",
                *(part.replace("## ", "#### ", 1) for part in text),
            ]
            rows.append([path.name, target, f"{std:.4g}", *_headline(found, tried)])
    name = files[0].parents[1].name if about else files[0].name
    run = f"{len(inputs)} samples of {data.name}, each through the file itself, by LiteRT's interpreter."
    text = [
        f"# What {name} tells",
        f"`{line}`",
        run,
        MEANING,
        table(HEAD, rows),
        leakages.MEANING,
        *sections,
    ]
    config = {
        "files": [path.name for path in files], "data": data.name, "noise_std": noise_std, "seed": SEED,
    }  # fmt: skip
    return [
        results.write_text(out / "audit.md", "\n\n".join(text) + "\n"),
        results.write(out / "results.json", line, config, records),
    ]


def _measured(
    data: Labelled, target: str, z: np.ndarray, std: float, about: dict[str, Any]
) -> tuple[list[results.Record], list[results.Record], list[str]]:
    """Records of leakage and of attacks, and sections of text."""
    labels, at = data.targets[target], data.known(target)
    fit, _, asked = parts = data.parts(target)
    held, classes = np.concatenate(parts[:2]), np.unique(labels[fit])
    halves = data.arrays(z, target, asked, classes)
    of_held = data.arrays(z, target, held, classes)
    halves |= {f"gallery_{name}": values for name, values in of_held.items() if name != "window"}
    found: list[results.Record] = []
    text: list[str] = []
    for arrays in (halves, data.arrays(z, target, at, np.unique(labels[at]))):
        more, sections = leakages.measure(
            arrays, about, noise_std=[std], galleries=leakages.possible(arrays), seed=SEED
        )
        found, text = [*found, *more], [*text, *sections]
    tried = attacks(z, labels, data.people, parts, std, SEED)
    return found, [results.record(**about, **own) for own in tried], text


def _headline(found: list[results.Record], tried: list[results.Record]) -> list[str]:
    rank = results.select(found, metric="privacy", gallery="held_out")[0]
    best = results.select(tried, attacker="best", metric=MEASURE)[0]
    interval = f"[{percent(best['ci_low'])}, {percent(best['ci_high'])}]"
    return [
        percent(rank["value"]), percent(rank["chance"]), f"{percent(best['value'])} {interval}",
        best["winner"], percent(best["chance"]),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(command.run("export.audit", main, sys.argv[1:]))
