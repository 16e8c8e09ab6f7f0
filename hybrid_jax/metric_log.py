"""metrics.jsonl and TensorBoard: what training measured, by phase and step."""

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import SupportsFloat

from hybrid_jax import hosts
from hybrid_jax.results import write_text


@contextlib.contextmanager
def _absent(module: str) -> Iterator[None]:
    """What is imported here finds no such module, unless it is loaded already."""
    hidden = module not in sys.modules
    if hidden:
        sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules[module]


# tensorboardX loads PyTorch where it is installed, to know its tensors: seconds at every start, for none here.
with _absent("torch"):
    from tensorboardX import SummaryWriter


class MetricLog:
    """The log of one phase of training.

    Lines of metrics.jsonl are flat: `phase`, `step`, and the values. No time stands in it: a run that was killed and
    resumed writes the file of an uninterrupted one. Of several processes the first writes; the others' logs do nothing.
    """

    def __init__(self, workdir: Path, phase: str, step: int):
        """Opens the log at `step`; what a killed run wrote of this phase beyond it is removed."""
        self._phase, self._path = phase, workdir / "metrics.jsonl"
        self._board: SummaryWriter | None = None
        if not hosts.is_first():
            return
        kept = [line for line in self._lines() if line["phase"] != phase or line["step"] <= step]
        write_text(self._path, "".join(json.dumps(line) + "\n" for line in kept))
        # TensorBoard's file is written late, by a thread; so what a killed run left is not trusted but made again.
        folder = workdir / "tensorboard" / phase.replace("/", "-")
        shutil.rmtree(folder, ignore_errors=True)
        self._board = SummaryWriter(str(folder))
        for line in kept:
            if line.pop("phase") == phase:
                self._draw(line.pop("step"), line)

    def write(self, step: int, values: Mapping[str, SupportsFloat]) -> None:
        """Appends the values of one step."""
        if self._board is None:
            return
        told = {name: float(value) for name, value in values.items()}
        with self._path.open("a") as file:
            file.write(json.dumps({"phase": self._phase, "step": step, **told}) + "\n")
        self._draw(step, told)

    def close(self) -> None:
        """Flushes what TensorBoard has not yet seen."""
        if self._board is not None:
            self._board.close()

    def _draw(self, step: int, values: Mapping[str, float]) -> None:
        assert self._board is not None
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def _lines(self) -> list[dict]:
        text = self._path.read_text() if self._path.exists() else ""
        # A line that a killed run did not finish has no newline.
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
