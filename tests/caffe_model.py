"""VGG-16 as Caffe has it, written with google.protobuf, and described for OpenCV."""

import numpy as np

# Of Caffe's caffe.proto, written down a second time: name, number, label, type.
PROTO = {
    "BlobShape": [("dim", 1, "repeated", "int64")],
    "BlobProto": [
        ("num", 1, "optional", "int32"), ("channels", 2, "optional", "int32"),
        ("height", 3, "optional", "int32"), ("width", 4, "optional", "int32"),
        ("data", 5, "repeated", "float"), ("diff", 6, "repeated", "float"), ("shape", 7, "optional", "BlobShape"),
        ("double_data", 8, "repeated", "double"),
    ],
    "LayerParameter": [
        ("name", 1, "optional", "string"), ("type", 2, "optional", "string"), ("bottom", 3, "repeated", "string"),
        ("top", 4, "repeated", "string"), ("blobs", 7, "repeated", "BlobProto"),
    ],
    "V1LayerParameter": [("name", 4, "optional", "string"), ("blobs", 6, "repeated", "BlobProto")],
    "NetParameter": [
        ("name", 1, "optional", "string"), ("layers", 2, "repeated", "V1LayerParameter"),
        ("layer", 100, "repeated", "LayerParameter"),
    ],
}  # fmt: skip


def caffe_net():
    """An empty NetParameter."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="test_caffe.proto", package="caffe", syntax="proto2"
    )
    for message, fields in PROTO.items():
        described = file.message_type.add(name=message)
        for name, number, label, kind in fields:
            field = described.field.add(name=name, number=number)
            field.label = getattr(kinds, f"LABEL_{label.upper()}")
            if kind in PROTO:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".caffe.{kind}"
            else:
                field.type = getattr(kinds, f"TYPE_{kind.upper()}")
                field.options.packed = label == "repeated" and kind in ("float", "double", "int64")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe.NetParameter"))()


def write_caffe(path, side, legacy=False):
    """A .caffemodel of VGG-16 with random weights, for images of `side` x `side`; the authors named its head so."""
    generator, net, before = np.random.default_rng(0), caffe_net(), 3
    layers = []
    for block, (number, channels) in enumerate(
        ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1
    ):
        for i in range(1, number + 1):
            layers.append((f"conv{block}_{i}", "Convolution", (channels, before, 3, 3)))
            before = channels
    layers += [
        ("fc6", "InnerProduct", (4096, 512 * (side // 32) ** 2)),
        ("fc7", "InnerProduct", (4096, 4096)),
        ("fc8-2", "InnerProduct", (2, 4096)),
    ]
    for name, kind, shape in layers:
        layer = net.layer.add(name=name, type=kind)
        kernel = generator.standard_normal(shape, np.float32) * np.float32(
            np.sqrt(2 / np.prod(shape[1:]))
        )
        bias = generator.standard_normal(shape[0], np.float32) * np.float32(0.1)
        for values in (kernel, bias):
            blob = layer.blobs.add()
            if legacy:
                sides = (1,) * (4 - values.ndim) + values.shape
                blob.num, blob.channels, blob.height, blob.width = sides
            else:
                blob.shape.dim.extend(values.shape)
            blob.data.extend(values.ravel())
    path.write_bytes(net.SerializeToString())


def prototxt(side):
    """The same network for OpenCV."""
    lines = [f'input: "data" input_dim: 3 input_dim: 3 input_dim: {side} input_dim: {side}']
    top = "data"
    for block, (number, channels) in enumerate(
        ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1
    ):
        for i in range(1, number + 1):
            name = f"conv{block}_{i}"
            about = f"convolution_param {{ num_output: {channels} kernel_size: 3 pad: 1 }}"
            lines += [
                layer_text(name, "Convolution", top, about),
                layer_text(f"relu{block}_{i}", "ReLU", name),
            ]
            top = f"relu{block}_{i}"
        about = "pooling_param { pool: MAX kernel_size: 2 stride: 2 }"
        lines.append(layer_text(f"pool{block}", "Pooling", top, about))
        top = f"pool{block}"
    for name, width in (("fc6", 4096), ("fc7", 4096), ("fc8-2", 2)):
        lines.append(
            layer_text(name, "InnerProduct", top, f"inner_product_param {{ num_output: {width} }}")
        )
        top = name
        if name != "fc8-2":
            top = f"relu-{name}"
            lines.append(layer_text(top, "ReLU", name))
    return "\n".join(lines)


def layer_text(name, kind, bottom, about=""):
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{name}" {about} }}'
