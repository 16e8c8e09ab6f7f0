"""Files that hold other weights, or none: one line that names the file and all that is wrong."""

import shutil

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from hybrid_jax.errors import UserError
from hybrid_jax.models import pretrained
from hybrid_jax.models.mini_xception import mini_xception
from hybrid_jax.models.pretrained import caffe, files, layouts, load

FILE = "pretrained/gender_mini_XCEPTION.21-0.95.hdf5"


@pytest.fixture(scope="module")
def variables():
    return variables_of({"gender": 2})


@pytest.fixture
def damaged(data_root, tmp_path):
    """A copy of the published file to damage."""
    return shutil.copy(data_root / FILE, tmp_path / "weights.hdf5")


def variables_of(tasks):
    return jax.jit(mini_xception(tasks).init)(jax.random.key(0), jnp.zeros((1, 64, 64, 1)))


def test_every_variable_comes_from_the_file(data_root, variables):
    found = load(data_root / FILE, "mini_xception", variables)
    assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, variables)
    same = jax.tree.map(lambda a, b: bool(jnp.all(a == b)), found, variables)
    assert not any(jax.tree.leaves(same))


def test_fresh_stages_keep_what_they_have(data_root):
    variables = variables_of({"expression": 5})
    with pytest.raises(UserError, match=r"misshapen: .*conv2d_7/kernel 3x3x128x2 for 3x3x128x5"):
        load(data_root / FILE, "mini_xception", variables)
    found = load(data_root / FILE, "mini_xception", variables, fresh=("output",))
    jax.tree.map(
        np.testing.assert_array_equal, found["params"]["output"], variables["params"]["output"]
    )
    assert not jnp.all(
        found["params"]["stem"]["conv_1"]["kernel"]
        == variables["params"]["stem"]["conv_1"]["kernel"]
    )
    with pytest.raises(UserError, match=r"unknown stage to leave fresh 'head': .*known: block_1"):
        load(data_root / FILE, "mini_xception", variables, fresh=("head",))


def test_all_that_does_not_fit_is_listed_at_once(damaged, variables):
    with h5py.File(damaged, "r+") as file:
        root = file["model_weights"]
        root["conv2d_1"].attrs["weight_names"] = [b"conv2d_1/gain:0"]
        root["conv2d_1/conv2d_1/gain:0"] = np.zeros(3)
        del root["conv2d_2/conv2d_2/kernel:0"]
        root["conv2d_2/conv2d_2/kernel:0"] = np.zeros((5, 5, 8, 8))
    with pytest.raises(UserError) as error:
        load(damaged, "mini_xception", variables)
    assert str(error.value) == (
        f"{damaged} holds no weights of this mini_xception: missing: conv2d_1/kernel; extra: conv2d_1/gain; "
        "misshapen: conv2d_2/kernel 5x5x8x8 for 3x3x8x8"
    )


def test_a_tensor_that_is_named_but_not_there_is_missing(damaged, variables):
    with h5py.File(damaged, "r+") as file:
        del file["model_weights/conv2d_2/conv2d_2/kernel:0"]
    with pytest.raises(UserError, match=r"missing: conv2d_2/kernel$"):
        load(damaged, "mini_xception", variables)


def test_the_names_of_keras_1_are_those_of_keras_2(tmp_path):
    """As in the published files of keras-applications."""
    written = {"block1_conv1_W_1": np.ones((3, 3)), "block1_conv1_b_1": np.zeros(3)}
    with h5py.File(tmp_path / "old.h5", "w") as root:
        root.attrs["layer_names"] = [b"input_1", b"block1_conv1"]
        root.create_group("input_1").attrs["weight_names"] = np.array([], "S1")
        layer = root.create_group("block1_conv1")
        layer.attrs["weight_names"] = [f"{name}:0".encode() for name in written]
        for name, values in written.items():
            layer[f"{name}:0"] = values
    found = files.keras(tmp_path / "old.h5")
    assert found.keys() == {"block1_conv1/kernel", "block1_conv1/bias"}
    np.testing.assert_array_equal(found["block1_conv1/kernel"], np.ones((3, 3)))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.h5", "none.h5: no such file"),
        ("text.h5", "text.h5 is no HDF5 file"),
        (
            "other.h5",
            r"not of Keras 2's layout .*: of Keras 3 the whole model in HDF5 is read: save",
        ),
        ("model.keras", r"model.keras: of Keras 3 the whole model in HDF5 is read: save it by"),
        ("text.safetensors", "text.safetensors is no safetensors file"),
        ("text.caffemodel", "text.caffemodel is no Caffe model"),
        ("empty.caffemodel", "empty.caffemodel is no Caffe model: it holds no layer with weights"),
        ("weights.onnx", "unknown ending of .*weights.onnx '.onnx': .*known: .h5"),
        ("right.safetensors", "weights of mini_xception are read from keras, not from torch"),
    ],
)
def test_other_files_are_refused(tmp_path, variables, name, message):
    for ending in ("h5", "safetensors", "caffemodel"):
        (tmp_path / f"text.{ending}").write_text("no weights, but a text of some length" * 9)
    (tmp_path / "empty.caffemodel").touch()
    h5py.File(tmp_path / "other.h5", "w").close()
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "right.safetensors")
    with pytest.raises(UserError, match=message):
        load(tmp_path / name, "mini_xception", variables)


def test_a_pickle_of_something_else_is_refused(tmp_path, variables):
    torch = pytest.importorskip("torch", reason="needs requirements-weights.txt")
    path = tmp_path / "weights.pth"
    for value, message in (([1, 2], "holds no state dict"), ({"a": "b"}, "holds no state dict")):
        torch.save(value, path)
        with pytest.raises(UserError, match=message):
            load(path, "vgg16", variables)
    for write in (path.write_text, lambda _: torch.save(torch.nn.Linear(2, 2), path)):
        write("no pickle")
        with pytest.raises(UserError, match=r"is no state dict of PyTorch: save one, .*\)$"):
            load(path, "vgg16", variables)


def test_a_parameter_is_a_tensor(tmp_path):
    torch = pytest.importorskip("torch", reason="needs requirements-weights.txt")
    torch.save({"a": torch.nn.Parameter(torch.ones(3))}, tmp_path / "weights.pth")
    np.testing.assert_array_equal(files.torch(tmp_path / "weights.pth")["a"], np.ones(3))


def test_a_tensor_with_nan_is_named(tmp_path, monkeypatch, variables):
    """Of a network of the package."""
    entry = layouts.Entry("a", (2,))
    tensors = {"a": np.array([np.inf, 1], np.float32)}
    monkeypatch.setitem(pretrained.LAYOUTS, ("mine", "torch"), lambda *_: entry)
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=r"no weights of this mine: not finite .*: a$"):
        load(tmp_path / "w.safetensors", "mine", {"params": {"stage": {"bias": np.zeros(2)}}})


def test_a_caffe_model_that_was_cut_is_refused(tmp_path):
    net = caffe._net_parameter()()
    blob = net.layer.add(name="fc8").blobs.add()
    blob.shape.dim.extend((2, 3))
    blob.data.extend(range(5))
    path = tmp_path / "cut.caffemodel"
    path.write_bytes(net.SerializeToString())
    with pytest.raises(
        UserError, match=r"layer fc8 has 5 weights, and says \(2, 3\): it is damaged"
    ):
        caffe.read(path)
