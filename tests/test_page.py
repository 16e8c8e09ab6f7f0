import itertools
import json
import re

import page_records
import pytest
from page_records import COMMAND, CONFIG, HOSTILE, VERSIONS
from page_tree import Tree, drawn, headings
from synthetic_records import run

from hybrid_jax import attacked, collect, paper, report, results, tradeoff
from hybrid_jax.report import page
from hybrid_jax.report.page import tables
from hybrid_jax.report.page.tradeoff_rows import AXES


@pytest.fixture(scope="module")
def records():
    return page_records.everything()


@pytest.fixture(scope="module")
def written(records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    files = report.write(
        folder, COMMAND, CONFIG, records, versions=VERSIONS, rebuilt=page_records.images()
    )
    assert [path.name for path in files[:2]] == ["accuracy.md", "report.html"]
    return folder


@pytest.fixture(scope="module")
def text(written):
    return (written / "report.html").read_text()


def test_it_is_whole_html_whose_names_are_unique_and_known(text):
    tree = Tree(text)
    names = [attrs["id"] for _, attrs in tree.elements if "id" in attrs]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[\w-]+", name) for name in names)
    for name in ("aria-labelledby", "aria-describedby"):
        for _, attrs in tree.elements:
            assert set(attrs.get(name, "").split()) <= set(names)
    links = [attrs["href"] for attrs in tree.of("a")]
    assert all(link.startswith("#") and link[1:] in names for link in links)
    assert tree.of("html") == [{"lang": "en"}] and len(tree.of("h1")) == 1
    # A heading is at most one level below the one before it.
    levels = [int(tag[1]) for tag, _ in tree.elements if re.fullmatch(r"h\d", tag)]
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))


def test_it_loads_nothing_and_lets_nothing_else_run(text):
    tree = Tree(text)
    for tag, attrs in tree.elements:
        assert not ({"srcset", "action", "formaction", "data", "poster"} & set(attrs))
        for value in (attrs.get("src"), attrs.get("href")):
            assert value is None or value.startswith(("#", "data:"))
        assert not any(name.startswith("on") for name in attrs), tag
    (policy,) = (a["content"] for a in tree.of("meta") if "http-equiv" in a)
    assert policy.startswith(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-"
    )
    assert (
        "unsafe-eval" not in policy
        and "url(" not in re.search(r"<style>.*?</style>", text, re.DOTALL)[0]
    )
    assert "://" not in json.dumps(drawn(text))


def test_every_mark_of_a_trade_off_is_a_point_of_its_records(text, records):
    charts, seen = drawn(text)["charts"], 0
    for curve in tradeoff.headline(records):
        about = curve.about
        if about["reduction"] == "autoencoder":
            continue
        name = "-".join(
            filter(None, ("tradeoff", about["target"], *curve.adversary, about["layer"]))
        )
        method, cloud = paper.method_name(about["method"]), about["cloud"]
        own = [
            p for p in charts[name]["points"]
            if (p["method"], p["cloud"]) == (method, {"original": "as trained", "retrained": "re-trained"}[cloud])
        ]  # fmt: skip
        for field in (
            "noise_relative",
            "noise_std",
            "accuracy",
            "privacy",
            "privacy_index",
            "privacy_error",
        ):
            assert [p[field] for p in own] == getattr(curve, field).tolist()
        at = tradeoff.operating_points(records)[curve.name]
        assert [p["noise_relative"] for p in own if p["operating"]] == pytest.approx([at])
        chance, floor = charts[name]["lines"]
        assert (chance["privacy"], chance["privacy_index"]) == (curve.chance, 1.0)
        assert (
            floor["privacy"] == pytest.approx(0.9 * curve.chance) and floor["privacy_index"] == 0.9
        )
        seen += len(own)
    assert seen == sum(len(c["points"]) for n, c in charts.items() if n.startswith("tradeoff"))
    assert {axis for c in charts.values() for axis in c["specs"]} == {*AXES, ""}


def test_every_bar_and_every_session_is_its_record(text, records):
    charts = drawn(text)["charts"]
    bars = charts["attack-gender"]["points"]
    best = results.select(
        attacked.headline(records, "gender"), attacker="best", metric=attacked.MEASURE
    )
    shown = [
        (b["value"], b["ci_low"], b["n_fit"], b["which"])
        for b in bars
        if b["what"] == "best attacker"
    ]
    assert shown == [(r["value"], r["ci_low"], r["n_fit"], "mlp") for r in best] and best
    floors = [b["value"] for b in bars if b["what"].startswith("classifier")]
    assert floors == [0.6] * len(best)
    assert charts["attack-gender"]["lines"] == [{"name": "chance", "at": 0.5}]
    points = charts["uploads-gender-privacy-session"]["points"]
    assert [(p["queries"], p["value"]) for p in points] == sorted(
        ((r["queries"], r["value"]) for r in tradeoff.uploads(records)), key=lambda p: p[0]
    )
    bars = {bar["configuration"]: bar["value"] for bar in charts["device-0"]["points"]}
    names = ["On-premise", "Reduced, FC-1", "Reduced, FC-1, autoencoder"]
    assert bars == dict.fromkeys(names, 1.2345678)
    (spec,) = charts["device-0"]["specs"].values()
    # Each from 0 on, not from where another ends.
    assert drawn(text)["specs"][spec]["layer"][0]["encoding"]["x"]["stack"] is None


