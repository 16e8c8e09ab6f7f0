"""Tables of the page: those of accuracy.md, from their Markdown, and those of what a chart draws."""

from collections.abc import Mapping
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from hybrid_jax.report.page.chart import Chart


def html(markdown: str, label: str = "") -> Markup:
    """Markdown of a report as HTML: what is HTML in it is text; tables scroll in boxes of their own.

    Args:
        markdown: sentences and tables.
        label: what its tables are of, for who does not see them.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    # A report has no links, no pictures and no lists: `*` marks a number, `1.` begins one.
    parser.disable(
        ["link", "image", "autolink", "list", "heading", "lheading", "code", "reference"]
    )
    tokens = parser.parse(markdown)
    _head_rows(tokens)
    text = parser.renderer.render(tokens, parser.options, {})
    box = f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label or "Table")}">'
    text = text.replace("<table>", f"{box}\n<table>").replace("</table>", "</table>\n</div>")
    return Markup(text)


def inline(markdown: str) -> Markup:
    """A sentence of Markdown, without a paragraph around it."""
    return Markup(MarkdownIt("zero").enable(["backticks", "emphasis"]).renderInline(markdown))


def chart_table(chart: Chart) -> Markup:
    """A row for each row of the chart, a column for each of its columns.

    A number is written short, and stands whole in the `value` of its element: it is the record's, to the last digit.
    """
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in chart.columns.values())
    body = "\n".join(
        "<tr>" + "".join(_cell(r.get(name), name in chart.percent) for name in chart.columns) + "</tr>"
        for r in chart.rows
    )  # fmt: skip
    return Markup(f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>")


def settings(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of every setting, as text."""
    return [(name, str(value)) for name, value in config.items()]


def _cell(value: Any, in_percent: bool) -> str:
    if value is None:
        return "<td>–</td>"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"<td>{escape(value)}</td>"
    text = (
        f"{100 * value:.2f}"
        if in_percent
        else f"{value:.4g}"
        if abs(value) < 1e4
        else f"{value:,.0f}"
    )
    return f'<td><data value="{value!r}">{text}</data></td>'


def _head_rows(tokens: list[Token]) -> None:
    """Makes the first cell of each row its heading, and says of every heading what it heads."""
    first = in_body = False
    for token in tokens:
        if token.type in ("tbody_open", "tbody_close"):
            in_body = token.type == "tbody_open"
        elif token.type == "tr_open":
            first = True
        elif token.type == "th_open":
            token.attrSet("scope", "col")
        elif in_body and token.type == "td_open" and first:
            token.tag = "th"
            token.attrSet("scope", "row")
        elif in_body and token.type == "td_close" and first:
            token.tag, first = "th", False
