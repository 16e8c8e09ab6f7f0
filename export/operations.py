"""Which operations a half is made of, and which of them a format does not know: told before anything is converted."""

import re
from collections.abc import Mapping

import jax
from jax import export

from export.halves import Half
from export.quiet import quiet
from hybrid_jax.errors import UserError

# What TensorFlow's converter makes built-in TFLite operations of; each is tried in tests/test_export_operations.py.
TFLITE = frozenset(
    f"stablehlo.{name}"
    for name in (
        "abs", "add", "and", "broadcast_in_dim", "ceil", "clamp", "compare", "concatenate", "constant", "convert",
        "convolution", "cosine", "divide", "dot_general", "dynamic_slice", "exponential", "floor", "gather", "iota",
        "log", "log_plus_one", "maximum", "minimum", "multiply", "negate", "not", "or", "pad", "power",
        "reduce", "reduce_window", "remainder", "reshape", "reverse", "round_nearest_even", "rsqrt", "select", "sign",
        "sine", "slice", "sqrt", "subtract", "tanh", "transpose",
    )
)  # fmt: skip
STRUCTURE = frozenset({"stablehlo.return"})  # of a region; no operation
# `stablehlo.add`, `"stablehlo.gather"(`, `stablehlo.composite "chlo.erf"`; not the attribute `#stablehlo.gather<`.
OPERATION = re.compile(
    r'composite "([\w.]+)"|(?<![#!\w."])(stablehlo\.\w+)\b(?! ")|"(stablehlo\.\w+)"\('
)


def of(half: Half) -> frozenset[str]:
    """The operations of a half in StableHLO, by name."""
    module = export.export(jax.jit(half.function))(half.variables, *half.specs).mlir_module()
    return (
        frozenset(next(filter(None, found.groups())) for found in OPERATION.finditer(module))
        - STRUCTURE
    )


def known_to_coreml() -> frozenset[str]:
    """Those that stablehlo-coreml converts."""
    with quiet():
        from stablehlo_coreml.converter import StableHloConverter
    operations = (op.OPERATION_NAME for op in StableHloConverter._stablehlo_ops_registry)
    return frozenset([*operations, *StableHloConverter._composite_ops_registry])


def check(half: Half, formats: Mapping[str, frozenset[str]]) -> None:
    """Raises `UserError` that lists, for every format, the operations of a half which it does not know.

    Args:
        half: what is to be converted.
        formats: the operations that each knows, by its name.
    """
    found = of(half)
    unknown = {name: sorted(found - known) for name, known in formats.items() if found - known}
    if unknown:
        told = "; ".join(
            f"{name} has none for {', '.join(names)}" for name, names in unknown.items()
        )
        raise UserError(
            f"the network has operations that cannot be exported: {told}; leave the format out, or split lower"
        )
