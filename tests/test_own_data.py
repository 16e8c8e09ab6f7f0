"""Data of the user's own: what comes out is what went in, splits share nothing, and mistakes are named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_jax.data import GAP, TEST, TRAIN, VALIDATION, columns, from_arrays
from hybrid_jax.data.npz_file import load as load_npz
from hybrid_jax.errors import UserError
from hybrid_jax.evaluators.closeness import of_signals
from hybrid_jax.evaluators.reconstruction import DECODERS
from hybrid_jax.experiment import setup

LABELS = ("gesture", "hand")
PEOPLE, WINDOW, STEP, EACH = 6, 20, 5, 60


def arrays(**changes):
    """Overlapping windows of six people, two recordings each, in a mixed order."""
    generator = np.random.default_rng(0)
    size = PEOPLE * 2 * EACH
    recording = np.repeat(np.arange(PEOPLE * 2), EACH)
    found = {
        "inputs": generator.normal(3, 2, (size, 3, WINDOW)),
        "gesture": np.array(["wave", "knock"])[generator.integers(0, 2, size)],
        "hand": np.array(["left", "right"])[recording // 2 % 2],
        "identity": recording // 2,
        "recording": recording,
        "start": np.tile(np.arange(EACH) * STEP, PEOPLE * 2),
    }
    mixed = generator.permutation(size)
    return {name: values[mixed] for name, values in found.items()} | changes


def overlapping(samples):
    """Pairs of splits of which some samples share rows."""
    columns, used = samples.columns, np.flatnonzero(samples.split != GAP)
    same = columns["recording"][used][:, None] == columns["recording"][used][None]
    near = np.abs(columns["start"][used][:, None] - columns["start"][used][None]) < samples.span
    split = samples.split[used]
    return (same & near & (split[:, None] != split[None])).any()


def test_windows_keep_their_values_and_labels():
    given = arrays()
    samples = from_arrays("a/mine.npz", given, LABELS)
    assert samples.dataset == "mine" and samples.input_shape == (3, WINDOW)
    training = samples.split == TRAIN
    raw = samples.values * samples.std[:, None] + samples.mean[:, None]
    np.testing.assert_allclose(samples.values[training].mean((0, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(samples.values[training].std((0, 2)), 1, rtol=1e-4)
    at = {
        (r, s): n for n, (r, s) in enumerate(zip(given["recording"], given["start"], strict=True))
    }
    for n in range(0, len(raw), 37):
        own = at[int(samples.columns["recording"][n]), int(samples.columns["start"][n])]
        np.testing.assert_allclose(raw[n], given["inputs"][own], atol=1e-4)
        for name in (*LABELS, "identity"):
            assert samples.classes[name][samples.columns[name][n]] == str(given[name][own])


@pytest.mark.parametrize("kind", ["trial", "subject"])
def test_splits_share_no_row(kind):
    samples = from_arrays("mine", arrays(), LABELS, split_kind=kind)
    assert {TRAIN, VALIDATION, TEST} <= set(samples.split.tolist()) and not overlapping(samples)
    whose = [set(samples.columns["identity"][samples.split == s].tolist()) for s in (TRAIN, TEST)]
    assert (whose[0] == whose[1]) if kind == "trial" else not whose[0] & whose[1]
    assert samples.people_apart == (kind == "subject")


def test_a_given_split_is_kept():
    given = arrays()
    names = np.array(["train", "test", "validation"])[[0, 0, 0, 1, 1, 2]]
    samples = from_arrays("mine", given | {"split": names[given["identity"]]}, LABELS)
    expected = np.array([TRAIN, TRAIN, TRAIN, TEST, TEST, VALIDATION])
    np.testing.assert_array_equal(samples.split, expected[samples.columns["identity"]])
    assert samples.split_kind == "subject"


def test_a_balanced_split_of_people_has_both_hands():
    samples = from_arrays("mine", arrays(), LABELS, split_kind="subject", balance="hand")
    for part in (TRAIN, TEST, VALIDATION):
        assert set(samples.columns["hand"][samples.split == part]) == {0, 1}


def test_vectors_without_people_and_images_of_people():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 200)
    given = {"inputs": generator.normal(size=(200, 7)), "gesture": labels}
    vectors = from_arrays("mine", given, ["gesture"])
    assert vectors.input_shape == (7,) and np.bincount(vectors.split).tolist() == [105, 35, 60]
    pixels = generator.integers(0, 256, (200, 8, 8, 3)).astype(np.uint8)
    given = {"inputs": pixels, "gesture": labels, "identity": np.arange(200) // 10}
    for kind, name in (("trial", "image"), ("subject", "identity")):
        images = from_arrays("mine", given, ["gesture"], split_kind=kind)
        assert images.split_kind == name and images.presented("symmetric").input_shape == (8, 8, 3)
        np.testing.assert_array_equal(images.images.sum(), pixels.sum())


def with_nan():
    values = arrays()["inputs"].copy()
    values[4, 1, 2] = np.nan
    return values


HAND = np.zeros(PEOPLE * 2 * EACH, int)
# The first pair of recording 0 that shares rows across the splits, where the mixed order has it.
FIRST = {
    int(s): n
    for n, (r, s) in enumerate(zip(*(arrays()[c] for c in ("recording", "start")), strict=True), 1)
    if r == 0
}
ONE, OTHER = sorted((FIRST[145], FIRST[150]))
BY_START = np.where(arrays()["start"] < 150, "train", "test")
IN_ARRAYS = {
    "unknown column of mine.npz 'gesture'": {"gesture": None},
    "mine.npz: column 'hand' has shape (3,), there are 720 samples": {"hand": np.zeros(3, int)},
    "mine.npz: column 'hand' has one class, 0": {"hand": HAND},
    "mine.npz: column 'hand' has 0.5: a label is a whole number": {"hand": HAND + 0.5},
    "mine.npz: column 'hand' has no value in row 1": {"hand": HAND + np.nan},
    "mine.npz: column 'inputs' has shape (720, 2, 2, 2, 2): give vectors": {
        "inputs": np.zeros((720, 2, 2, 2, 2))
    },
    "mine.npz: column 'inputs' is of type float32: images are uint8": {
        "inputs": np.zeros((720, 4, 4, 1), np.float32)
    },
    "mine.npz: column 'inputs' has NaN or infinity in 1 of 720 samples, first in sample 5": {
        "inputs": with_nan()
    },
    "mine.npz: column 'hand' has no training sample of class right": {
        "split": np.where(arrays()["hand"] == "left", "train", "test")
    },
    f"mine.npz: column 'split': samples {ONE} and {OTHER} are in two splits": {"split": BY_START},
    "unknown class in column 'split' of mine.npz 'tset': did you mean 'test'": {
        "split": np.full(720, "tset")
    },
    "mine.npz: windows may overlap: give a column 'recording'": {"recording": None},
    "mine.npz: column 'start' is no column of whole numbers": {"start": HAND + 0.5},
    "mine.npz: column 'start' has 2147483648 in row 720, beyond 2147483647: count": {
        "start": np.arange(720) + 2**31 - 719
    },
    "config.data.file mine.npz: array 'hand' holds Python objects: save text as .astype(str)": {
        "hand": np.array(["left", None] * 360)
    },
    "mine.npz: window [20, 20]: give one whole number": {"window": np.array([20, 20])},
    "mine.npz: window 'wide': give one whole number": {"window": np.array("wide")},
    "mine.npz: column 'hand' is not UTF-8": {"hand": np.array([b"\xff", b"r"])[HAND]},
}


@pytest.mark.parametrize("message", IN_ARRAYS)
def test_mistakes_in_an_npz(message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {n: a for n, a in arrays(**IN_ARRAYS[message]).items() if a is not None}
    np.savez("mine.npz", **given)
    with pytest.raises(UserError) as caught:
        load_npz("mine.npz", LABELS)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_bytes_are_text():
    hands = [
        samples.classes["hand"]
        for samples in (
            from_arrays("mine", arrays(hand=arrays()["hand"].astype(kind)), LABELS)
            for kind in ("S", "U")
        )
    ]
    assert hands[0] == hands[1] == ("left", "right")


def test_unknown_classes_files_and_settings(tmp_path):
    with pytest.raises(UserError, match="unknown class in column 'gesture' of mine 'wave'"):
        from_arrays("mine", arrays(), LABELS, classes={"gesture": ("knock", "wav")})
    with pytest.raises(UserError, match=r"unknown label \(config.data.classes\) 'gestur'"):
        from_arrays("mine", arrays(), LABELS, classes={"gestur": ("knock", "wave")})
    with pytest.raises(
        UserError, match=r"config.data.labels 'hand': give several, as in \('hand',\)"
    ):
        setup.samples_of({"name": "npz", "file": "no.npz", "labels": "hand"}, None, 0)
    with pytest.raises(
        UserError, match="has channels, which data set 'npz' does not take: it takes file, labels"
    ):
        setup.samples_of(
            {"name": "npz", "file": "no.npz", "labels": LABELS, "channels": 1}, None, 0
        )
    with pytest.raises(
        UserError, match="no training sample of class 0, 1, 2, 3, 4 and 95 more: give"
    ):
        whose, names = np.arange(720) % 100, tuple(map(str, range(100)))
        columns.check_classes("mine", np.full(720, TEST), {"p": whose}, {"p": names}, ["p"])
    with pytest.raises(UserError, match=r"config.data.file .*: no such file"):
        load_npz(tmp_path / "no.npz", LABELS)
    (tmp_path / "bad.npz").write_text("no zip")
    with pytest.raises(UserError, match="is no npz of plain arrays"):
        load_npz(tmp_path / "bad.npz", LABELS)
    with pytest.raises(UserError, match=r"config.data has no file, which data set 'npz' needs"):
        setup.samples_of({"name": "npz", "labels": LABELS}, None, 0)
    with pytest.raises(UserError, match="unknown split_kind of mine 'random'"):
        from_arrays("mine", arrays(), LABELS, split_kind="random")
    with pytest.raises(UserError, match="2 people are too few"):
        few = arrays()
        from_arrays("mine", few | {"identity": few["identity"] // 3}, LABELS, split_kind="subject")


def test_a_function_that_gives_no_samples(monkeypatch):
    monkeypatch.setitem(setup.DATASETS, "mine", lambda: 3)
    with pytest.raises(UserError, match="data set 'mine' gives int: return Samples"):
        setup.samples_of({"name": "mine"}, None, 0)
    samples = from_arrays("mine", arrays(), LABELS)
    samples.columns["hand"] = samples.columns["hand"][:-1]
    monkeypatch.setitem(setup.DATASETS, "mine", lambda: samples)
    with pytest.raises(UserError, match=r"mine: column 'hand' has shape \(719,\)"):
        setup.samples_of({"name": "mine"}, None, 0)


def test_vectors_are_rebuilt_as_windows_of_one_moment_are():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, 30, 7))
    for a, b in zip(of_signals(x, y), of_signals(x[..., None], y[..., None]), strict=True):
        assert a == b
    z = jnp.zeros((3, 4), jnp.float32)
    decoder = DECODERS[1]((7,))
    rebuilt, _ = decoder.apply(decoder.init(jax.random.key(0), z), z)
    assert rebuilt.shape == (3, 7)
