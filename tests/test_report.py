import io
import re

import matplotlib
import numpy as np
import pytest
from matplotlib.image import imread
from synthetic_records import LAYERS, run

from hybrid_jax import collect, figures, paper, report, results, tradeoff
from hybrid_jax.report import accuracy, privacy


@pytest.fixture(scope="module")
def records():
    made = run(noise_scale=0.0)
    return made + tradeoff.tradeoff_area_records(made)


def rows(markdown):
    """First cell -> the other cells."""
    lines = [line.strip("| ").split("|") for line in markdown.splitlines() if line[:1] == "|"]
    return {first.strip(): [cell.strip() for cell in rest] for first, *rest in lines}


def tuned(layers=("conv_4", "fc_1")):
    points = [
        {"contrastive_weight": w, "margin": m, "siamese": 0.95 - 0.02 * w, "reduced_siamese": 0.9}
        for m in (3.0, 10.0)
        for w in (0.1, 0.3, 1.0)
    ]
    one = {"points": points, "simple": 0.953, "tolerance": 0.01, "chosen": points[4]}
    return {"layers": dict.fromkeys(layers, one)}


def space(n=60):
    rng = np.random.default_rng(0)
    names = np.array(["dws", "ups", "wlk"])[rng.integers(0, 3, n)]
    flat = rng.standard_normal((2, n, 2)).astype(np.float32)
    return {"before": flat[0], "after": flat[1], "primary": names, "sensitive": names[::-1]}


def test_table_1_has_the_papers_shape_and_figures(records):
    found = rows(report.accuracy_table(records))
    assert list(found) == [
        "Method", ":-----------------------", "Simple", "Reduced", "Siamese", "Red. Siam.",
        "Reduced (autoencoder)", "Red. Siam. (autoencoder)",
    ]  # fmt: skip
    assert found["Method"] == ["Conv-4", "FC-1", "FC-2"]
    assert found["Simple"] == ["95.3* (paper 93.0)", "95.3* (paper 92.7)", "95.4* (paper 93.2)"]
    assert found["Reduced"] == ["66.4* (paper 85.3)", "92.8 (paper 92.5)", "95.3* (paper 93.1)"]
    assert found["Red. Siam. (autoencoder)"] == ["93.1", "–", "–"]


def test_the_papers_figures_go_by_task_layer_and_method(records):
    assert paper.table_1("activity", "conv_4", "reduced") == 85.3
    assert paper.table_1("gender", "conv5_2", "reduced_siamese") == 92.9
    assert paper.table_1("emotion", "conv_4", "simple") is None
    faces = [
        {**r, "target": "gender", "layer": {"conv_4": "conv5_1"}.get(r["layer"], "pool_9")}
        for r in records
        if r["evaluator"] == "accuracy" and r["layer"] != "fc_2"
    ]
    found = rows(report.accuracy_table(faces))
    assert found["Method"] == ["Conv5-1", "pool_9"]
    assert found["Reduced"] == ["66.4* (paper 89.7)", "92.8"]


def test_after_collecting_a_cell_has_the_spread_and_it_counts_for_the_mark(records):
    wide = [{**r, "std": 0.01, "n_seeds": 3} for r in records]
    found = rows(report.accuracy_table(wide))
    assert found["Simple"][0] == "95.3 ± 1.0* (paper 93.0)"  # 2.3 points: more than 2 std
    assert found["Red. Siam."][2] == "95.6 ± 1.0 (paper 94.2)"  # 1.4 points: not


def test_differences_are_of_the_same_layer(records):
    found = rows(accuracy.difference_table(records))
    assert found["Red. Siam. − Reduced"] == [
        "+19.7 (paper +4.8)", "+1.8 (paper +0.3)", "+0.3 (paper +1.1)",
    ]  # fmt: skip
    assert rows(accuracy.settings_table(records))["FC-1"] == ["0.3", "10", "8"]


