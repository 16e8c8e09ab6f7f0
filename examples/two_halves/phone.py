"""The phone: raw inputs in, exclusive features out. It loads the device half alone, and neither JAX nor TensorFlow.

python examples/two_halves/phone.py BUNDLE inputs.npy | python examples/two_halves/server.py BUNDLE
"""

import hashlib
import json
import random
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def main(bundle: Path, inputs: Path) -> None:
    """Uploads the feature of each of `inputs` [N, ...], an .npy file in raw units, to standard output."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    how = manifest["input"]["normalisation"]
    if "file" in how:
        how = np.load(bundle / how["file"])
    mean, std = (np.asarray(how[name], np.float32) for name in ("mean", "std"))

    name = "device/float32.tflite"
    if name not in manifest["files"]:
        sys.exit(f"{bundle} has no {name}: export it with tflite")
    model = (bundle / name).read_bytes()
    if hashlib.sha256(model).hexdigest() != manifest["files"][name]["sha256"]:
        sys.exit(f"{name} is not the file that was checked")
    extractor = Interpreter(model_content=model).get_signature_runner()
    secure = random.SystemRandom()  # noise that can be predicted can be subtracted
    for raw in np.load(inputs):
        given = {"input": ((raw - mean) / std)[None].astype(np.float32)}
        if "standard_normal" in manifest["input"]["names"]:
            shape = manifest["input"]["shapes"]["standard_normal"]
            draw = [secure.gauss(0.0, 1.0) for _ in range(np.prod(shape))]
            given["standard_normal"] = np.reshape(draw, shape).astype(np.float32)
        sys.stdout.buffer.write(
            extractor(**given)["feature"].tobytes()
        )  # all that leaves the phone
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
