import time

import numpy as np
import pytest

from hybrid_jax.data import GAP, TEST, TRAIN, VALIDATION, simulated
from hybrid_jax.errors import UserError

SMALL = {"num_subjects": 6, "trials_per_activity": 2, "seconds": 5.0}


@pytest.fixture(scope="module")
def default():
    return simulated.load()


def raw_windows(made, numbers):
    rows = made.rows[made.starts[numbers][:, None] + np.arange(made.window)]
    return (rows * made.std + made.mean).transpose(0, 2, 1)


def describe(raw):
    """Mean, deviation and log-spectrum of every channel."""
    spectrum = np.abs(np.fft.rfft(raw - raw.mean(2, keepdims=True), axis=2))[:, :, 1:9]
    return np.concatenate(
        [raw.mean(2), raw.std(2), np.log(spectrum + 0.1).reshape(len(raw), -1)], axis=1
    )


@pytest.fixture(scope="module")
def probe(default):
    """Test accuracy on a column of logistic regression, fitted to training windows."""
    train, test = default.indices(TRAIN)[::6], default.indices(TEST)[::6]
    x, x_test = (describe(raw_windows(default, part)) for part in (train, test))
    mean, std = x.mean(0), x.std(0)
    x, x_test = ((part - mean) / std for part in (x, x_test))

    def accuracy(column, *, shuffle=None):
        labels = default.columns[column]
        if shuffle is not None:
            labels = shuffle.permutation(labels)
        one_hot = np.eye(labels.max() + 1)[labels[train]]
        weights, momentum = np.zeros((2, x.shape[1], one_hot.shape[1]))
        for _ in range(150):
            p = np.exp(x @ weights - (x @ weights).max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            momentum = 0.9 * momentum + x.T @ (p - one_hot) / len(x)
            weights = weights - 0.3 * momentum
        return (np.argmax(x_test @ weights, 1) == labels[test]).mean(), len(test)

    return accuracy


@pytest.mark.parametrize("column", ["gender", "identity"])
def test_a_plain_probe_finds_the_sensitive_trace(probe, column):
    assert probe(column)[0] >= 0.9


@pytest.mark.parametrize(("column", "chance"), [("gender", 1 / 2), ("identity", 1 / 24)])
def test_a_plain_probe_on_shuffled_labels_is_at_chance(probe, column, chance):
    accuracy, n = probe(column, shuffle=np.random.default_rng(0))
    assert abs(accuracy - chance) < 4 * np.sqrt(chance * (1 - chance) / n)


def test_activity_can_be_learnt_but_not_at_a_glance(default, probe):
    assert 0.85 < probe("activity")[0] < 0.99
    means = raw_windows(default, default.indices(TEST)).mean(2)
    activity = default.columns["activity"][default.indices(TEST)]
    centres = np.stack([means[activity == a].mean(0) for a in range(4)])
    nearest = ((means[:, None] - centres) ** 2).sum(2).argmin(1)
    assert (nearest == activity).mean() < 0.7


def test_depends_only_on_the_seed():
    one, same, other = (simulated.load(**SMALL, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.rows, same.rows)
    assert (one.rows != other.rows).all(axis=1).mean() > 0.99
    for name in ("height", "weight", "age"):
        assert (one.columns[name] != other.columns[name]).any()


def test_schema_is_motionsense_s(default):
    assert default.rows.shape[1] == 12 and default.rows.dtype == np.float32
    assert default.classes["activity"] == ("dws", "ups", "wlk", "jog")
    assert default.classes["gender"] == ("female", "male")
    assert default.classes["identity"] == tuple(str(i) for i in range(1, 25))
    subjects = dict(zip(*(default.columns[c] for c in ("identity", "gender")), strict=True))
    assert sorted(subjects) == list(range(24)) and sum(subjects.values()) == 12
    recordings = np.unique(
        np.stack([default.columns[c] for c in ("recording", "identity", "activity", "trial")]),
        axis=1,
    )
    assert recordings.shape[1] == 24 * 4 * 3 == len(np.unique(recordings[1:], axis=1).T)
    for part in (TRAIN, VALIDATION, TEST, GAP):
        assert len(default.indices(part))
    assert (default.columns["trial"][default.indices(TEST)] == 11).all()
    height, male = default.columns["height"], default.columns["gender"] == 1
    assert 5 < height[male].mean() - height[~male].mean() < 20


def test_units_are_those_of_a_phone(default):
    rows = default.rows * default.std + default.mean
    attitude, gravity, rotation, acceleration = np.split(rows, 4, axis=1)
    assert np.abs(attitude).max() < np.pi + 0.1
    np.testing.assert_allclose(np.linalg.norm(gravity, axis=1), 1, atol=0.08)
    assert 0.5 < rotation.std() < 5 and np.abs(rotation).max() < 35
    assert 0.1 < acceleration.std() < 1.5 and abs(acceleration.mean()) < 0.2


def test_sensors_agree_with_one_another(monkeypatch):
    monkeypatch.setattr(simulated, "NOISE", np.zeros(12))
    rows = np.stack([r.rows for r in simulated.simulate(2, 2, 4.0, 0)]).astype(np.float64)
    (roll, pitch, _), gravity, rotation = (
        np.moveaxis(rows[..., :3], -1, 0), rows[..., 3:6], rows[..., 6:9])  # fmt: skip
    down = [np.cos(pitch) * np.sin(roll), -np.sin(pitch), -np.cos(pitch) * np.cos(roll)]
    np.testing.assert_allclose(gravity, np.stack(down, -1), atol=1e-6)
    # A vector at rest in the world turns against the phone: dg/dt = g x omega.
    turning = np.gradient(gravity, 1 / 50, axis=1)[:, 1:-1]
    np.testing.assert_allclose(turning, np.cross(gravity, rotation)[:, 1:-1], atol=0.12)
    assert np.abs(turning).max() > 2


def test_subject_split_holds_out_women_and_men():
    made = simulated.load(split_kind="subject", trials_per_activity=2, seconds=5.0)
    who = {part: set(made.columns["identity"][made.split == part].tolist())
           for part in (TRAIN, VALIDATION, TEST)}  # fmt: skip
    assert [len(who[part]) for part in (TRAIN, VALIDATION, TEST)] == [16, 4, 4]
    assert len(set.union(*who.values())) == 24
    for part in who:
        assert made.columns["gender"][made.split == part].mean() == 0.5


def test_sizes(default):
    start = time.perf_counter()
    made = simulated.load(**SMALL, window=30, step=15)
    assert time.perf_counter() - start < 1
    assert made.rows.shape == (6 * 4 * 2 * 250, 12)
    assert len(made.starts) == 6 * 4 * 2 * ((250 - 30) // 15 + 1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_subjects": 7}, "num_subjects 7: must be even and at least 2"),
        ({"num_subjects": 0}, "num_subjects 0"),
        ({"num_subjects": 4, "split_kind": "subject"}, "at least 6 for the subject split"),
        ({"split_kind": "subjects"}, "did you mean 'subject'"),
        ({"trials_per_activity": 1}, "trials_per_activity 1: must be 2 to 11"),
        ({"seconds": 0.5}, "seconds 0.5"),
        ({"seconds": float("nan")}, "seconds nan"),
        ({"window": 251}, "simulated: no training window of 251 rows"),
    ],
)
def test_wrong_sizes_are_named(wrong, message):
    with pytest.raises(UserError, match=message):
        simulated.load(**SMALL | wrong)
