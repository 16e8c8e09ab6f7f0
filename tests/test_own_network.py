"""A network of the user's own: what it has to be, and weights that others trained for it."""

import sys
from pathlib import Path

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from safetensors.numpy import save_file

from configs import own
from hybrid_jax import models
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import check, setup
from hybrid_jax.models import contract
from hybrid_jax.models.dense import DenseStage, Heads
from hybrid_jax.models.pretrained import WEIGHTS, Tensor, load
from hybrid_jax.stages import Network, Stage

EXAMPLES = Path(__file__).parents[1] / "examples"
SHAPE, CLASSES = (12, 50), 4


@pytest.fixture(scope="module")
def example():
    """examples/own_weights.py, with what it adds taken away afterwards."""
    sys.path.append(str(EXAMPLES))
    import own_weights

    yield own_weights
    sys.path.remove(str(EXAMPLES))
    for name in ("own_weights", "own_network"):
        del sys.modules[name]
    del WEIGHTS["small"], models.MODELS["small"]


class Pool(nn.Module):
    """No weights."""

    @nn.compact
    def __call__(self, x, train):
        return x[:, :, ::2]


class Untrained(nn.Module):
    """No argument train."""

    @nn.compact
    def __call__(self, x):
        return x


class NoTasks(nn.Module):
    """A last stage that is for one task."""

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(CLASSES)(x)


HEAD = Heads((("activity", CLASSES),))
DENSE = DenseStage(8, flatten=True)


def network(*stages):
    return Network(tuple(Stage(name, module) for name, module in stages))


BROKEN = {
    "model own gives int: return stages.Network": 3,
    "model own has 1 stages: to be split it needs two": network(("output", HEAD)),
    "model own: two stages are called 'a'": network(("a", DENSE), ("a", HEAD)),
    "model own: a stage cannot be called 'layers'": network(("layers", DENSE), ("output", HEAD)),
    "model own: a stage cannot be called 'fc-1'": network(("fc-1", DENSE), ("output", HEAD)),
    "stage 'output' has no field tasks": network(("a", DENSE), ("output", NoTasks())),
    "model own: stage 'a' does not take [1, 12, 50], from inputs [12, 50] of mine": network(
        ("a", Untrained()), ("output", HEAD)
    ),
    "model own: the last stage gives [1, 12, 4]: of a task of 4 classes logits": network(
        ("a", DenseStage(8)), ("output", HEAD)
    ),
}


@pytest.mark.parametrize("message", BROKEN)
def test_what_keeps_the_contract_not_is_named(message):
    with pytest.raises(UserError) as caught:
        contract.check("own", BROKEN[message], SHAPE, CLASSES, "mine")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def task_of(monkeypatch, made, **changes):
    monkeypatch.setitem(models.MODELS, "own", lambda tasks, width=3: made)
    data = {"name": "simulated", "num_subjects": 4, "trials_per_activity": 2, "seconds": 8.0}
    config = own.experiment(
        data=data,
        primary="activity",
        sensitive=("gender",),
        **{"model": {"name": "own"}, "layers": ("fc",)} | changes,
    )
    return config, setup.load_task(config)


def test_a_stage_without_weights_is_a_stage_but_none_to_split_first_at(monkeypatch):
    made = network(("pool", Pool()), ("fc", DENSE), ("output", HEAD))
    check.with_task(*task_of(monkeypatch, made))
    config, task = task_of(monkeypatch, made, layers=("pool",))
    with pytest.raises(UserError, match="layer 'pool' of model own: no stage up to it has weights"):
        check.with_task(config, task)
    config.methods, config.reduction.dim = ("simple",), 8
    check.with_task(config, task)


def test_unknown_layers_models_and_settings(monkeypatch):
    made = network(("fc", DENSE), ("output", HEAD))
    config, task = task_of(monkeypatch, made, layers=("fcc",))
    with pytest.raises(UserError, match="unknown layer 'fcc': did you mean 'fc'"):
        check.with_task(config, task)
    with pytest.raises(UserError, match=r"config.model has depth, which own does not take"):
        task_of(monkeypatch, made, model={"name": "own", "depth": 3})
    with pytest.raises(UserError, match="unknown model 'ownn': did you mean 'own'"):
        models.make({"name": "ownn"}, {"activity": 4})
    with pytest.raises(UserError, match="model mtcnn takes windows, which mine has not: give your"):
        models.check_input("mtcnn", (7,), "mine")


def torch_like(generator):
    """The state dict of the example's PyTorch model."""
    shapes = {
        "0.weight": (16, 12, 5),
        "3.weight": (32, 16, 5),
        "6.weight": (64, 32 * 19),
        "8.weight": (4, 64),
    }
    biases = {name.replace("weight", "bias"): shape[:1] for name, shape in shapes.items()}
    return {
        name: generator.normal(0, 0.2, shape).astype(np.float32)
        for name, shape in (shapes | biases).items()
    }


