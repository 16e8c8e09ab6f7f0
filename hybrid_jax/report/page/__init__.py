"""report.html: what a work folder holds as one page, with charts, that loads nothing from anywhere.

It needs Altair, Jinja2 and vl-convert, and is imported only where a report is written.
"""

from hybrid_jax.report.page.page import html, write

__all__ = ["html", "write"]
