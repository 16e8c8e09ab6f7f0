"""A folder of CSV files, one recording in each."""

import csv
import itertools

import numpy as np
import pytest

from configs import own
from hybrid_jax.data import GAP, TEST, TRAIN, VALIDATION, Recorded, from_recordings
from hybrid_jax.data.csv_files import load
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import check, setup
from hybrid_jax.models.dense import DenseStage, Heads
from hybrid_jax.stages import Network, Stage
from hybrid_jax.task import Task

LABELS, SENSORS = ("gesture", "hand"), ("x", "y")
ROWS, WINDOW, STEP = 400, 20, 5


def rows_of(number):
    return np.random.default_rng(number).normal(2, 3, (ROWS, 2)).astype(np.float32).round(3)


def write(folder, index=True, change=None):
    """Eight recordings of four people; `change` is given each one's table, as rows of text, and gives another."""
    folder.mkdir(exist_ok=True)
    listed = [["file", "gesture", "hand", "identity"]]
    for number in range(8):
        person = number // 2
        about = [("knock", "wave")[number % 2], ("right", "left")[person % 2], f"p{person}"]
        table = [["x", "y"], *rows_of(number).tolist()]
        if not index:
            table = [[*table[0], *listed[0][1:]], *([*row, *about] for row in table[1:])]
        table = change(table) if change and number == 3 else table
        with open(folder / f"r{number}.csv", "w", newline="") as file:
            csv.writer(file).writerows(table)
        listed.append([f"r{number}.csv", *about])
    if index:
        with open(folder / "index.csv", "w", newline="") as file:
            csv.writer(file).writerows(listed)
    return folder


def read(folder, **changes):
    return load(folder, LABELS, SENSORS, **{"window": WINDOW, "step": STEP} | changes)


