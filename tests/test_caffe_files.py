"""Caffe's weights in whichever of its ways a file holds them."""

import numpy as np
import pytest
from caffe_model import caffe_net

from hybrid_jax.models.pretrained import caffe

KERNEL = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("layers", ["layer", "layers"])  # since 2015, and before
@pytest.mark.parametrize("data", ["data", "double_data"])
@pytest.mark.parametrize("shaped", [True, False])
def test_every_way_gives_the_same_weights(tmp_path, layers, data, shaped):
    net = caffe_net()
    layer = getattr(net, layers).add(name="fc")
    for values in (KERNEL, np.array([7.0, 8.0])):
        blob = layer.blobs.add()
        getattr(blob, data).extend(values.ravel())
        if shaped:
            blob.shape.dim.extend(values.shape)
        else:
            sides = (1,) * (4 - values.ndim) + values.shape
            blob.num, blob.channels, blob.height, blob.width = sides
    path = tmp_path / "net.caffemodel"
    path.write_bytes(net.SerializeToString())
    found = caffe.read(path)
    assert set(found) == {"fc/0", "fc/1"} and found["fc/0"].dtype == np.float32
    np.testing.assert_array_equal(found["fc/0"], KERNEL)
    np.testing.assert_array_equal(found["fc/1"], [7, 8])
