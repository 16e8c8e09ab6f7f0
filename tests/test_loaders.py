"""A batch loaded by its samples' numbers is what the device would gather, or what TFDS wrote."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from hybrid_jax.data import simulated
from hybrid_jax.data.loaders import LoadExamples, LoadSamples
from hybrid_jax.data.stream import GROUP, Stream
from hybrid_jax.data.windows import gather
from hybrid_jax.errors import UserError

# In a process of its own: TensorFlow writes the set, and reading must not need it.
WRITE = """
import sys
import numpy as np
import tensorflow_datasets as tfds

class Small(tfds.core.GeneratorBasedBuilder):
    "Twenty images, each of one colour, its number."
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(16, 16, 3)),
            "label": tfds.features.ClassLabel(num_classes=5),
            "weight": np.float32,
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for i in range(20):
            yield i, {"image": np.full((16, 16, 3), i, np.uint8), "label": i % 5, "weight": i / 2}

for kind in ("array_record", "tfrecord"):
    Small(data_dir=sys.argv[1] + "/" + kind, file_format=kind).download_and_prepare()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("tfds")
    command = [sys.executable, "-c", WRITE, root]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return root / "array_record" / "small" / "1.0.0"


def check(batch):
    number = batch["image"][..., 0, 0, 0].astype(int)
    assert batch["image"].dtype == np.uint8 and batch["image"].shape[-3:] == (16, 16, 3)
    assert (batch["image"] == batch["image"][..., :1, :1, :1]).all()
    assert batch["label"].dtype == np.int32
    np.testing.assert_array_equal(batch["label"], number % 5)
    assert batch["weight"].dtype == np.float32
    np.testing.assert_array_equal(batch["weight"], number / 2)
    return number


def test_examples_are_read_in_any_order(folder):
    load = LoadExamples(folder, "train")
    assert len(load) == 20
    everything = check(load(np.arange(20)))
    assert sorted(everything) == list(range(20))
    chosen = np.array([7, 0, 19, 7], np.int32)
    np.testing.assert_array_equal(check(load(chosen)), everything[chosen])
    part = LoadExamples(folder, "train[50%:]")
    np.testing.assert_array_equal(check(part(np.arange(len(part)))), everything[10:])
    again = pickle.loads(pickle.dumps(load))
    np.testing.assert_array_equal(check(again(chosen)), everything[chosen])


class Watched(LoadExamples):
    """Tells too whether its process has loaded TensorFlow."""

    def __call__(self, numbers):
        batch = super().__call__(numbers)
        return batch | {"tensorflow": np.full(len(numbers), "tensorflow" in sys.modules)}


def test_two_workers_decode_them_for_the_device(folder):
    load = Watched(folder, "train")
    everything = check(load(np.arange(20)))
    stream = Stream(load, np.arange(20), 4, workers=2)
    order = np.uint32(1)
    groups = [
        {name: np.asarray(a) for name, a in group.items()} for group in stream.groups(order, 0, 24)
    ]
    plan = stream.plan(order, 0, 3)
    assert len(groups) == 3
    for group, numbers in zip(groups, plan, strict=True):
        assert group["image"].shape == (GROUP, 4, 16, 16, 3)
        np.testing.assert_array_equal(check(group), everything[numbers])
        assert not group["tensorflow"].any()


def test_mistakes_are_named(folder, tmp_path):
    for message, arguments in {
        "is no prepared data set": (tmp_path, "train"),
        "unknown split of .* 'trian': did you mean 'train'": (folder, "trian[:50%]"),
        "holds tfrecord files": (
            folder.parents[2] / "tfrecord" / "small" / "1.0.0",
            "train",
        ),
    }.items():
        with pytest.raises(UserError, match=message):
            LoadExamples(*arguments)


def test_windows_are_what_the_device_gathers():
    windows = simulated.load(num_subjects=2, trials_per_activity=2, seconds=4.0)
    labels = windows.columns["activity"]
    numbers = np.array([5, 0, len(windows.starts) - 1, 5], np.int32)
    batch = LoadSamples(windows.take, labels)(numbers)
    expected = gather(windows.rows, windows.starts[numbers], windows.window)
    assert batch["windows"].shape == (4, windows.rows.shape[1], windows.window)
    np.testing.assert_array_equal(batch["windows"], expected)
    np.testing.assert_array_equal(batch["labels"], labels[numbers])
    assert {name: a.dtype for name, a in batch.items()} == {
        "windows": np.float32,
        "labels": np.int32,
    }