def test_the_operating_table_shows_what_the_records_hold(records):
    found = rows(privacy.operating_table(records, "gender"))
    noise = tradeoff.operating_points(records)["fc_1", "advanced", "pca"]
    where = {"layer": "fc_1", "method": "advanced", "split": "test", "noise_relative": (0.0, noise)}
    at = [
        [f"{100 * r['value']:.1f}" for r in results.select(records, **where, **more)]
        for more in (
            {"metric": "accuracy", "cloud": "original"},
            {"metric": "privacy", "target": "gender", "gallery": "leave_group_out"},
        )
    ]
    cells = found["FC-1, advanced"]
    assert cells[0] == f"{noise:.3g}"
    assert (cells[3], cells[6]) == tuple(f"{free} → {noisy}" for free, noisy in at)
    assert found["Chance"] == ["", "", "", "", "", "75.0", "75.0", "75.0", "75.0"]


def test_equal_privacy_is_interpolated_and_left_out_where_it_is_not_reached(records):
    found = rows(privacy.equal_privacy_table(records, "gender"))
    curves = {
        c.about["method"]: c
        for c in tradeoff.curves(records, target="gender", attacker_data="unseen", cloud="original")
        if c.name[0] == "fc_1"
    }
    ours, theirs = (100 * curves[m].accuracy_at(0.7) for m in ("advanced", "noisy_reduced"))
    assert found["Layer, gallery, cloud"][3] == "at 70.0 %"
    assert found["FC-1, unseen data"][3] == f"{ours - theirs:+.1f} ({ours:.1f} / {theirs:.1f})"
    assert found["FC-1, training data"][0] == "–"
    middle = re.fullmatch(r"\S+ \(.*\) at (.*) %", found["FC-1, unseen data"][-1])
    pair = [100 * curves[m].privacy for m in ("advanced", "noisy_reduced")]
    low, high = max(p.min() for p in pair), min(p.max() for p in pair)
    assert float(middle[1]) == pytest.approx((low + high) / 2, abs=0.05)


def test_the_verdict_is_read_in_the_middle_of_what_both_reach(records):
    lines = privacy.verdict(records)
    # Training and unseen data at every layer; the autoencoder and the re-trained cloud are in the tables alone.
    assert [line.split(":")[0] for line in lines] == [
        f"{layer}, {data} data"
        for layer in ("Conv-4", "FC-1", "FC-2")
        for data in ("training", "unseen")
    ]
    pair = [
        c
        for c in tradeoff.curves(records, target="gender", attacker_data="unseen", cloud="original")
        if c.name in (("fc_1", "advanced", "pca"), ("fc_1", "noisy_reduced", "pca"))
    ]
    theirs, ours = sorted(pair, key=lambda c: c.about["method"], reverse=True)
    reached = [(c.privacy.min(), c.privacy.max()) for c in pair]
    level = (max(low for low, _ in reached) + min(high for _, high in reached)) / 2
    gain = 100 * (ours.accuracy_at(level) - theirs.accuracy_at(level))
    assert f"{gain:+.1f} points of accuracy at gender privacy {100 * level:.1f} %" in lines[3]

    apart = [r for r in records if r["method"] != "advanced" or r["noise_relative"] == 2.0]
    assert privacy.verdict([r for r in apart if r["layer"] == "conv_4"]) == []


def test_areas_are_shown_for_each_gallery(records):
    found = rows(privacy.area_table(records, "gender"))
    where = {"metric": "tradeoff_area", "target": "gender", "gallery": "self", "layer": "fc_2"}
    areas = [
        results.select(records, **where, method=m, cloud="retrained")[0]["value"]
        for m in ("advanced", "noisy_reduced")
    ]
    shown = f"{areas[0] - areas[1]:+.3f} ({areas[0]:.3f} / {areas[1]:.3f})"
    assert found["FC-2, re-trained"][0] == shown
    alone = [r for r in records if r["method"] != "noisy_reduced"]
    assert privacy.area_table(alone, "gender") == ""


