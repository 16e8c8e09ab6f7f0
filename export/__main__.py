"""Exports an embedding of a work folder to phones and a server.

    python -m export --workdir=runs/activity-0 --method=advanced --layer=conv_4 --out=bundles/conv_4

Writes a bundle: the device half as TFLite (float32, float16, int8) and CoreML (float32, float16), the cloud half as a
SavedModel and for JAX alone, and manifest.json. Every file is compared with JAX on real test inputs first.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from export import bundle, command, manifest, source, summary


def main(arguments: Sequence[str]) -> None:
    """Runs the command line."""
    parser = command.Parser("export", __doc__)
    for name, help_text in (
        ("workdir", "folder of a run that has finished"),
        ("out", "the bundle, a folder to make"),
    ):
        parser.add_argument(f"--{name}", type=Path, required=True, help=help_text)
    parser.add_argument(
        "--method",
        required=True,
        help="of embedding; or on_premise: the whole network on the phone",
    )
    parser.add_argument("--layer", help="where the network is split; not for on_premise")
    parser.add_argument("--reduction", default="pca", help="pca or autoencoder")
    parser.add_argument(
        "--noise_std",
        type=float,
        help="of the noise, in the feature's units; by default the operating noise",
    )
    parser.add_argument("--formats", default=",".join(bundle.FORMATS), help="by commas")
    parser.add_argument(
        "--allow-drift", action="store_true", help="ship files that are not what was measured"
    )
    given = parser.parse_args(arguments)
    found = source.load(given.workdir, given.method, given.layer, given.reduction, given.noise_std)
    line = shlex.join(["python", "-m", "export", *arguments])
    made = bundle.write(
        found, given.formats.split(","), given.out, line, allow_drift=given.allow_drift
    )
    print(f"{summary.of(manifest.read(given.out))}\n{made}")


if __name__ == "__main__":
    sys.exit(command.run("export", main, sys.argv[1:]))