def torch_forward(w, x):
    """What PyTorch's model computes of [B, 12, 50], in NumPy."""

    def conv(x, kernel, bias):
        seen = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2], axis=2)
        return np.einsum("bitk,oik->bot", seen, kernel) + bias[None, :, None]

    x = np.maximum(conv(x, w["0.weight"], w["0.bias"]), 0)
    x = x[..., :46].reshape(*x.shape[:2], 23, 2).max(axis=3)
    x = np.maximum(conv(x, w["3.weight"], w["3.bias"]), 0).reshape(len(x), -1)
    x = np.maximum(x @ w["6.weight"].T + w["6.bias"], 0)
    return x @ w["8.weight"].T + w["8.bias"]


@pytest.fixture(scope="module")
def small(example):
    made = models.make({"name": "small"}, {"activity": 4})
    return made, jax.jit(made.init)(jax.random.key(0), jnp.zeros((1, *SHAPE), jnp.float32))


def test_a_state_dict_of_pytorch_computes_what_it_did(small, tmp_path):
    made, variables = small
    tensors = torch_like(np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(3, *SHAPE))
    save_file(tensors | {"1.num_batches_tracked": np.array(3)}, tmp_path / "small.safetensors")
    found = load(tmp_path / "small.safetensors", "small", variables)
    logits, _ = made.apply(found, jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(logits, torch_forward(tensors, x), rtol=1e-4, atol=1e-4)


def test_a_pth_file_of_pytorch_itself(small, tmp_path):
    torch = pytest.importorskip("torch", reason="needs requirements-weights.txt")
    torch.manual_seed(0)
    nn_ = torch.nn
    peer = nn_.Sequential(
        nn_.Conv1d(12, 16, 5), nn_.ReLU(), nn_.MaxPool1d(2), nn_.Conv1d(16, 32, 5), nn_.ReLU(),
        nn_.Flatten(), nn_.Linear(32 * 19, 64), nn_.ReLU(), nn_.Linear(64, 4),
    )  # fmt: skip
    torch.save(peer.state_dict(), tmp_path / "small.pth")
    made, variables = small
    x = np.random.default_rng(1).normal(size=(3, *SHAPE)).astype(np.float32)
    logits, _ = made.apply(load(tmp_path / "small.pth", "small", variables), x)
    np.testing.assert_allclose(logits, peer(torch.tensor(x)).detach().numpy(), atol=1e-5)


def test_a_keras_file_is_taken_as_it_is(small, tmp_path, monkeypatch):
    _, variables = small
    layers = {"conv_1/conv": "conv1d", "conv_2/conv": "conv1d_1", "fc/dense": "dense"}
    layers["output/activity"] = "dense_1"
    leaves = "kernel", "bias"
    named = {f"{a}/{leaf}": f"{b}/{leaf}" for a, b in layers.items() for leaf in leaves}
    monkeypatch.setitem(WEIGHTS, "small", named)
    given = jax.tree.map(lambda a: np.asarray(a) + 1, variables["params"])
    with h5py.File(tmp_path / "small.h5", "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers.values()]
        for path, layer in layers.items():
            stage, module = path.split("/")
            group = file.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/{n}:0".encode() for n in leaves]
            for leaf in leaves:
                group[f"{layer}/{leaf}:0"] = given[stage][module][leaf]
    found = load(tmp_path / "small.h5", "small", variables)
    jax.tree.map(np.testing.assert_array_equal, found["params"], given)


def test_all_that_is_wrong_is_listed_at_once(small, tmp_path, monkeypatch):
    _, variables = small
    tensors = torch_like(np.random.default_rng(0))
    tensors["9.weight"], tensors["3.bias"] = tensors.pop("0.bias"), np.zeros(7, np.float32)
    tensors["8.bias"][2] = np.nan
    names = dict(WEIGHTS["small"])
    names["fc/dense/kernel"] = Tensor("6.weight", lambda kernel: kernel.permute(1, 0))
    names["fc/dense/bais"] = names.pop("fc/dense/bias")
    monkeypatch.setitem(WEIGHTS, "small", names)
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(UserError) as caught:
        load(tmp_path / "w.safetensors", "small", variables)
    for part in (
        "not named in WEIGHTS: fc/dense/bias",
        "no variable of the network: fc/dense/bais",
        "missing: 0.bias",
        "extra: 9.weight",
        "misshapen: 3.bias 7 for conv_2/conv/bias 32",
        "not to be arranged: 6.weight for fc/dense/kernel: AttributeError: 'numpy.ndarray' object",
        "not finite (NaN or infinity): 8.bias",
    ):
        assert part in str(caught.value)
    monkeypatch.setitem(WEIGHTS, "small", names | {"fc/dense/kernel": ("6.weight", np.transpose)})
    with pytest.raises(UserError, match=r"for fc/dense/kernel: give the tensor's name, or Tensor"):
        load(tmp_path / "w.safetensors", "small", variables)


def test_a_network_without_a_mapping_says_so(small, tmp_path, monkeypatch):
    monkeypatch.delitem(WEIGHTS, "small")
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=r"name its tensors in models.pretrained.WEIGHTS"):
        load(tmp_path / "w.safetensors", "small", small[1])
