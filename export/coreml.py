"""A half as a CoreML .mlpackage: jax.export to StableHLO, stablehlo-coreml to MIL, coremltools to the package.

coremltools' own TensorFlow front end rejects what jax2tf emits (apple/coremltools#2149).
"""

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from export.halves import Half
from export.quiet import first_line, quiet
from hybrid_jax.errors import UserError

PRECISIONS = ("float32", "float16")
# It makes a scale and a shift a batch normalisation of variance 1 and an epsilon of 1e-5, which is not the same: in
# coremltools 9.0 features of mini_XCEPTION were off by 3e-4 after it, and are by 7e-6 without it.
INEXACT = "common::fuse_elementwise_to_batchnorm"
# With ReLU, a maximum with 0, the operations that the last layer of a network is known by.
LAYERS = {"conv", "max_pool", "avg_pool", "reduce_mean"}


def convert(half: Half, precision: str, path: Path) -> None:
    """Writes a package; iOS 18 and macOS 15 at least, batch 1.

    Args:
        half: what to convert.
        precision: one of `PRECISIONS`, of what is computed; inputs and the output are float32. In float16 all that
            follows the network's last layer, so reduction, clipping and noise, is still computed in float32.
        path: of the package, a folder that ends in .mlpackage.

    Raises:
        errors.UserError: operations that CoreML does not know.
    """
    with quiet():
        import coremltools as ct
        from stablehlo_coreml import build_pass_pipeline
        from stablehlo_coreml.converter import convert as to_mil

        target = ct.target.iOS18
        computed = {
            "float32": ct.precision.FLOAT32,
            "float16": ct.transform.FP16ComputePrecision(_in_network),
        }
        module, passes = _stablehlo(half), build_pass_pipeline()
        passes.remove_passes({INEXACT})
        try:
            model = ct.convert(
                to_mil(module, minimum_deployment_target=target),
                source="milinternal",
                minimum_deployment_target=target,
                pass_pipeline=passes,
                compute_precision=computed[precision],
                skip_model_load=True,
            )
        except Exception as error:
            raise UserError(f"CoreML cannot take this network: {first_line(error)}") from error
        spec = model.get_spec()
        for given, name in zip(list(spec.description.input), half.inputs, strict=True):
            ct.utils.rename_feature(spec, given.name, name)
        ct.utils.rename_feature(spec, spec.description.output[0].name, half.output)
        ct.models.MLModel(spec, weights_dir=model.weights_dir, skip_model_load=True).save(str(path))


def predictor(path: Path) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    """What runs a package on macOS: inputs [1, ...] by name to the output [1, ...]."""
    with quiet():
        import coremltools as ct

        model = ct.models.MLModel(str(path))
    return lambda inputs: next(iter(model.predict(inputs).values()))


def _in_network(operation) -> bool:
    """Whether an operation of MIL is, or comes before, the last layer of the network.

    What comes after it decides what is private. The norm's square overflows float16 where the norm is above 256, and
    rounding may leave a clipped feature longer than the bound that the noise was made for.
    """
    seen: set = set()
    waiting = [operation]
    while waiting:
        operation = waiting.pop()
        kind = operation.op_type
        if kind in LAYERS or (
            kind == "maximum" and operation.y.val is not None and not np.any(operation.y.val)
        ):
            return True
        following = {o for var in operation.outputs for o in var.child_ops} - seen
        seen |= following
        waiting += following
    return False


def _stablehlo(half: Half):
    # The one private import: stablehlo-coreml takes a parsed module, and JAX gives out bytes.
    from jax import export
    from jax._src.interpreters import mlir
    from jax._src.lib.mlir import ir

    exported = export.export(jax.jit(half.closed))(*half.specs)
    return ir.Module.parse(exported.mlir_module(), context=mlir.make_ir_context())
