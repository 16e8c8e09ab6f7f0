"""The server: exclusive features in, class names out. It loads the bundle's cloud half alone.

See phone.py.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
import tensorflow as tf


def main(bundle: Path) -> None:
    """Prints the class of each feature that arrives at standard input."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    files = {
        n: about for n, about in manifest["files"].items() if n.startswith("cloud/saved_model")
    }
    if not files:
        sys.exit(f"{bundle} has no cloud/saved_model: export it with savedmodel")
    for name, about in files.items():
        if hashlib.sha256((bundle / name).read_bytes()).hexdigest() != about["sha256"]:
            sys.exit(f"{name} is not the file that was checked")
    cloud = tf.saved_model.load(str(bundle / "cloud" / "saved_model"))
    classify = cloud.signatures["serving_default"]
    shape = manifest["output"]["shape"]
    while upload := sys.stdin.buffer.read(4 * int(np.prod(shape))):
        feature = np.frombuffer(upload, np.float32).reshape(shape)
        logits = classify(feature=tf.constant(feature))["logits"].numpy()
        print(manifest["classes"][int(logits.argmax())], flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
