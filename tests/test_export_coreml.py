"""Saved CoreML packages, read back and evaluated by NumPy, compute what JAX computes."""

from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mil_interpreter import Package, dtype

from export import coreml
from export.halves import Half, device_half, on_premise
from hybrid_jax import models, reduction
from hybrid_jax.embedding import METHODS, embed
from hybrid_jax.errors import UserError

SHAPES = {"mtcnn": (12, 50), "mini_xception": (64, 64, 1), "vgg16": (48, 48, 3)}
SIZE, DIM = 3, 4
NOISE_STD, CLIP_NORM = 0.3, 2.0
# Relative, at most. In float32 7e-6 was measured at worst. In float16 it was 1.6e-2: each of some twenty layers rounds
# by up to 5e-4, and of random weights a feature varies by less than its size, which is all that PCA keeps.
LIMITS = {"float32": 2e-5, "float16": 3e-2}
slow = pytest.mark.slow
CASES = [  # network, layer, method
    "mtcnn conv_2 noisy",
    pytest.param("mtcnn conv_4 reduced", marks=slow),
    pytest.param("mtcnn fc_1 simple", marks=slow),
    "mtcnn fc_2 advanced",
    pytest.param("mtcnn fc_2 on_premise", marks=slow),
    pytest.param("mini_xception block_2 advanced", marks=slow),
    pytest.param("mini_xception block_3 simple", marks=slow),
    pytest.param("mini_xception block_4 reduced", marks=slow),
    "mini_xception block_4 on_premise",
    pytest.param("vgg16 conv2_1 advanced", marks=slow),
    pytest.param("vgg16 conv5_1 reduced", marks=slow),
    pytest.param("vgg16 conv5_1 on_premise", marks=slow),
]


@dataclass
class Exported:
    """A half, its packages by precision, and what it is tried on."""

    half: Half
    packages: dict[str, Package]
    inputs: dict[str, np.ndarray]  # [SIZE, ...] by name


@cache
def network(name):
    """A network with random parameters, biases and statistics too, and inputs."""
    made = models.make({"name": name}, {"task": 5}, as_one=True)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4 * DIM, *SHAPES[name])).astype(np.float32)

    def drawn(path, leaf):
        values = rng.normal(size=leaf.shape) / np.sqrt(np.prod(leaf.shape[:-1]))
        return np.float32(np.abs(values) if path[-1].key == "var" else values)

    shapes = jax.eval_shape(made.init, jax.random.key(0), x[:1])
    return made, jax.tree_util.tree_map_with_path(drawn, shapes), x


