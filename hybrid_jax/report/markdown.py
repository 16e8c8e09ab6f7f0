"""Markdown that reads as well in a terminal."""

from collections.abc import Callable, Mapping, Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with columns padded to one width; the first column is flush left.

    A bar in a name, which would end the cell, is escaped.
    """
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
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
    return f"{100 * value:{sign}z.{digits}f}"


def short(value: float) -> str:
    """A number in three digits or more, without an exponent.

    >>> short(1116.2), short(3.14159)
    ('1116', '3.14')
    """
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cell_of(
    r: Mapping | None,
    form: Callable[[float], str] = percent,
    errors: Sequence[str] = ("std",),
    interval: bool = False,
) -> str:
    """A record as "value ± error [95 % interval]", as far as they are known; a dash for what is not there.

    Args:
        r: a record.
        form: how a number is written.
        errors: fields of the record; the first that is known follows the value.
        interval: whether its 95 % interval over people follows.
    """
    if r is None or r["value"] is None:
        return "–"
    text = form(r["value"])
    error = next((r[name] for name in errors if r[name] is not None), None)
    if error is not None:
        text += f" ± {form(error)}"
    if interval and r["ci_low"] is not None and r["ci_high"] is not None:
        text += f" [{form(r['ci_low'])}, {form(r['ci_high'])}]"
    return text