def test_the_report_says_less_when_less_was_measured(records, tmp_path):
    only = results.select(records, evaluator="accuracy", method=("simple", "siamese"))
    text = report.markdown("command", only)
    assert "Simple" in text and "Privacy" not in text and "nan" not in text
    text = report.markdown("command", run(layers=LAYERS[:1]))
    assert "Accuracy at equal gender privacy" in text and "Area" not in text
    written = report.write(tmp_path, "command", {}, only)
    assert [p.name for p in written] == ["accuracy.md", "report.html", "results.json"]
    assert report.accuracy_table([]) == ""
    assert "nan" not in report.markdown("", []) and "## Settings" not in report.markdown("", [])


def test_settings_and_title_do_without_accuracies(records):
    told = results.select(records, evaluator="privacy", target="gender", layer=("conv_4", "fc_1"))
    assert rows(accuracy.settings_table(told))["FC-1"] == ["0.3", "10", "8"]
    assert report.markdown("", told).startswith("# Privacy of gender on motionsense")


def test_a_report_is_the_same_bytes_again(records, tmp_path):
    some = [r for r in records if r["layer"] == "fc_1"]
    spaces = {"fc_1": space()}
    first, second = (
        report.write(tmp_path / name, "command", {"seed": 0}, some, spaces) for name in "ab"
    )
    assert [p.relative_to(tmp_path / "a").as_posix() for p in first] == [
        "accuracy.md", "report.html", "figures/tradeoff_method.png", "figures/tradeoff_layer.png",
        "figures/feature_space.png", "results.json",
    ]  # fmt: skip
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert not list(tmp_path.rglob(".*"))
    text = report.summary(first)
    assert "Red. Siam." in text and re.search(r"FC-1, unseen data: .* \+\d+\.\d points", text)


def test_the_summary_of_tuning_is_what_was_chosen(tmp_path):
    path = results.write_json(tmp_path / "tune.json", tuned())
    assert rows(report.summary([path]))["FC-1"] == ["0.3", "10", "95.3", "94.4", "90.0"]
    assert report.summary([tmp_path / "other.png"]) == ""


def drawings(records):
    return {
        "tradeoff_method": lambda p: figures.tradeoff_method(p, records),
        "tradeoff_layer": lambda p: figures.tradeoff_layer(p, records),
        "feature_space": lambda p: figures.feature_space(p, {"fc_1": space(), "fc_2": space(1)}),
        "tune": lambda p: figures.tune(p, tuned()),
    }


@pytest.mark.parametrize("name", ["tradeoff_method", "tradeoff_layer", "feature_space", "tune"])
def test_a_figure_is_a_picture_with_something_on_it(records, tmp_path, name):
    path = drawings(records)[name](tmp_path / "figures" / f"{name}.png")
    image = imread(path)
    assert min(image.shape[:2]) > 500 and 0.5 < image[..., :3].mean() < 0.995
    assert b"Software" not in path.read_bytes()
    assert matplotlib.rcParams["axes.spines.top"]  # no style of ours is left behind


def test_nothing_to_draw_makes_no_file(tmp_path):
    accuracies = results.select(run(), evaluator="accuracy")
    for draw in (figures.tradeoff_method, figures.tradeoff_layer):
        assert draw(tmp_path / "a.png", accuracies) is None
    assert figures.feature_space(tmp_path / "a.png", {}) is None
    assert figures.tune(tmp_path / "a.png", {"layers": {}}) is None
    assert not list(tmp_path.iterdir())


def test_figures_bear_missing_panels_and_errors_and_single_points(tmp_path):
    made = [
        r
        for r in collect.merge({k: run(k, layers=LAYERS[:2]) for k in range(2)})
        # identity is only in `self`, as on the subject split; conv_4 has a single noise
        if (r["target"] != "identity" or r["gallery"] == "self")
        and (r["layer"] != "conv_4" or r["noise_relative"] == 0)
    ]
    for draw in (figures.tradeoff_method, figures.tradeoff_layer):
        image = imread(io.BytesIO(draw(tmp_path / "a.png", made).read_bytes()))
        # two held-out galleries and, as there is no identity in them, the paper's
        assert image.std() > 0.01 and image.shape[0] == round(200 * (1.2 + 2.75 * 3))
