"""Exports an embedding of a work folder to phones and a server.

    python -m export --workdir=runs/activity-0 --method=advanced --layer=conv_4 --out=bundles/conv_4

Writes a bundle: the device half as TFLite (float32, float16, int8) and CoreML (float32, float16), the cloud half as a
SavedModel and for JAX alone, and manifest.json. Every file is compared with JAX on real test inputs first.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from export import bundle, command, manifest, source, summary
from hybrid_jax.choice import choose
from hybrid_jax.errors import UserError


def main(arguments: Sequence[str]) -> None:
    """Runs the command line."""
    parser = command.Parser("export", __doc__)
    parser.add_argument("--out", type=Path, required=True, help="the bundle, a folder to make")
    parser.add_argument("--workdir", type=Path, help="folder of a run that has finished")
    parser.add_argument(
        "--choice", type=Path, help="choice.json, which names the rest; of its own folder's run"
    )
    parser.add_argument(
        "--method", help="of embedding; or on_premise: the whole network on the phone"
    )
    parser.add_argument("--layer", help="where the network is split; not for on_premise")
    parser.add_argument("--reduction", help="pca (default) or autoencoder")
    parser.add_argument(
        "--noise_std",
        type=float,
        help="of the noise, in the feature's units; by default the operating noise",
    )
    parser.add_argument(
        "--data",
        help="a data set to try the files on where the run's is not at hand, as simulated",
    )
    parser.add_argument("--formats", default=",".join(bundle.FORMATS), help="by commas")
    parser.add_argument(
        "--allow-drift", action="store_true", help="ship files that are not what was measured"
    )
    given = parser.parse_args(arguments)
    found = replace(_source(given), data=given.data)
    line = shlex.join(["python", "-m", "export", *arguments])
    made = bundle.write(
        found, given.formats.split(","), given.out, line, allow_drift=given.allow_drift
    )
    print(f"{summary.of(manifest.read(given.out))}\n{made}")


def _source(given: argparse.Namespace) -> source.Source:
    named = {n: getattr(given, n) for n in ("method", "layer", "reduction", "noise_std")}
    if given.choice:
        for name, value in named.items():
            if value is not None:
                raise UserError(f"--{name}={value}: --choice={given.choice} names it; leave it out")
        return source.chosen(given.workdir or given.choice.parent, choose.read(given.choice))
    for name in ("workdir", "method"):
        if getattr(given, name) is None:
            raise UserError(f"--{name} is missing: name it, or --choice=WORKDIR/choice.json")
    return source.load(given.workdir, **named)


if __name__ == "__main__":
    sys.exit(command.run("export", main, sys.argv[1:]))
