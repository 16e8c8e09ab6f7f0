"""The MTCNN of reference (a): Malekzadeh et al. 2018, exact to the parameter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from hybrid_jax.models.dropout import Dropout
from hybrid_jax.models.mtcnn import mtcnn

ACTIVITY = {"activity": 4}
PUBLISHED = {"activity": 4, "gender": 1}
TRUNK = {
    "conv_1": 300,
    "conv_2": 7_550,
    "dense_1": 2_550,
    "conv_3": 10_040,
    "dense_2": 1_640,
    "conv_4": 2_420,
    "fc_1": 384_400,
}
SHAPES = {
    "conv_1": (12, 46, 50),
    "conv_2": (12, 46, 50),
    "dense_1": (12, 46, 50),
    "conv_3": (12, 19, 40),
    "dense_2": (12, 19, 40),
    "conv_4": (12, 4, 20),
    "fc_1": (400,),
}
WINDOWS = jax.ShapeDtypeStruct((5, 12, 50), jnp.float32)


def counts(network):
    """Parameters of each stage."""
    variables = jax.eval_shape(network.init, jax.random.key(0), WINDOWS)
    assert set(variables) == {"params"}
    return {
        name: sum(leaf.size for leaf in jax.tree.leaves(tree))
        for name, tree in variables["params"].items()
    }


def shapes(network):
    """The shapes of the logits and of each stage's output for a batch of 5."""
    (logits, features), _ = jax.eval_shape(network.init_with_output, jax.random.key(0), WINDOWS)
    return jax.tree.map(lambda a: a.shape, (logits, features))


def test_the_published_network_has_410905_parameters():
    found = counts(mtcnn(PUBLISHED, fc_2=None))
    assert found == TRUNK | {"output": 1_604 + 401}
    assert sum(found.values()) == 410_905


@pytest.mark.parametrize(("given", "width"), [({}, 64), ({"fc_2": 64}, 64), ({"fc_2": 10}, 10)])
def test_fc_2_is_one_more_dense_layer_of_64_or_as_asked(given, width):
    found = counts(mtcnn(ACTIVITY, **given))
    assert found == TRUNK | {"fc_2": 400 * width + width, "output": width * 4 + 4}
    assert width != 64 or sum(found.values()) == 408_900 + 25_664 + 260


def test_the_features_have_the_sizes_of_the_reference():
    logits, features = shapes(mtcnn(ACTIVITY))
    assert logits == (5, 4)
    assert mtcnn(ACTIVITY).layers == (*SHAPES, "fc_2", "output")
    assert features == {name: (5, *shape) for name, shape in SHAPES.items()} | {
        "fc_2": (5, 64),
        "output": (5, 4),
    }
    assert [np.prod(features[name][1:]) for name in ("conv_4", "fc_1", "fc_2")] == [960, 400, 64]


def test_several_tasks_have_logits_by_name():
    logits, features = shapes(mtcnn(PUBLISHED, fc_2=None))
    assert logits == features["output"] == {"activity": (5, 4), "gender": (5, 1)}
    assert "fc_2" not in features


@pytest.fixture(scope="module")
def params():
    """Initial parameters of the network with every layer and both tasks."""
    network = mtcnn(PUBLISHED)
    return jax.jit(network.init)(jax.random.key(1), jnp.zeros(WINDOWS.shape))["params"]


def test_kernels_begin_glorot_uniform_and_biases_at_zero(params):
    leaves, _ = jax.tree.flatten_with_path(params)
    assert len(leaves) == 2 * 10
    for path, leaf in leaves:
        values, name = np.asarray(leaf), jax.tree_util.keystr(path)
        if values.ndim == 1:
            np.testing.assert_array_equal(values, 0.0, err_msg=name)
            continue
        fans = np.prod(values.shape[:-2]) * (values.shape[-2] + values.shape[-1])
        bound, size = np.sqrt(6 / fans), values.size
        assert np.abs(values).max() <= bound, name
        # Of n uniform u on [-1, 1]: P(max |u| < 1 - 15/n) < 1e-6, mean 0, mean square 1/3 (variance 4/45).
        assert np.abs(values).max() > bound * (1 - 15 / size), name
        assert abs(values.mean()) < 5 * bound / np.sqrt(3 * size), name
        assert abs(np.mean((values / bound) ** 2) - 1 / 3) < 5 * np.sqrt(4 / 45 / size), name