@pytest.mark.parametrize("kind", ["trial", "subject"])
def test_every_window_is_of_one_recording_and_splits_share_no_row(tmp_path, kind):
    samples = read(write(tmp_path / "mine"), split_kind=kind)
    raw = samples.rows * samples.std + samples.mean
    every = {number: rows_of(number) for number in range(8)}
    seen = {part: set() for part in (TRAIN, VALIDATION, TEST)}
    for n in range(len(samples.split)):
        window = raw[samples.starts[n] : samples.starts[n] + WINDOW]
        whose, hand = samples.columns["identity"][n], samples.columns["hand"][n]
        gesture = samples.classes["gesture"][samples.columns["gesture"][n]]
        number = 2 * int(samples.classes["identity"][whose][1:]) + (gesture == "wave")
        assert samples.classes["hand"][hand] == ("left" if number // 2 % 2 else "right")
        at = np.flatnonzero(np.isclose(every[number], window[:1], atol=1e-3).all(axis=1))
        (start,) = (a for a in at if np.allclose(every[number][a : a + WINDOW], window, atol=1e-3))
        if samples.split[n] != GAP:
            seen[int(samples.split[n])] |= {(number, start + i) for i in range(WINDOW)}
    assert all(seen.values())
    assert not any(a & b for a, b in itertools.combinations(seen.values(), 2))
    assert samples.people_apart == (kind == "subject") and samples.dataset == "mine"


def test_columns_may_stand_in_the_recordings(tmp_path):
    a, b = (read(write(tmp_path / str(index), index)) for index in (True, False))
    np.testing.assert_array_equal(a.rows, b.rows)
    for name, values in a.columns.items():
        np.testing.assert_array_equal(values, b.columns[name])


def test_where_a_label_changes_another_recording_begins():
    def changing(number):
        labels = {"gesture": np.repeat(["wave", "knock"], ROWS // 2), "hand": "lr"[number % 2]}
        return Recorded(f"r{number}", rows_of(number), labels)

    samples = from_recordings("mine", [changing(n) for n in range(4)], LABELS, window=20, step=5)
    begins = samples.starts - samples.columns["start"]
    for start, begin, label in zip(samples.starts, begins, samples.columns["gesture"], strict=True):
        same = samples.columns["gesture"][(begins == begin)]
        assert (same == label).all() and start >= begin
    assert len(np.unique(begins)) == 4 * 2 * 2  # each half once for training, once for test


def test_a_given_split_is_of_whole_recordings():
    splits = ["train"] * 4 + ["validation"] * 2 + ["test"] * 2 + ["gap"]
    recordings = [
        Recorded(
            f"r{n}", rows_of(n), {"gesture": "ab"[n % 2], "hand": "lr"[n // 2 % 2], "split": s}
        )
        for n, s in enumerate(splits)
    ]
    samples = from_recordings("mine", recordings, LABELS, window=20, step=5)
    assert np.bincount(samples.split).tolist() == [4 * 77, 2 * 77, 2 * 77]


def cell(row, column, value):
    def change(table):
        table[row][column] = value
        return table

    return change


IN_A_FILE = {
    "unknown column of mine/r3.csv 'y'": cell(0, 1, "z"),
    "mine/r3.csv: column 'x' has 'much' in line 8: give a number": cell(7, 0, "much"),
    "mine/r3.csv: column 'x' has 'nan' in line 8: give a number": cell(7, 0, "nan"),
    "mine/r3.csv: column 'x' has '-inf' in line 9": lambda table: [
        *table[:7],
        [],
        *cell(0, 0, "-inf")(table[7:]),
    ],
    "mine/r3.csv: line 5 has 1 fields, there are 2 columns": lambda table: [*table[:4], ["1"]],
    "mine/r3.csv has 19 rows, fewer than a window (config.data.window 20)": lambda table: table[
        :20
    ],
    "mine/r3.csv is empty": lambda table: [],
    "mine/r3.csv: column 'x' has '' in line 9": cell(8, 0, ""),
    "mine/r3.csv: two columns of one name: x, x": cell(0, 1, "x"),
}


@pytest.mark.parametrize("message", IN_A_FILE)
def test_mistakes_in_a_file(message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "mine", change=IN_A_FILE[message])
    with pytest.raises(UserError) as caught:
        read("mine")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_other_mistakes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"config.data.dir 'no': no such folder"):
        read("no")
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match=r"none has no CSV file, and no index.csv"):
        read("none")
    write(tmp_path / "mine")
    with pytest.raises(UserError, match=r"unknown column of mine/r0.csv 'subject'"):
        read("mine", identity="subject")
    with pytest.raises(UserError, match="unknown class in column 'hand' of mine 'left'"):
        read("mine", classes={"hand": ("right", "lefft")})
    with pytest.raises(UserError, match="one person is of two classes"):
        read("mine", split_kind="subject", balance="gesture")
    with open(tmp_path / "mine" / "index.csv", "a") as file:
        file.write("r9.csv,wave,left,p9\n")
    with pytest.raises(
        UserError, match=r"index.csv: column 'file', line 10: there is no mine/r9.csv"
    ):
        read("mine")


def test_a_value_that_a_recording_lacks():
    for given, where in ((" ", ""), (np.array(["l"] * 5 + [""] * 95), " in row 6 of 100")):
        recordings = [Recorded("r0", np.zeros((100, 2)), {"gesture": "a", "hand": given})]
        with pytest.raises(UserError, match=f"r0: column 'hand' has no value{where}: give one"):
            from_recordings("mine", recordings, LABELS, window=20)


def test_an_index_that_is_named_has_to_be_there(tmp_path):
    with pytest.raises(UserError, match=r"config.data.index other.csv: there is no .*other.csv"):
        read(str(write(tmp_path / "mine")), index="other.csv")


def test_a_row_that_is_no_number_in_what_a_function_gives():
    recordings = [Recorded("r0", rows_of(0), {"gesture": "a", "hand": "l"}, SENSORS)]
    recordings[0].rows[6, 1] = np.nan
    with pytest.raises(UserError, match="r0: column 'y' has NaN or infinity in row 7"):
        from_recordings("mine", recordings, LABELS, window=20)


def test_recordings_too_short_for_an_adversary_are_named_before_training(tmp_path):
    data = {"name": "csv", "dir": str(write(tmp_path / "mine")), "labels": LABELS}
    data |= {
        "sensors": SENSORS,
        "window": 20,
        "step": 15,
    }  # of a test recording 7 windows, a gap of 5
    config = own.experiment(data=data, primary="gesture", sensitive=("hand",), layers=("fc",))
    samples = setup.load_samples(config)
    network = Network((Stage("fc", DenseStage(8, flatten=True)), Stage("o", Heads((("a", 2),)))))
    with pytest.raises(UserError, match="mine: test recordings are too short to be halved"):
        check.with_task(config, Task(network, samples, "gesture"))
