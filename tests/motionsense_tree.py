"""MotionSense's layout in small: a folder and a zip that tests write, for the fixtures in conftest.py."""

import numpy as np

from hybrid_jax.data import motionsense_files as files

HEADER = "," + ",".join(files.CHANNELS)
MEN = (1, 2, 4, 6, 9, 11, 12, 13, 14, 15, 17, 20, 21, 22)


def recording_text(key, num_rows=120):
    code, activity, trial = key
    rng = np.random.default_rng([code, trial, files.ACTIVITIES.index(activity)])
    rows = rng.normal(code, trial, (num_rows, 12)).round(6)
    lines = [f"{n}," + ",".join(map(str, row)) for n, row in enumerate(rows)]
    return "\n".join([HEADER, *lines]) + "\n"


def write_tree(root):
    for key in files.all_keys():
        path = root / files.FOLDER / files.file_of(*key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(recording_text(key))
    lines = [f"{c},{60 + c},{150 + c},{20 + c},{int(c in MEN)}" for c in files.CODES]
    text = "\n".join(["code,weight,height,age,gender", *lines])  # no line end, as the official one
    (root / files.SUBJECTS_FILE).write_bytes(b"\xef\xbb\xbf" + text.encode())
    return root
