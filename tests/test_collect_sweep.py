"""Collecting a sweep: its points by seed, every setting, and the best on validation in the tables."""

import pytest

from hybrid_jax import collect, report, results, selection
from hybrid_jax.errors import UserError

GRID = (0.0, 0.5, 1.0)
# (method, contrastive weight, reduced dimension) -> noise-free validation accuracy.
SETTINGS = {
    ("noisy_reduced", 0.0, 2): 0.80,
    ("noisy_reduced", 0.0, 4): 0.85,
    ("advanced", 0.1, 2): 0.90,
    ("advanced", 0.1, 4): 0.88,
    ("advanced", 1.0, 4): 0.89,
}


def records(seed, method, weight, dim):
    """A curve of accuracy and privacy, and the area that a point on its own would record."""
    about = {
        "dataset": "simulated", "split_kind": "trial", "method": method, "layer": "fc_2", "seed": seed,
        "reduction": "pca", "reduced_dim": dim, "contrastive_weight": weight, "margin": None,
    }  # fmt: skip
    privacy = {
        "evaluator": "privacy", "target": "gender", "gallery": "held_out", "attacker_data": "unseen",
        "mode": "single", "prior": "uniform", "ties": "mean", "classes": 2, "chance": 0.75,
    }  # fmt: skip
    made = []
    for noise in GRID:
        for split in ("validation", "test"):
            value = SETTINGS[method, weight, dim] - 0.2 * noise + 0.01 * seed
            made.append(
                results.record(
                    evaluator="accuracy", metric="accuracy", target="activity", split=split,
                    noise_relative=noise, value=value, **about,
                )
            )  # fmt: skip
        for metric, least, most in (("privacy", 0.5, 0.75), ("privacy_index", 0.0, 1.0)):
            made.append(
                results.record(
                    metric=metric, split="test", noise_relative=noise,
                    value=least + (most - least) * noise, **privacy, **about,
                )
            )  # fmt: skip
    area = results.record(
        metric="tradeoff_area", split="test", noise_relative=None, value=-1.0, **privacy, **about
    )
    return [*made, area]


def write(folder, seed, setting, **config):
    method, weight, dim = setting
    config = {
        "seed": seed, "layers": ["fc_2"], "methods": [method], "reduction": {"dim": dim},
        "siamese": {"contrastive_weight": {"fc_2": weight}}, **config,
    }  # fmt: skip
    path = folder / "points" / f"seed={seed}+{method}+{weight:g}+{dim}" / "results.json"
    results.write(path, "launch.py", config, records(seed, *setting), {"jax": "1"})
    return path.parent


@pytest.fixture
def sweep(tmp_path):
    for seed in (0, 1):
        for setting in SETTINGS:
            write(tmp_path / "sweep", seed, setting)
    return tmp_path / "sweep"


def collected(sweep, out):
    collect.collect(str(sweep), out, command="collect")
    return results.read(out)


def test_every_setting_is_merged_over_its_seeds_and_the_config_lists_what_varies(sweep, tmp_path):
    content = collected(sweep, tmp_path / "all")
    free = results.select(
        content["records"], evaluator="accuracy", split="test", noise_relative=0.0
    )
    got = {(r["method"], r["contrastive_weight"], r["reduced_dim"]): r for r in free}
    assert got.keys() == SETTINGS.keys()
    for setting, r in got.items():
        assert r["value"] == pytest.approx(SETTINGS[setting] + 0.005) and r["n_seeds"] == 2
        assert r["stderr"] == pytest.approx(0.005) and r["std"] == pytest.approx(0.005 * 2**0.5)
    config = content["config"]
    assert config["seed"] == [0, 1] and config["layers"] == ["fc_2"]
    assert sorted(config["reduction"]["dim"]) == [2, 4]
    assert sorted(config["methods"]) == [["advanced"], ["noisy_reduced"]]
    assert sorted(config["siamese"]["contrastive_weight"]["fc_2"]) == [0.0, 0.1, 1.0]


def test_tables_show_the_setting_that_is_best_on_validation_and_areas_compare_those(
    sweep, tmp_path
):
    content = collected(sweep, tmp_path / "all")
    best = selection.best(content["records"])
    assert best == {
        ("fc_2", "noisy_reduced", "pca"): (0.0, None, 4),
        ("fc_2", "advanced", "pca"): (0.1, None, 2),
    }
    areas = results.select(content["records"], metric="tradeoff_area")
    # Privacy is the same linear function of the noise, accuracy falls from its first value by .2.
    assert {(r["method"], r["reduced_dim"]): r["value"] for r in areas} == {
        ("advanced", 2): pytest.approx(0.805),
        ("noisy_reduced", 4): pytest.approx(0.755),
    }
    page = (tmp_path / "all" / "accuracy.md").read_text()
    marked = [line for line in page.splitlines() if "**→**" in line and line.startswith("|")]
    assert len(marked) == 2 and all(line.count("|") == 11 for line in marked)
    advanced = next(line for line in marked if "advanced" in line)
    # Noise costs 10 points at its first level: the operating noise is none.
    assert advanced.count("90.5 ± 0.7") == 3 and "## Settings" not in page
    # In the order of the methods, not of the folders' names.
    assert page.index("** FC-2, noisy reduced") < page.index("** FC-2, advanced")