@pytest.mark.parametrize("fc_2", [64, None])
def test_dropout_stands_before_a_layer_at_the_published_rates(fc_2):
    """On what the layer takes: after pooling, before flattening. It is on in training alone."""
    found = []

    def record(call, args, kwargs, context):
        if isinstance(context.module, Dropout) and context.module.rate:
            stage, rate = context.module.path[0], context.module.rate
            found.append((stage, rate, args[0].shape[1:], args[1]))
        return call(*args, **kwargs)

    network = mtcnn(ACTIVITY, fc_2=fc_2)
    variables = jax.eval_shape(network.init, jax.random.key(0), WINDOWS)
    last = "output" if fc_2 is None else "fc_2"
    for train in (True, False):
        with nn.intercept_methods(record):
            jax.eval_shape(
                lambda v, x, k, train=train: network.apply(v, x, train, rngs={"dropout": k}),
                *(variables, WINDOWS, jax.random.key(0)),
            )
        assert found == [
            ("conv_3", 0.2, (12, 23, 50), train),
            ("conv_4", 0.2, (12, 6, 40), train),
            ("fc_1", 0.2, (12, 4, 20), train),
            (last, 0.4, (400,), train),
        ]
        found.clear()


# The forward pass, from reference (a), in NumPy


def relu(x):
    return np.maximum(x, 0.0)


def dense(x, p):
    return x @ p["kernel"] + p["bias"]


def convolution(x, p, same=False):
    """[12, T, C] with [1, k, C, F], each output one by one."""
    width = p["kernel"].shape[1]
    if same:
        x = np.pad(x, ((0, 0), ((width - 1) // 2, width // 2), (0, 0)))
    out = np.zeros((12, x.shape[1] - width + 1, p["kernel"].shape[3]))
    for row in range(12):
        for t in range(out.shape[1]):
            for k in range(width):
                out[row, t] += x[row, t + k] @ p["kernel"][0, k]
    return out + p["bias"]


def pool(x, window):
    return np.stack(
        [x[:, t : t + window].max(axis=1) for t in range(0, x.shape[1] - window + 1, window)],
        axis=1,
    )


def naive(p, x):
    f = relu(convolution(x[..., None], p["conv_1"]["conv"]))
    f = relu(convolution(f, p["conv_2"]["conv"], same=True))
    f = relu(dense(f, p["dense_1"]["dense"]))
    f = relu(convolution(pool(f, 2), p["conv_3"]["conv"]))
    f = relu(dense(f, p["dense_2"]["dense"]))
    f = relu(convolution(pool(f, 3), p["conv_4"]["conv"]))
    f = relu(dense(f.reshape(-1), p["fc_1"]["dense"]))
    f = relu(dense(f, p["fc_2"]["dense"]))
    return {task: dense(f, head) for task, head in p["output"].items()}


def test_the_forward_pass_is_that_of_the_reference(params):
    rng = np.random.default_rng(3)
    params = jax.tree.map(  # biases are no longer 0
        lambda a: np.asarray(a) + rng.normal(0, 0.05, a.shape).astype(np.float32), params
    )
    x = rng.normal(size=(2, 12, 50)).astype(np.float32)
    found, _ = jax.jit(mtcnn(PUBLISHED).apply)({"params": params}, x)
    exact = jax.tree.map(np.float64, params)
    for task in PUBLISHED:
        expected = np.stack([naive(exact, window)[task] for window in x.astype(np.float64)])
        np.testing.assert_allclose(found[task], expected, atol=1e-5 * np.abs(expected).max())