def made(name, layer, method, kind="pca"):
    """The half of a case; a noisy method clips too."""
    net, variables, x = network(name)
    if method == "on_premise":
        embedding = embed(net, layer, "simple", input_shape=SHAPES[name])
        return on_premise(embedding, embedding.bind(variables), SHAPES[name]), x
    noisy = METHODS[method].noisy
    clip_norm = CLIP_NORM if noisy else None
    embedding = embed(net, layer, method, input_shape=SHAPES[name], kind=kind, clip_norm=clip_norm)
    reduced = None
    if METHODS[method].reduced:
        features = jax.jit(embedding.feature)(embedding.bind(variables), x)
        reduced = (
            reduction.pca.fit(np.asarray(features), DIM)
            if kind == "pca"
            else reduction.autoencoder.init(jax.random.key(0), features, DIM)
        )
    bound = embedding.bind(variables, reduced, NOISE_STD if noisy else 0.0)
    return device_half(embedding, bound, SHAPES[name]), x


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Exports a case, once."""

    @cache
    def exported(name, layer, method, kind="pca"):
        (half, x), packages = made(name, layer, method, kind), {}
        for precision in coreml.PRECISIONS:
            path = tmp_path_factory.mktemp("packages") / f"{precision}.mlpackage"
            coreml.convert(half, precision, path)
            packages[precision] = Package(path)
        first, *rest = half.inputs
        draw = np.random.default_rng(1).standard_normal
        drawn = {name: draw((SIZE, *half.inputs[name]), np.float32) for name in rest}
        return Exported(half, packages, {first: x[:SIZE]} | drawn)

    return exported


@pytest.fixture(params=CASES)
def case(request, exported):
    return exported(*request.param.split())


def evaluated(package, inputs):
    return np.concatenate(
        [package({name: a[i : i + 1] for name, a in inputs.items()}) for i in range(SIZE)]
    )


def check(case):
    expected = case.half(*case.inputs.values())
    size = np.sqrt(np.mean(np.square(expected)))
    assert size > 0.01 and (expected[0] != expected[1]).any()
    for precision, package in case.packages.items():
        difference = np.abs(evaluated(package, case.inputs) - expected).max() / size
        print(f"{precision}: {difference:.1e}")
        assert difference < LIMITS[precision]


def test_a_package_computes_what_jax_computes(case):
    check(case)


def test_the_autoencoder_too(exported):
    check(exported("mtcnn", "fc_1", "advanced", "autoencoder"))


@pytest.mark.parametrize("precision", coreml.PRECISIONS)
def test_inputs_and_output_are_named_and_shaped_as_those_of_the_half(case, precision):
    described, half = case.packages[precision].spec.description, case.half
    found = [(f.name, tuple(f.type.multiArrayType.shape)) for f in described.input]
    assert found == [(name, (1, *shape)) for name, shape in half.inputs.items()]
    (output,) = described.output
    assert output.name == half.output
    assert tuple(output.type.multiArrayType.shape) == (1, *half.output_shape)
    for feature in (*described.input, output):
        kind = feature.type.multiArrayType
        assert kind.ArrayDataType.Name(kind.dataType) == "FLOAT32"


def test_each_layer_of_a_float16_package_is_in_float16(case):
    layers = [o for o in case.packages["float16"].operations if o.op_type in coreml.LAYERS]
    assert layers and all(dtype(o.outputs[0]) == np.float16 for o in layers)


def in_float32(package):
    return [o.op_type for o in package.operations if dtype(o.outputs[0]) == np.float32]


def test_what_follows_the_network_is_in_float32_in_a_float16_package(exported):
    """One product alone: that of PCA, and none of the dense layers before it."""
    packages = exported("mtcnn", "fc_2", "advanced").packages
    clipping = ["mul", "reduce_sum", "maximum", "sqrt", "real_div", "minimum", "mul"]
    assert in_float32(packages["float16"]) == ["cast", "sub", "matmul", *clipping, "mul", "add"]


def test_float16_clips_a_large_feature_and_adds_the_noise_that_is_given(exported):
    """Its norm is above 256, of which the square is none of float16's; clipped, it has few digits left there."""
    case = exported("mtcnn", "conv_2", "noisy")
    package, draw = case.packages["float16"], case.inputs["standard_normal"][:1]
    x = {"input": 30 * case.inputs["input"][:1]}
    clean = package(x | {"standard_normal": 0 * draw})
    assert np.linalg.norm(np.float64(clean)) == pytest.approx(CLIP_NORM, rel=1e-6)
    noise = package(x | {"standard_normal": draw}) - clean
    np.testing.assert_allclose(noise, NOISE_STD * draw, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: jax.lax.reduce_precision(x, 5, 10), "ReducePrecisionOp"),
        (lambda x: jax.lax.population_count(x.astype(jnp.int32)), "PopulationCountOp"),
    ],
)
def test_an_operation_that_coreml_cannot_take_is_named(tmp_path, function, name):
    half = Half(lambda _, x: function(x), (), {"input": (4,)}, "feature")
    with pytest.raises(UserError, match=f"CoreML cannot take this network: .*{name}"):
        coreml.convert(half, "float32", tmp_path / "a.mlpackage")
    assert not any(tmp_path.iterdir())


def test_a_function_that_jax_cannot_trace_is_not_blamed_on_coreml(tmp_path):
    half = Half(lambda _, x: x @ x, (), {"input": (4,)}, "feature")
    with pytest.raises(TypeError, match="dot_general"):
        coreml.convert(half, "float32", tmp_path / "a.mlpackage")