def test_accuracy_at_the_operating_noise_needs_no_privacy():
    known = [r for s in SETTINGS for r in records(0, *s) if r["evaluator"] == "accuracy"]
    page = report.markdown("", known, report.About(tolerance=0.1))
    (line,) = (line for line in page.splitlines() if line.startswith("| **→** FC-2, advanced"))
    cells = [cell.strip() for cell in line.split("|")[2:-1]]
    assert cells == ["0.1", "–", "2", "1", "90.0", "90.0", "0.5", "80.0"]


def test_a_mean_over_fewer_seeds_is_not_chosen():
    most, lucky = records(0, "advanced", 0.1, 4), records(0, "advanced", 0.1, 2)
    merged = collect.merge({0: [*most, *lucky], 1: records(1, "advanced", 0.1, 4)}, partial=True)
    assert selection.best(merged) == {("fc_2", "advanced", "pca"): (0.1, None, 4)}


def test_one_setting_has_no_table_of_settings(tmp_path):
    own = records(0, "advanced", 0.1, 2)
    assert selection.shown(own) == own
    assert "Every setting" not in report.markdown("", own)


def test_the_choice_is_never_made_on_the_test_set():
    known = [r for s in SETTINGS for r in records(0, *s) if r["split"] == "test"]
    first = {("fc_2", s[0], "pca"): (s[1], None, s[2]) for s in reversed(SETTINGS)}
    assert selection.best(known) == first


def test_points_in_two_folders_are_the_same_as_in_one(sweep, tmp_path):
    whole = collected(sweep, tmp_path / "whole")
    for number, point in enumerate(sorted((sweep / "points").iterdir())):
        other = tmp_path / f"machine-{number % 3}" / "points"
        other.mkdir(parents=True, exist_ok=True)
        point.rename(other / point.name)
    collect.collect(f"{tmp_path}/machine-*", tmp_path / "split", command="collect")
    assert results.read(tmp_path / "split") == whole
    pages = [(tmp_path / name / "accuracy.md").read_bytes() for name in ("whole", "split")]
    assert pages[0] == pages[1]


def test_points_that_are_not_done_are_left_out_and_named(sweep, tmp_path, capsys):
    gone = sweep / "points" / "seed=1+advanced+1+4"
    (gone / "results.json").unlink()
    content = collected(sweep, tmp_path / "all")
    assert str(gone) in capsys.readouterr().err
    assert f"`{gone.name}`" in (tmp_path / "all" / "accuracy.md").read_text()
    counts = {
        (r["method"], r["contrastive_weight"]): r["n_seeds"]
        for r in results.select(content["records"], evaluator="accuracy")
    }
    assert counts["advanced", 1.0] == 1 and counts["advanced", 0.1] == 2


def test_a_point_that_lacks_a_part_of_an_embedding_is_refused(sweep, tmp_path):
    path = sweep / "points" / "seed=1+advanced+1+4"
    content = results.read(path)
    results.write(path / "results.json", "", content["config"], content["records"][:-2], {})
    with pytest.raises(UserError, match=r"seed 1 lacks the point .*method=advanced"):
        collected(sweep, tmp_path / "all")


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (
            lambda s: write(s, 1, ("advanced", 1.0, 4), data="other"),
            r"differ in data \(None and 'other'\); only the seed and what a sweep varies may",
        ),
        (
            lambda s: (
                write(s, 0, ("advanced", 1.0, 4)).rename(s / "points" / "twin")
                and write(s, 0, ("advanced", 1.0, 4))
            ),
            "seed 0 is there twice, in .*twin",
        ),
        (
            lambda s: (
                write(s, 0, ("advanced", 1.0, 4), rate=0.1).rename(s / "points" / "rate=0.1")
                and write(s, 0, ("advanced", 1.0, 4), rate=0.2)
            ),
            "differ in rate, which is not merged: collect the points of each value by themselves",
        ),
        (
            lambda s: [p.unlink() for p in s.glob("points/*/results.json")],
            "no point of the sweep .* is done",
        ),
    ],
)
def test_mistakes(sweep, tmp_path, spoil, complaint):
    spoil(sweep)
    with pytest.raises(UserError, match=complaint) as error:
        collected(sweep, tmp_path / "all")
    assert "\n" not in str(error.value) and not (tmp_path / "all").exists()


def test_equal_records_of_two_points_are_one_and_others_an_error():
    own = records(0, "advanced", 0.1, 2)[:1]
    assert collect.union(0, [own, own]) == own
    with pytest.raises(UserError, match=r"points of seed 0 differ in .* \(0.9 and 0.5\)"):
        collect.union(0, [own, [{**own[0], "value": 0.5}]])