def test_the_table_under_a_chart_holds_its_marks_to_the_last_digit(text):
    for name, chart in drawn(text)["charts"].items():
        figure = text[text.index(f'id="{name}"') :]
        table = figure[figure.index("<table>") : figure.index("</table>")]
        found = [
            re.findall(r"<td>(?:<data value=\"([^\"]*)\">)?([^<]*)", line)
            for line in re.findall(r"<tr>(.*?)</tr>", table)[1:]
        ]
        assert len(found) == len(chart["points"])
        for cells, point in zip(found, chart["points"], strict=True):
            numbers = [float(exact) for exact, _ in cells if exact]
            assert numbers and set(numbers) <= {
                v for v in point.values() if isinstance(v, (int, float))
            }
            assert point["method"] in [words for _, words in cells]
            if not name.startswith("device"):  # whose times are of no seed
                assert {"3", "seed 3"} & {words for _, words in cells}


def test_a_share_is_written_in_percent_and_what_is_missing_is_a_dash():
    assert tables._cell(0.123456, True) == '<td><data value="0.123456">12.35</data></td>'
    assert tables._cell(1.25, False) == '<td><data value="1.25">1.25</data></td>'
    assert (
        tables._cell(None, True) == "<td>–</td>"
        and tables._cell("<b>", False) == "<td>&lt;b&gt;</td>"
    )


def test_the_tables_of_accuracy_md_are_all_there_cell_by_cell(text, written):
    page_cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", text)
    lines = (written / "accuracy.md").read_text().splitlines()
    for line in (line for line in lines if line.startswith("|") and ":--" not in line):
        for cell in (cell.strip() for cell in line.strip("|").split("|")):
            assert cell.replace("**→** ", "<strong>→</strong> ") in page_cells or not cell
    for line in (line for line in lines if line.startswith("## ")):
        assert line[3:] in headings(text)


def test_every_chart_and_picture_has_words_and_a_table(text):
    tree = Tree(text)
    charts = [a for a in tree.of("div") if a.get("class") == "chart"]
    assert {a["id"] for a in charts} == set(drawn(text)["charts"])
    assert all(a["tabindex"] == "0" and "table below" in a["aria-label"] for a in charts)
    (image,) = tree.of("img")
    assert image["src"].startswith("data:image/webp;base64,") and "originals" in image["alt"]
    assert text.count("<figure") == len(charts) + 1
    assert all(
        a.get("tabindex") == "0" and a["aria-label"]
        for a in tree.of("div")
        if a.get("class") == "scroll"
    )


def test_what_a_config_or_a_command_holds_is_text(text):
    assert "<script>window" not in text and "<img src=x" not in text
    words = "".join(Tree(text).text)
    assert COMMAND in words and words.count(HOSTILE) >= 4
    hostile = [{**r, "target": HOSTILE, "dataset": HOSTILE} for r in page_records.attacks()]
    assert "<script>window" not in page.html("c", {}, hostile, {})


@pytest.mark.parametrize(
    ("kept", "there", "gone"),
    [
        ({"evaluator": "accuracy"}, ["Accuracy", "What protection costs"], ["Attacks", "Privacy of", "On a device"]),
        ({"evaluator": "attack"}, ["Attacks on gender", "What it learns of gender"], ["Accuracy", "Privacy of"]),
        ({"evaluator": "privacy"}, ["What is uploaded"], ["Accuracy", "Attacks", "Reconstruction"]),
        ({"evaluator": "device"}, ["On a device"], ["Accuracy", "Attacks", "Privacy of"]),
        ({"evaluator": "none"}, ["What ran"], ["Accuracy", "Attacks", "On a device", "Who the adversary is"]),
    ],
)  # fmt: skip
def test_a_section_goes_with_its_records(records, kept, there, gone):
    text = page.html("c", {"seed": 3}, results.select(records, **kept), {})
    Tree(text)
    found = headings(text)
    assert set(there) <= set(found)
    assert not [heading for heading in found for word in gone if word in heading]
    assert ("<script>" in text) == ('class="chart"' in text)
    if kept["evaluator"] in ("accuracy", "none"):
        assert "nothing of what an adversary gets" in text


def test_a_collection_says_so(tmp_path):
    for seed in (5, 6):
        made = run(seed, layers=("fc_1",)) + page_records.attacks(seed)
        made = [
            r for r in made if r["layer"] == "fc_1" and (r["evaluator"] != "privacy" or r["mode"])
        ]
        results.write(tmp_path / str(seed) / "results.json", "one", {"seed": seed}, made, VERSIONS)
    collect.collect(f"{tmp_path}/[56]", tmp_path / "all", "two")
    text = (tmp_path / "all" / "report.html").read_text()
    Tree(text)
    assert (
        "Training was repeated (seeds 5, 6)" in text
        and "over 2 seeds" in text
        and "mean of 2" in text
    )
