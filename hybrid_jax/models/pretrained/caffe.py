"""Caffe's .caffemodel: the part of its protocol buffers that holds weights.

Field numbers are those of BVLC's caffe.proto; all other fields are skipped by protobuf, as unknown.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_jax.errors import UserError

# message -> field -> number, type (of this table where it is there); fields are repeated where `one` does not say else.
MESSAGES = {
    "BlobShape": {"dim": (1, "int64")},
    "BlobProto": {
        "num": (1, "one int32"),
        "channels": (2, "one int32"),
        "height": (3, "one int32"),
        "width": (4, "one int32"),
        "data": (5, "float"),
        "shape": (7, "one BlobShape"),
        "double_data": (8, "double"),
    },
    "LayerParameter": {"name": (1, "one string"), "blobs": (7, "BlobProto")},
    "V1LayerParameter": {"name": (4, "one string"), "blobs": (6, "BlobProto")},  # before 2015
    "NetParameter": {"layers": (2, "V1LayerParameter"), "layer": (100, "LayerParameter")},
}


def read(path: Path) -> dict[str, np.ndarray]:
    """Tensors by `layer/number`: number 0 is a layer's kernel, 1 its bias.

    Raises:
        errors.UserError: no such contents.
    """
    from google.protobuf.message import DecodeError

    net = _net_parameter()()
    try:
        net.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise UserError(f"{path} is no Caffe model ({error})") from None
    found = {
        f"{layer.name}/{number}": _array(path, layer.name, blob)
        for layer in (*net.layer, *net.layers)
        for number, blob in enumerate(layer.blobs)
    }
    if not found:
        raise UserError(f"{path} is no Caffe model: it holds no layer with weights")
    return found


def _array(path: Path, layer: str, blob: Any) -> np.ndarray:
    values = np.asarray(blob.data or blob.double_data, np.float32)
    if blob.HasField("shape"):
        shape = tuple(blob.shape.dim)
    else:
        # Old files give everything four sides, with ones before those that count.
        shape = (blob.num, blob.channels, blob.height, blob.width)
        shape = shape[next((i for i, side in enumerate(shape[:-1]) if side != 1), 3) :]
    if np.prod(shape) != len(values):
        raise UserError(
            f"{path}: layer {layer} has {len(values)} weights, and says {shape}: it is damaged"
        )
    return values.reshape(shape)


@cache
def _net_parameter() -> type:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(
        name="hybrid_jax_caffe.proto", package="hybrid_jax.caffe"
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            *single, kind = kind.split()
            field = described.field.add(name=name, number=number)
            field.label = kinds.LABEL_OPTIONAL if single else kinds.LABEL_REPEATED
            if kind in MESSAGES:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".{file.package}.{kind}"
            else:
                field.type = getattr(kinds, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName(f"{file.package}.NetParameter")
    )
