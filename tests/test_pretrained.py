"""VGG-16 with weights that others wrote computes what they compute with them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from caffe_model import prototxt, write_caffe

from hybrid_jax.models.pretrained import load
from hybrid_jax.models.vgg16 import vgg16

SIDE = 64
NEEDS = "needs requirements-weights.txt"


def variables_of(network, channels, side=SIDE):
    images = jnp.zeros((1, side, side, channels), jnp.float32)
    return jax.jit(network.init)(jax.random.key(0), images)


@pytest.fixture(scope="module")
def vgg_variables():
    return variables_of(vgg16({"gender": 2}), 3)


@pytest.fixture(scope="module")
def images():
    """Three colour images, RGB in 0 to 255 less a mean."""
    return np.random.default_rng(1).uniform(-120, 130, (3, SIDE, SIDE, 3)).astype(np.float32)


def logits(variables, images):
    return np.asarray(jax.jit(vgg16({"gender": 2}).apply)(variables, images)[0])


def assert_alike(found, expected):
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(found / scale, np.asarray(expected) / scale, atol=1e-5)


@pytest.fixture(scope="module")
def torch_network():
    """torchvision's VGG-16 without its adaptive pooling, which does nothing to 7 x 7, or here to 2 x 2."""
    torch = pytest.importorskip("torch", reason=NEEDS)
    torch.manual_seed(0)
    layers, before = [], 3
    for number, channels in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(number):
            layers += [torch.nn.Conv2d(before, channels, 3, padding=1), torch.nn.ReLU()]
            before = channels
        layers.append(torch.nn.MaxPool2d(2))
    dense, drop = torch.nn.Linear, torch.nn.Dropout
    head = [
        dense(512 * 2 * 2, 4096),
        torch.nn.ReLU(),
        drop(),
        dense(4096, 4096),
        torch.nn.ReLU(),
        drop(),
    ]

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.features = torch.nn.Sequential(*layers)
            self.classifier = torch.nn.Sequential(*head, dense(4096, 2))

        def forward(self, x):
            return self.classifier(torch.flatten(self.features(x), 1))

    network = Network().eval()
    for parameter in network.parameters():
        # He's: by torch's own nothing would be left of an image after so many layers.
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter)
    return network


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_vgg16_of_pytorch(torch_network, vgg_variables, images, tmp_path, ending):
    """Its images are in [0, 1], over a deviation by colour; the mean is subtracted by whoever prepares them."""
    torch = pytest.importorskip("torch", reason=NEEDS)
    path, state = tmp_path / f"vgg16.{ending}", torch_network.state_dict()
    if ending == "pth":
        torch.save(state, path)
    else:
        pytest.importorskip("safetensors.torch").save_file(state, path)
    found = load(path, "vgg16", vgg_variables)
    scaled = images / 255 / np.array([0.229, 0.224, 0.225], np.float32)
    with torch.no_grad():
        expected = torch_network(torch.tensor(scaled.transpose(0, 3, 1, 2))).numpy()
    assert_alike(logits(found, images), expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_vgg16_of_keras_applications(vgg_variables, images, tmp_path):
    keras = pytest.importorskip("tf_keras", reason=NEEDS)
    keras.utils.set_random_seed(0)
    original = keras.applications.VGG16(
        weights=None, classes=2, input_shape=(SIDE, SIDE, 3), classifier_activation=None
    )
    path = tmp_path / "vgg16.h5"
    original.save_weights(path)
    found = load(path, "vgg16", vgg_variables)
    assert_alike(logits(found, images), original(images[..., ::-1]).numpy())
    original.save(path)
    again = load(path, "vgg16", vgg_variables)
    jax.tree.map(np.testing.assert_array_equal, again, found)


@pytest.mark.slow
@pytest.mark.parametrize("legacy", [False, True])
def test_vgg16_of_caffe(vgg_variables, images, tmp_path, legacy):
    """OpenCV reads the same file, and gives the same logits for the same images in its order of colours."""
    cv2 = pytest.importorskip("cv2", reason=NEEDS)
    path = tmp_path / "vgg16.caffemodel"
    write_caffe(path, SIDE, legacy)
    (tmp_path / "deploy.prototxt").write_text(prototxt(SIDE))
    net = cv2.dnn.readNetFromCaffe(str(tmp_path / "deploy.prototxt"), str(path))
    net.setInput(np.ascontiguousarray(images[..., ::-1].transpose(0, 3, 1, 2)))
    found = load(path, "vgg16", vgg_variables)
    assert_alike(logits(found, images), net.forward())
