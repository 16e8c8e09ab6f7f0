"""A .tflite file as it runs: through LiteRT's interpreter, one sample at a time, as on a phone."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from export.quiet import quiet
from hybrid_jax.errors import UserError

SIGNATURE = "serving_default"


class LiteRT:
    """An interpreter of a file.

    Args:
        model: the file's path or its content.
        keep: whether `tensor` may be asked for what lies between input and output.
        threads: of the interpreter.
    """

    def __init__(self, model: bytes | Path, *, keep: bool = False, threads: int = 1):
        from ai_edge_litert.interpreter import Interpreter

        given = {"model_content": model} if isinstance(model, bytes) else {"model_path": str(model)}
        try:
            with quiet():  # keeping tensors is for debugging, it says
                self._interpreter = Interpreter(
                    **given, experimental_preserve_all_tensors=keep, num_threads=threads
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            name = "the model" if isinstance(model, bytes) else model
            raise UserError(f"{name} is no TFLite file that LiteRT can run: {error}") from None
        signatures = self._interpreter.get_signature_list()
        named = SIGNATURE in signatures
        self._run = self._interpreter.get_signature_runner(SIGNATURE) if named else None
        self.inputs = self._shapes(
            self._run.get_input_details() if self._run else self._interpreter.get_input_details()
        )
        self.outputs = self._shapes(
            self._run.get_output_details() if self._run else self._interpreter.get_output_details()
        )

    @staticmethod
    def _shapes(details) -> dict[str, tuple[int, ...]]:
        found = (
            details.items() if isinstance(details, Mapping) else ((d["name"], d) for d in details)
        )
        return {name: tuple(int(n) for n in detail["shape"][1:]) for name, detail in found}

    @property
    def strange(self) -> str:
        """The first input or output that is not one sample in float32, in words; "" if there is none."""
        for detail in (
            *self._interpreter.get_input_details(),
            *self._interpreter.get_output_details(),
        ):
            dtype, shape = np.dtype(detail["dtype"]).name, tuple(map(int, detail["shape"]))
            if dtype != "float32" or not shape or shape[0] != 1:
                return f"{detail['name']} is {dtype} of shape {shape}"
        return ""

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """The output [1, ...] for inputs [1, ...] by name; one that is not given, as noise may be, is zeros."""
        given = {
            name: np.asarray(inputs.get(name, np.zeros((1, *shape))), np.float32)
            for name, shape in self.inputs.items()
        }
        if self._run:
            return next(iter(self._run(**given).values()))
        for detail in self._interpreter.get_input_details():
            self._interpreter.set_tensor(detail["index"], given[detail["name"]])
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._interpreter.get_output_details()[0]["index"])

    def tensor(self, name: str) -> np.ndarray | None:
        """What the last call left in a tensor; `None` where the file has none of that name. Needs `keep`."""
        index = self._indices.get(name)
        return None if index is None else self._interpreter.get_tensor(index)

    @property
    def kinds(self) -> dict[str, str]:
        """Of what numbers each tensor is, by its name; scalars are left out."""
        details = (d for d in self._interpreter.get_tensor_details() if len(d["shape"]))
        return {d["name"]: np.dtype(d["dtype"]).name for d in details}

    @property
    def precision(self) -> str:
        """Of its coarsest numbers: float32, float16 or int8."""
        held = set(self.kinds.values())
        return next((name for name in ("int8", "float16") if name in held), "float32")

    def int8_ranges(self) -> dict[str, tuple[float, float]]:
        """The least and the largest value that each int8 activation can hold, by the tensor's name."""
        ranges = {}
        for detail in self._interpreter.get_tensor_details():
            scales = detail["quantization_parameters"]["scales"]
            if (
                detail["dtype"] == np.int8
                and len(scales) == 1
                and detail["index"] not in self._constants
            ):
                zero = int(detail["quantization_parameters"]["zero_points"][0])
                limits = np.iinfo(np.int8)
                low, high = (float(scales[0]) * (end - zero) for end in (limits.min, limits.max))
                ranges[detail["name"]] = low, high
        return ranges

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {d["name"]: d["index"] for d in self._interpreter.get_tensor_details()}

    @cached_property
    def _constants(self) -> set[int]:
        """Tensors that no operation writes: weights, and the inputs."""
        written = {int(i) for op in self._interpreter._get_ops_details() for i in op["outputs"]}
        every = {d["index"] for d in self._interpreter.get_tensor_details()}
        return every - written
