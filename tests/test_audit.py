"""`--mode=audit`: from an npz file to a page, results, or one clear line."""

import jax
import numpy as np
import pytest

from hybrid_jax import audit, results
from hybrid_jax.errors import UserError
from hybrid_jax.privacy import leakage

N, K = 60, 3


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    labels = np.arange(N) % K
    return {
        "features": rng.normal(size=(N, 4)) + labels[:, None],
        "labels": labels,
        "groups": np.arange(N) // 6,
        "primary": np.arange(N) % 2,
    }


def run(folder, arrays, **settings):
    np.savez(folder / "f.npz", **arrays)
    return audit.audit(folder / "f.npz", folder / "out", "the command", **settings)


def test_records_are_what_leakage_says(tmp_path, arrays):
    page, written = run(tmp_path, arrays, noise_std=(0, 0.5), num_draws=3, seed=4)
    records = results.read(written)["records"]
    assert results.distinct(records, "gallery") == ["self", "leave_one_out", "leave_group_out"]
    found = leakage(
        arrays["features"],
        arrays["labels"],
        noise_std=[0, 0.5],
        key=jax.random.key(4),
        num_draws=3,
        gallery="leave_group_out",
        groups=arrays["groups"],
        primary=arrays["primary"],
    )
    for metric in ("privacy", "top1", "mutual_information", "privacy_label_floor"):
        (own,) = results.select(
            records,
            metric=metric,
            gallery="leave_group_out",
            noise_std=0.0 if metric.endswith("floor") else 0.5,
        )
        name = metric.removesuffix("_label_floor")
        expected = (found.label_floor if name != metric else found.measures)[name]
        assert own["value"] == expected.value[-1]
        assert own["ci_low"] == expected.ci_low[-1]
    draws = {(r["noise_std"] > 0, r["draws"], r["stderr"] is not None) for r in records}
    assert draws == {(False, 1, False), (True, 3, True)}
    text = page.read_text()
    assert "the command" in text and "60 queries, 3 classes, 3 draws" in text
    assert "sees the primary label alone" in text and "prediction alone" not in text


def test_held_out_data_instance_mode_and_a_prior_of_ones_own(tmp_path, arrays):
    arrays |= {f"gallery_{k}": arrays[k] for k in ("features", "labels", "groups", "primary")}
    arrays["prior"] = np.array([0.5, 0.3, 0.2])
    _, written = run(
        tmp_path, arrays, modes=("classes", "instance"), priors=("uniform", "given"), num_draws=1
    )
    records = results.select(results.read(written)["records"], metric="privacy")
    about = [(r["mode"], r["gallery"], r["prior"], r["classes"]) for r in records]
    assert about == [
        ("classes", "held_out", "uniform", K),
        ("classes", "held_out", "given", K),
        ("instance", "self", "uniform", N),
    ]


MISTAKES = {
    "no array 'labels'": {"labels": None},
    "feature_s.*features": {"feature_s": np.zeros(3)},
    "row 3 holds NaN": {"features": np.where(np.arange(N)[:, None] == 3, np.nan, np.ones((N, 2)))},
    "groups has shape": {"groups": np.zeros(3)},
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_file_that_does_not_fit_is_named(tmp_path, arrays, message):
    changed = {k: v for k, v in (arrays | MISTAKES[message]).items() if v is not None}
    with pytest.raises(UserError, match=message):
        run(tmp_path, changed)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("message", "settings"),
    [
        ("gallery 'slef'", {"galleries": ("slef",)}),
        ("prior 'even'", {"priors": ("even",)}),
        ("no array prior", {"priors": ("given",)}),
        ("privacy_mode 'class'", {"modes": ("class",)}),
        ("noise_std -1", {"noise_std": (-1.0,)}),
        ("needs gallery_features", {"galleries": ("held_out",)}),
    ],
)
def test_a_setting_that_does_not_fit_is_named(tmp_path, arrays, message, settings):
    with pytest.raises(UserError, match=message):
        run(tmp_path, arrays, **settings)


def test_no_file_no_npz_and_a_folder_of_a_run(tmp_path, arrays):
    with pytest.raises(UserError, match="there is no such file"):
        audit.read(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("features")
    with pytest.raises(UserError, match="not an npz file"):
        audit.read(tmp_path / "text.npz")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(UserError, match="not an npz file"):
        audit.read(tmp_path / "cut.npz")
    np.save(tmp_path / "one.npy", arrays["features"])
    with pytest.raises(UserError, match="not an npz file"):
        audit.read(tmp_path / "one.npy")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "config.json").write_text("{}")
    with pytest.raises(UserError, match="holds a run"):
        run(tmp_path, arrays)
