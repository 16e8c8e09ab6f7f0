"""Data of your own: a folder of CSV files, an npz, or a function; nothing of the package is edited.

python own_recordings.py    # writes recordings/ and windows.npz here
python launch.py --config=own_data.py --workdir=runs/csv       # also own_data.py:npz and own_data.py:function
"""

import numpy as np

from configs import own
from hybrid_jax.data import DATASETS, from_arrays

COLUMNS = {"labels": ("gesture", "hand"), "identity": "subject"}
DATA = {
    "csv": {"name": "csv", "dir": "recordings", "sensors": tuple("xyz"), "window": 40, "step": 5},
    "npz": {"name": "npz", "file": "windows.npz"},
    "function": {"name": "gestures", "file": "windows.npz"},
}


def gestures(file, labels, identity):
    """A function of your own returns Samples; here of windows that it smooths."""
    with np.load(file) as saved:
        arrays = dict(saved)
    arrays["inputs"] = arrays["inputs"][..., 1:] + arrays["inputs"][..., :-1]
    arrays["window"] = arrays["inputs"].shape[2] + 1  # rows that one is of
    return from_arrays(file, arrays, labels, identity=identity)


DATASETS["gestures"] = gestures


def get_config(arg=None):
    """Gestures, without the hand that makes them and whose it is."""
    data = DATA[arg or "csv"] | COLUMNS
    labels = {"primary": "gesture", "sensitive": ("hand", "identity")}
    return own.experiment(data=data, **labels)
