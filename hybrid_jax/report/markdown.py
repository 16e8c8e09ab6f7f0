"""Markdown that reads as well in a terminal."""

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with columns padded to one width; the first column is flush left."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(header))]
    rule = [":" + "-" * (w - 1) if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    lines = [_line(cells[0], widths), f"| {' | '.join(rule)} |"]
    return "\n".join(lines + [_line(row, widths) for row in cells[1:]])


def _line(row, widths) -> str:
    padded = [
        cell.ljust(w) if i == 0 else cell.rjust(w)
        for i, (cell, w) in enumerate(zip(row, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def percent(value: float | None, digits: int = 1, sign: str = "") -> str:
    """A share in [0, 1] in percent; a dash for what is not there (None, nan)."""
    if value is None or value != value:
        return "–"
    return f"{100 * value:{sign}.{digits}f}"
