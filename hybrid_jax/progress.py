"""Progress bars with rate and time left, on a terminal; nothing elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import progress

from hybrid_jax import hosts


class _Rate(progress.ProgressColumn):
    def render(self, task: progress.Task) -> str:
        return f"{task.speed:.1f}/s" if task.speed else ""


@contextmanager
def bar(description: str, total: int) -> Iterator[Callable[[float], None]]:
    """A bar over `total` units; gives a function that sets how many are done."""
    columns = (
        progress.TextColumn("{task.description:<32}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        _Rate(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
    )
    shown = progress.Progress(*columns)
    shown.disable = not (shown.console.is_terminal and hosts.is_first())
    with shown:
        task = shown.add_task(description, total=total)
        yield lambda done: shown.update(task, completed=done)


def within(advance: Callable[[float], None], done: int) -> Callable[[int, int], None]:
    """The `on_progress(part, total)` of the unit of a bar that comes after `done` others."""
    return lambda part, total: advance(done + part / total)
