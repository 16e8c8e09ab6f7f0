"""The interpreter of saved packages computes what loops compute, and refuses what it does not know."""

import jax
import jax.numpy as jnp
import mil_interpreter as mil
import numpy as np
import pytest

from export import coreml
from export.halves import Half


def normal(*shape):
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


def places(length, size, stride, before, after, dilation=1):
    """What each window of an axis sees; places outside are left out."""
    reach = (size - 1) * dilation + 1
    firsts = range(-before, length + after - reach + 1, stride)
    return [
        [(k, f + k * dilation) for k in range(size) if 0 <= f + k * dilation < length]
        for f in firsts
    ]


def naive_conv(x, weight, strides, pad, dilations, groups):
    (n, _, height, width), (out, channels, *sizes) = x.shape, weight.shape
    rows, columns = (
        places(length, sizes[i], strides[i], pad[2 * i], pad[2 * i + 1], dilations[i])
        for i, length in enumerate((height, width))
    )
    y = np.zeros((n, out, len(rows), len(columns)))
    for b, o, i, j in np.ndindex(y.shape):
        first = o // (out // groups) * channels
        for c in range(channels):
            for p, row in rows[i]:
                for q, column in columns[j]:
                    y[b, o, i, j] += float(x[b, first + c, row, column]) * weight[o, c, p, q]
    return y


@pytest.mark.parametrize(
    ("sizes", "strides", "pad", "dilations", "groups"),
    [
        ((3, 3), (1, 1), (0, 0, 0, 0), (1, 1), 1),
        ((1, 3), (1, 1), (0, 0, 1, 1), (1, 1), 1),
        ((3, 2), (2, 3), (1, 0, 2, 1), (1, 1), 1),
        ((2, 3), (1, 2), (0, 2, 1, 0), (2, 1), 2),
        ((3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 4),  # each channel its own
    ],
)
def test_a_convolution_is_that_of_loops(sizes, strides, pad, dilations, groups):
    x, weight, bias = normal(2, 4, 7, 8), normal(8, 4 // groups, *sizes), normal(8)
    settings = {"strides": strides, "pad": pad, "dilations": dilations, "groups": groups}
    expected = naive_conv(x, weight, *settings.values())
    found = mil.conv(x, weight, pad_type="custom", **settings)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    biased = mil.conv(x, weight, pad_type="custom", **settings, bias=bias)
    np.testing.assert_allclose(biased, found + bias[:, None, None], rtol=1e-6)
    if not any(pad):  # of valid ones `pad` is not looked at
        settings["pad"] = (5, 5, 5, 5)
        np.testing.assert_array_equal(mil.conv(x, weight, pad_type="valid", **settings), found)


@pytest.mark.parametrize(
    ("sizes", "strides", "pad"),
    [
        ((2, 2), (2, 2), (0, 0, 0, 0)),
        ((3, 2), (2, 1), (0, 1, 1, 0)),
        ((1, 3), (1, 2), (0, 0, 1, 1)),
    ],
)
def test_a_max_pooling_is_that_of_loops(sizes, strides, pad):
    x = normal(2, 3, 6, 7) - 9  # all below zero, so that zeros around would be seen
    rows, columns = (
        places(x.shape[2 + i], sizes[i], strides[i], pad[2 * i], pad[2 * i + 1]) for i in range(2)
    )
    expected = [
        [
            x[..., [r for _, r in row], :][..., [c for _, c in column]].max((2, 3))
            for column in columns
        ]
        for row in rows
    ]
    found = mil.max_pool(x, sizes, strides, "custom", pad, ceil_mode=False)
    np.testing.assert_array_equal(found, np.transpose(expected, (2, 3, 0, 1)))


def test_a_pooling_of_one_axis():
    found = mil.max_pool(np.arange(7.0).reshape(1, 1, 7), [3], [2], "valid", [0, 0], False)
    np.testing.assert_array_equal(found, [[[2, 4, 6]]])


def test_padding_is_of_the_last_axes():
    x = normal(2, 3, 4)
    found = mil.pad(x, [1, 0, 0, 2], "constant", -np.inf)
    assert found.shape == (2, 4, 6)
    np.testing.assert_array_equal(found[:, 1:, :4], x)
    assert (found[:, 0] == -np.inf).all() and (found[:, :, 4:] == -np.inf).all()


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("second", [False, True])
def test_a_product_of_transposed_matrices(first, second):
    x, y = normal(2, 3, 4), normal(2, 4, 5)
    found = mil.matmul(x.mT if first else x, y.mT if second else y, first, second)
    np.testing.assert_allclose(found, np.einsum("nij,njk->nik", x, y), rtol=1e-5, atol=1e-6)


def test_a_linear_layer_has_its_outputs_first():
    x, weight, bias = normal(2, 4), normal(3, 4), normal(3)
    expected = np.einsum("ni,oi->no", x, weight) + bias
    np.testing.assert_allclose(mil.linear(x, weight, bias), expected, rtol=1e-5)


def saved(path, function, precision="float32"):
    half = Half(lambda _, x: function(x), (), {"input": (4,)}, "feature")
    coreml.convert(half, precision, path / "a.mlpackage")
    return mil.Package(path / "a.mlpackage")


def test_float16_is_rounded_at_each_operation(tmp_path):
    package = saved(tmp_path, lambda x: jax.nn.relu(x * jnp.float32(1 / 3) + 10), "float16")
    x = normal(1, 4)
    expected = np.float16(x) * np.float16(1 / 3) + np.float16(10)
    assert expected.dtype == np.float16
    np.testing.assert_array_equal(package({"input": x}), expected.astype(np.float32))


def test_an_unknown_operation_is_named(tmp_path):
    package = saved(tmp_path, jnp.sin)
    with pytest.raises(NotImplementedError, match="operation sin"):
        package({"input": normal(1, 4)})


@pytest.mark.parametrize("x", [normal(2, 4), normal(1, 5), normal(1, 4).astype(np.float64)])
def test_other_inputs_are_refused(tmp_path, x):
    package = saved(tmp_path, jax.nn.relu)
    with pytest.raises(ValueError, match="input is float"):
        package({"input": x})


@pytest.mark.parametrize(
    ("run", "what"),
    [
        (lambda x: mil.max_pool(x, [2], [2], "same", [0, 0], False), "pad_type same"),
        (lambda x: mil.max_pool(x, [2], [2], "valid", [0, 0], True), "ceil_mode"),
        (lambda x: mil.pad(x, [1, 1], "reflect", 0.0), "mode reflect"),
    ],
)
def test_settings_that_no_network_uses_are_refused(run, what):
    with pytest.raises(NotImplementedError, match=what):
        run(normal(1, 1, 5))
