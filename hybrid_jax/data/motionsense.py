"""MotionSense (Malekzadeh et al. 2018, 2019): phones' motion at 50 Hz, windowed.

24 subjects walk, jog and climb stairs with an iPhone 6s in the front pocket. The prepared windows
are cached; training opens only that. A source that is named is first compared with it, by checksums.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from hybrid_jax.data import motionsense_files as files
from hybrid_jax.data import windows as _windows
from hybrid_jax.data.prepared import default_cache, home, prepared
from hybrid_jax.data.samples import TEST, TRAIN, VALIDATION
from hybrid_jax.data.windows import Recording, Windows
from hybrid_jax.errors import UserError

# Two women and two men each; every other subject is for training.
HELD_OUT: Mapping[int, tuple[int, ...]] = MappingProxyType(
    {TEST: (5, 10, 12, 22), VALIDATION: (3, 8, 6, 14)}
)


def load(
    directory: str | Path | None = None,
    *,
    split_kind: str = "trial",
    strict: bool = True,
    window: int = 50,
    step: int = 10,
    cache: str | Path | None = None,
) -> Windows:
    """MotionSense's windows, from the cache if it has them.

    Args:
        directory: the official zip or folder (`motionsense_files.Source`). By default
            $HYBRID_JAX_DATA/motionsense where that exists, else the files are downloaded.
        split_kind: "trial" (trials above 10 are the test set; validation is the last 10 % of each
            training recording after a gap of 5 windows) or "subject" (`HELD_OUT`).
        strict: each recording on its own (61,446 training, validation and gap windows and 14,139
            test windows in the trial split); otherwise the published windows (61,726 and 14,094).
        window: rows in a window. step: rows from one window to the next.
        cache: folder of prepared sets; by default `default_cache()`.

    Raises:
        UserError: an unknown split, no data, damaged data, or a cache that cannot be written.
    """
    _windows.check_shape(split_kind, window, step)
    source = find_source(directory)
    identity = files.OFFICIAL if source is None else source.digest()
    folder = default_cache() if cache is None else Path(cache).expanduser()
    kind = "strict" if strict else "published"

    def split_of(recording: Recording) -> int:
        if split_kind == "trial":
            return TEST if recording.trial > files.LAST_TRAINING_TRIAL else TRAIN
        code = files.CODES[recording.identity]
        return next((part for part, codes in HELD_OUT.items() if code in codes), TRAIN)

    def make() -> Windows:
        return _windows.make_windows(
            download(folder / "tfds") if source is None else list(files.read(source, window)),
            dataset="motionsense",
            classes={
                "activity": files.ACTIVITIES,
                "gender": files.GENDERS,
                "identity": tuple(str(code) for code in files.CODES),
            },
            split_kind=split_kind,
            split_of=split_of,
            window=window,
            step=step,
            strict=strict,
        )

    name = f"motionsense-{split_kind}-{kind}-{window}-{step}-{identity}"
    return prepared(Windows, name, make, folder)


def find_source(directory: str | Path | None) -> files.Source | None:
    """The files at `directory`, else in $HYBRID_JAX_DATA/motionsense; None where neither is named.

    Raises:
        UserError: the named folder does not exist or is not MotionSense.
    """
    if directory:
        return files.Source(directory)
    folder = home("motionsense")
    return files.Source(folder) if folder else None


def download(folder: Path) -> list[Recording]:
    """Every recording, from the official home by way of TensorFlow Datasets, kept in `folder`.

    Raises:
        UserError: TensorFlow Datasets is not installed, or the download failed.
    """
    try:
        from hybrid_jax.data import motionsense_tfds  # the only door to TensorFlow
    except ImportError as error:
        raise UserError(
            f"MotionSense is neither cached nor named, and downloading it needs "
            f"{error.name}: install that, or {files.WANTED}"
        ) from error
    return motionsense_tfds.read(folder)
