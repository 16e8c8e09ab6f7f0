"""report.html as a browser has it: Debian's Chromium, driven by Playwright, opens the file itself."""

import re
import shutil

import page_records
import pytest
from page_tree import drawn

from hybrid_jax import report

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
DRAWN = ".chart[data-drawn]"
UNDRAWN = ".chart:not([data-drawn])"
# As browsers do that lay out nothing of what is folded away.
LAID_OUT_LATER = """document.addEventListener("DOMContentLoaded", () => {
  const style = document.createElement("style");
  style.textContent = "details:not([open])::details-content { display: none }";
  document.head.append(style);
});"""


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"needs a browser: one of {', '.join(BROWSERS)} on the PATH")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    report.write(
        folder,
        page_records.COMMAND,
        page_records.CONFIG,
        page_records.everything(),
        versions=page_records.VERSIONS,
        rebuilt=page_records.images(),
    )
    return folder / "report.html"


@pytest.fixture
def opened(chromium, path):
    """Opens the page; `said` holds what the console and the network had to say."""
    contexts = []

    def open_page(viewport, scheme="light", script=""):
        context = chromium.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.said = []
        page.add_init_script(script)
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.said.append(request.url[:80]))
        page.on("requestfailed", lambda request: page.said.append(f"failed: {request.url[:80]}"))
        page.goto(path.as_uri())
        page.wait_for_selector(f"{DRAWN} svg")
        page.wait_for_selector(
            UNDRAWN, state="detached"
        )  # those that are folded away too, a little later
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_nothing_is_loaded_and_nothing_complains(opened, path):
    page = opened(DESKTOP)
    for details in page.query_selector_all("details"):
        details.evaluate("element => { element.open = true }")
    page.wait_for_selector(UNDRAWN, state="detached")
    loaded = [text for text in page.said if not text.startswith("data:")]
    assert loaded == [path.as_uri()[:80]]
    assert page.evaluate("window.harmed") is None
    assert page.evaluate("document.images[0].naturalWidth") > 100
    assert page.locator(".chart svg").count() == len(drawn(path.read_text())["charts"])


@pytest.mark.parametrize("script", ["", LAID_OUT_LATER], ids=["laid out", "not laid out"])
def test_charts_that_are_folded_away_are_there_when_the_page_is_printed(opened, script):
    page = opened(DESKTOP, script=script)
    folded = page.locator("details.charts:not([open]) .chart svg")
    assert (count := folded.count()) > 2
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert folded.count() == 0
    drawn_wide = page.locator("details.charts .chart svg")
    assert min(drawn_wide.nth(i).bounding_box()["width"] for i in range(count)) > 300
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert folded.count() == count  # as the reader had left it
    one = page.locator("details.charts").first
    one.locator("summary").first.click()
    chart = one.locator(".chart").first
    chart.locator("svg").wait_for()
    wide = chart.bounding_box()["width"]
    assert chart.locator("svg").bounding_box()["width"] == pytest.approx(wide, abs=2)
    page.set_viewport_size(PHONE)
    page.wait_for_timeout(300)
    assert chart.locator("svg").bounding_box()["width"] < wide - 100


def test_a_point_says_its_own_numbers(opened, path):
    page = opened(DESKTOP)
    name = "tradeoff-gender-held_out-unseen-fc_1"
    chart = page.locator(f"#{name}")
    chart.scroll_into_view_if_needed()
    points = [
        p for p in drawn(path.read_text())["charts"][name]["points"] if p["accuracy"] is not None
    ]
    marks = chart.locator("g.mark-symbol path[aria-roledescription='point']")
    assert marks.count() == len(points)
    # The last in the order of drawing lies above all others.
    place = len(points) - 1
    box = marks.nth(place).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tooltip = page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    text, point = tooltip.inner_text(), points[place]
    assert point["method"] in text and point["cloud"] in text
    assert f"{100 * point['accuracy']:.1f}%" in text and f"{100 * point['privacy']:.1f}%" in text
    assert f"{point['privacy_index']:.3f}" in text


def test_the_switch_shows_the_index_instead(opened):
    page = opened(DESKTOP)
    chart = page.locator("#tradeoff-gender-held_out-unseen-fc_1")
    assert "mean rank / K" in chart.inner_text()
    page.locator(".axis input[value=index]").first.check()
    page.wait_for_selector("#tradeoff-gender-held_out-unseen-fc_1[data-drawn=index]")
    assert "privacy index" in chart.inner_text() and "mean rank" not in chart.inner_text()
    # Of the same choice are those that are folded away.
    page.wait_for_selector("[data-shows=index] .chart[data-drawn=privacy]", state="detached")


def test_dark_readers_get_a_dark_page_with_light_letters(opened):
    colours = {}
    for scheme in ("light", "dark"):
        page = opened(DESKTOP, scheme)
        colours[scheme] = [
            _lightness(page.evaluate(f"getComputedStyle(document.querySelector('{of}')).{what}"))
            for of, what in (
                ("body", "backgroundColor"),
                ("body", "color"),
                (".chart svg .role-axis-title text", "fill"),
            )
        ]
    light, dark = colours["light"], colours["dark"]
    assert light[0] > 240 and max(light[1:]) < 100
    assert dark[0] < 40 and min(dark[1:]) > 200


def test_a_phone_scrolls_down_alone_and_tables_in_their_boxes(opened):
    page = opened(PHONE)
    for details in page.query_selector_all("details"):
        details.evaluate("element => { element.open = true }")
    page.wait_for_selector(UNDRAWN, state="detached")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    wide = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).length"
    )
    assert wide > 0
    widths = page.evaluate(
        "[...document.querySelectorAll('.chart svg')].map(e => e.getBoundingClientRect().right)"
    )
    assert max(widths) <= PHONE["width"]


def test_the_keyboard_reaches_the_skip_link_the_charts_and_their_tables(opened):
    page = opened(DESKTOP)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    box = page.locator(".skip").bounding_box()
    assert box["y"] >= 0  # it comes into sight
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator("#attack-gender").focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for _ in range(2):  # the link to the command, then the table
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open") is True


def _lightness(colour: str) -> float:
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3
