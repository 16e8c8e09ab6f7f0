import itertools
import re

import page_records
import pytest
from page_tree import drawn

from hybrid_jax import paper
from hybrid_jax.report.page import page, theme

TEXT = {"ink": "paper", "muted": "raised", "link": "paper", "warn": "warn-paper"}


def schemes():
    light, dark = (page.HERE / "page.css").read_text().split("@media (prefers-color-scheme: dark)")
    return [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css.partition("\n}\n")[0]))
        for css in (light, dark)
    ]


def luminance(colour):
    """Relative luminance, as WCAG 2.2 defines it."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", schemes(), ids=["light", "dark"])
def test_letters_and_marks_stand_out(colours):
    """WCAG 2.2: 4.5 to 1 for text (1.4.3), 3 to 1 for what is drawn (1.4.11)."""
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    for letters, behind in TEXT.items():
        assert contrast(colours[letters], colours[behind]) >= 4.5, letters
    marks = [theme.colour(m) for m in paper.METHOD_NAMES]
    marks += [theme.layer_colour(i) for i in range(theme.LAYER_COLOURS + 1)]
    for name in marks:
        assert contrast(colours[name[6:-1]], colours["paper"]) >= 3, name


def test_strokes_on_bars_have_a_halo_of_paper():
    """WCAG 2.2, 1.4.11: ink on bars has less than 3 to 1, and nothing stands out less from paper than bars do."""
    bare = {"tooltip", "strokeDash"}
    seen = []
    specs = drawn(page.html("c", {}, page_records.everything(), {}))["specs"]
    for layers in (
        s["layer"] for s in specs if any(x["mark"]["type"] == "bar" for x in s["layer"])
    ):
        for below, layer in itertools.pairwise(layers):
            mark, behind = layer["mark"], below["mark"]
            if mark.get("color") == "var(--ink)":
                seen.append(mark["type"])
                assert (behind["type"], behind["color"]) == (mark["type"], "var(--paper)")
                for width in {"strokeWidth", "thickness"} & set(mark):
                    assert behind[width] >= mark[width] + 2
                assert mark.get("opacity") == behind.get("opacity")
                assert mark["type"] == "rule" or mark["opacity"] == 1  # ticks are pale otherwise
                places = [
                    {k: v for k, v in x["encoding"].items() if k not in bare}
                    for x in (layer, below)
                ]
                assert places[0] == places[1] and layer.get("data") == below.get("data")
            else:  # what else ink surrounds is of paper
                assert mark.get("stroke") != "var(--ink)" or mark["fill"] == "var(--paper)"
    assert sorted(seen) == ["rule"] * 3 + ["tick"]  # of an attack, and of a device
    for colours in schemes():
        assert contrast(colours["ink"], colours["paper"]) >= 3


def test_methods_that_a_chart_shows_together_differ_in_colour_and_those_with_noise_in_shape():
    drawn = [m for m in paper.METHOD_NAMES if m != "on_premise"]
    for colours in schemes():
        assert len({colours[theme.colour(m)[6:-1]] for m in drawn}) == len(drawn)
    assert len({theme.shape(m) for m in ("noisy", "noisy_reduced", "advanced")}) == 3
    assert theme.colour("of_somebody") == "var(--ink)"
