"""MotionSense as a TensorFlow data set: the official files downloaded, one example a recording.

The only module of the package that imports TensorFlow; it is imported when a download is needed.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from hybrid_jax.data import motionsense_files as files
from hybrid_jax.data.windows import Recording
from hybrid_jax.errors import UserError

# TensorFlow is only ever asked for data: it must not take the accelerator's memory.
for _kind in ("GPU", "TPU"):
    tf.config.set_visible_devices([], _kind)

HOME = "https://github.com/mmalekzadeh/motion-sense"
RAW = f"{HOME}/raw/master/data"
CITATION = """@inproceedings{malekzadeh2019mobile,
  author = {Malekzadeh, Mohammad and Clegg, Richard G. and Cavallaro, Andrea and Haddadi, Hamed},
  title = {Mobile Sensor Data Anonymization},
  booktitle = {International Conference on Internet of Things Design and Implementation},
  year = {2019}
}"""


class MotionSense(tfds.core.GeneratorBasedBuilder):
    """Device motion of 24 subjects going downstairs, upstairs, walking and jogging.

    Its splits are the published trial split: trials 1 to 9 for training, 11 to 16 for the test.

    Args:
        source: the official zip or folder (`motionsense_files.Source`); downloaded when None.
        **kwargs: of `tfds.core.GeneratorBasedBuilder`; `data_dir` is where the examples are kept.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The four activities of the trial split."}  # noqa: RUF012

    def __init__(self, *, source: str | Path | None = None, **kwargs):
        self.source = None if source is None else files.Source(source)
        if self.source is not None:  # examples of other files must not be taken for these
            kwargs["config"] = tfds.core.BuilderConfig(name=f"local_{self.source.digest()}")
        super().__init__(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            homepage=HOME,
            citation=CITATION,
            features=tfds.features.FeaturesDict({
                "rows": tfds.features.Tensor(shape=(None, len(files.CHANNELS)), dtype=np.float32),
                "activity": tfds.features.ClassLabel(names=files.ACTIVITIES),
                "gender": tfds.features.ClassLabel(names=files.GENDERS),
                "identity": tfds.features.ClassLabel(names=[str(c) for c in files.CODES]),
                "number": np.int32,  # place in `motionsense_files.all_keys`
                "trial": np.int32,
                "height": np.float32,
                "weight": np.float32,
                "age": np.float32,
            }),
        )  # fmt: skip

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        source = self.source
        if source is None:
            paths = dl_manager.download(
                {"zip": f"{RAW}/{files.ARCHIVE}", "subjects": f"{RAW}/{files.SUBJECTS_FILE}"}
            )
            source = files.Source(paths["zip"], paths["subjects"])
            if source.digest() != files.OFFICIAL:
                raise UserError(
                    f"{RAW} no longer holds the files that this project knows (digest "
                    f"{source.digest()}, not {files.OFFICIAL}); {files.WANTED} in --config.data.dir"
                )
        recordings = [
            {"number": n, **vars(recording)} for n, recording in enumerate(files.read(source))
        ]
        last = files.LAST_TRAINING_TRIAL
        return {
            "train": self._generate_examples(r for r in recordings if r["trial"] <= last),
            "test": self._generate_examples(r for r in recordings if r["trial"] > last),
        }

    def _generate_examples(self, examples: Iterable[dict]) -> Iterator[tuple[int, dict]]:
        return ((example["number"], example) for example in examples)


def read(data_dir: Path) -> list[Recording]:
    """Every recording, in the published order; downloaded and prepared below `data_dir` if needed.

    Raises:
        UserError: the download failed, or brought other files than the official ones.
    """
    builder = MotionSense(data_dir=data_dir)
    try:
        if not builder.is_prepared():  # offline, TFDS itself would try for minutes
            urlopen(f"{RAW}/{files.SUBJECTS_FILE}", timeout=30).close()
        builder.download_and_prepare()
    except (OSError, tfds.download.DownloadError) as error:
        raise UserError(
            f"MotionSense could not be downloaded from {HOME} "
            f"({' '.join(str(error).split())[:200]}); {files.WANTED} in --config.data.dir, "
            "or set HYBRID_JAX_DATA to the folder above it"
        ) from error
    examples = tfds.as_numpy(builder.as_dataset(split="all"))
    return [
        Recording(
            **{
                name: value if name == "rows" else value.item()
                for name, value in example.items()
                if name != "number"
            }
        )
        for example in sorted(examples, key=lambda example: example["number"])
    ]
