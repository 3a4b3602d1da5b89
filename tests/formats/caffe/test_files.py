"""Files that are damaged, or are not what they claim to be."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from caffe_models import CaffeModel, make_model, network_text, random_blobs
from command_line import opt
from opt_tool.errors import DamagedFileError, UnsupportedError, UnsupportedModelError, UsageError
from opt_tool.formats.caffe import caffe_pb2, read
from opt_tool.ir import Graph

CONV = (
    'name: "c" type: "Convolution" bottom: "x" top: "c" '
    "convolution_param { num_output: 4 kernel_size: 3 weight_filler { kind: 3 } }"
)
RELU = 'name: "r" type: "ReLU" bottom: "c" top: "c"'
SHAPES = {"x": (1, 3, 5, 5)}


@pytest.fixture
def model(tmp_path: Path) -> CaffeModel:
    return make_model(tmp_path, SHAPES, [CONV, RELU], {"c": random_blobs((4, 3, 3, 3), (4,))})


def read_text(model: CaffeModel, text: str) -> Graph:
    model.prototxt.write_text(text)
    return read(model.prototxt, model.caffemodel)


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ("kernel_sise: 3", 'line 3, column 94: .*ConvolutionParameter.*"kernel_sise"'),
        ("kernel_size: three", "line 3, column 107: Couldn't parse integer"),
        ("kernel_size: 3 }", "line 3"),
    ],
)
def test_a_mistake_in_the_network_has_its_place(model: CaffeModel, wrong: str, place: str) -> None:
    text = network_text(SHAPES, CONV, RELU)
    with pytest.raises(DamagedFileError, match=place):
        read_text(model, text.replace("kernel_size: 3", wrong))


def test_a_misspelt_parameter_of_a_layer_is_a_mistake(model: CaffeModel) -> None:
    text = network_text(SHAPES, CONV, RELU)
    with pytest.raises(DamagedFileError, match='"convolution_parm"'):
        read_text(model, text.replace("convolution_param", "convolution_parm"))


def test_what_only_training_reads_may_be_anything(model: CaffeModel) -> None:
    extra = 'transform_param { mirror: true what { ever: [1, 2] } } loss_weight: 1 # a "comment'
    text = network_text(SHAPES, f"{CONV} {extra}\n", RELU)
    assert [node.op.type for node in read_text(model, text).nodes] == ["conv2d", "relu"]


def test_layers_of_training_are_left_out(model: CaffeModel) -> None:
    rules = [
        f"{RELU} include {{ phase: TRAIN }}",
        'name: "s" type: "Sigmoid" bottom: "c" top: "c" exclude { phase: TEST }',
        'name: "t" type: "TanH" bottom: "c" top: "t" include { stage: "deploy" }',
        'name: "l" type: "SoftmaxWithLoss" bottom: "c" bottom: "label" top: "l"',
        'name: "e" type: "Silence" bottom: "c"',
    ]
    graph = read_text(model, network_text(SHAPES, CONV, *rules))
    assert [node.op.type for node in graph.nodes] == ["conv2d"]
    staged = 'state { stage: "deploy" }\n' + network_text(SHAPES, CONV, *rules)
    assert [node.op.type for node in read_text(model, staged).nodes] == ["conv2d", "tanh"]


@pytest.mark.parametrize(
    ("rule", "there"),
    [
        ("min_level: 2", True),
        ("min_level: 3", False),
        ("max_level: 2", True),
        ("max_level: 1", False),
    ],
)
def test_levels_decide_about_layers(model: CaffeModel, rule: str, there: bool) -> None:
    text = network_text(SHAPES, CONV, f"{RELU} include {{ {rule} }}")
    graph = read_text(model, "state { level: 2 }\n" + text)
    assert ("relu" in [node.op.type for node in graph.nodes]) is there


def test_a_later_layer_takes_over_the_name_of_a_blob(model: CaffeModel) -> None:
    graph = read(model.prototxt, model.caffemodel)
    assert [value.name for value in graph.outputs] == ["c"]
    assert graph.outputs[0].producer is not None
    assert graph.outputs[0].producer.op.type == "relu"


def test_a_blob_that_no_layer_makes_is_a_mistake(model: CaffeModel) -> None:
    text = network_text(SHAPES, CONV, RELU.replace('bottom: "c"', 'bottom: "d"'))
    with pytest.raises(DamagedFileError, match=r"'r' \(ReLU\) reads the blob 'd'"):
        read_text(model, text)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_refuses_truncated_weights(model: CaffeModel, share: float) -> None:
    data = model.caffemodel.read_bytes()
    model.caffemodel.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DamagedFileError, match="not a whole caffemodel"):
        read(model.prototxt, model.caffemodel)


def test_weights_of_another_net_name_layer_and_shapes(tmp_path: Path) -> None:
    blobs = {"c": random_blobs((4, 3, 5, 5), (4,))}
    model = make_model(tmp_path, SHAPES, [CONV, RELU], blobs)
    with pytest.raises(DamagedFileError, match=r"'c'.*\[4, 3, 5, 5\].*\[4, 3, 3, 3\]"):
        read(model.prototxt, model.caffemodel)
    model = make_model(tmp_path, SHAPES, [CONV, RELU], {"conv": random_blobs((4,))})
    with pytest.raises(DamagedFileError, match=r"no weights for layer 'c'.*it has 'conv'"):
        read(model.prototxt, model.caffemodel)
    model = make_model(tmp_path, SHAPES, [CONV, RELU], {"c": random_blobs((4, 3, 3, 3))})
    with pytest.raises(DamagedFileError, match="'c' has 1 blobs"):
        read(model.prototxt, model.caffemodel)


@pytest.mark.parametrize("dims", [(2**40, 2**20), (-4, 3, 3, 3), (4, 3, 3, 2)], ids=str)
def test_a_shape_is_compared_with_the_numbers_there_are(
    model: CaffeModel, dims: tuple[int, ...]
) -> None:
    message = caffe_pb2.NetParameter()
    message.ParseFromString(model.caffemodel.read_bytes())
    message.layer[0].blobs[0].shape.dim[:] = dims
    model.caffemodel.write_bytes(message.SerializeToString())
    with pytest.raises(DamagedFileError, match=r"'c' has the shape .* and 108 numbers"):
        read(model.prototxt, model.caffemodel)


def test_a_hostile_length_takes_no_memory(model: CaffeModel) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    layer = bytes([0xA2, 0x06]) + b"\xff\xff\xff\xff\x07"  # field 100, 2 GB long
    model.caffemodel.write_bytes(layer + b"\x0a\x01c")
    with pytest.raises(DamagedFileError, match="not a whole caffemodel"):
        read(model.prototxt, model.caffemodel)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_refuses_weights_that_protobuf_cannot_hold(model: CaffeModel) -> None:
    """A file of holes: its last layer says that it is as long as the file."""
    data = model.caffemodel.read_bytes()
    with model.caffemodel.open("wb") as stream:
        stream.write(data + bytes([0xA2, 0x06]) + b"\xf0\xff\xff\xff\x07")
        stream.truncate(2**31)
    with pytest.raises(UnsupportedError, match=r"2147483648 bytes; .* more than 2147483647"):
        read(model.prototxt, model.caffemodel)
    result = opt("convert", model.prototxt, model.caffemodel, "-o", model.prototxt.parent / "x.nb")
    assert result.exit_code == 3
    assert "more than 2147483647 cannot be read" in result.stderr


def test_refuses_a_text_as_long_as_weights(model: CaffeModel) -> None:
    with model.prototxt.open("ab") as stream:
        stream.truncate(64 * 1024 * 1024 + 1)
    with pytest.raises(DamagedFileError, match="bytes of text; a network has at most"):
        read(model.prototxt, model.caffemodel)


def test_deeply_nested_text_is_refused(model: CaffeModel) -> None:
    with pytest.raises(DamagedFileError, match="line 1"):
        read_text(model, "layer { convolution_param {" + "a {" * 100_000)


def test_inputs_need_sizes(model: CaffeModel) -> None:
    text = f'input: "x"\nlayer {{ {CONV} }}\n'
    with pytest.raises(DamagedFileError, match="1 inputs with 0 shapes"):
        read_text(model, text)
    with pytest.raises(DamagedFileError, match=r"'x' has the shape \[1, 3, 0, 5\]"):
        read_text(model, network_text({"x": (1, 3, 0, 5)}, CONV))


def test_a_data_layer_becomes_an_input(model: CaffeModel) -> None:
    data = 'name: "d" type: "Data" top: "x" top: "label" data_param { source: "lmdb" }'
    text = network_text({}, data, CONV, RELU)
    with pytest.raises(UnsupportedModelError, match="--input-shape x="):
        read_text(model, text)
    graph = read(model.prototxt, model.caffemodel, input_shapes={"x": (1, 3, 5, 5)})
    assert [(value.name, value.shape) for value in graph.inputs] == [("x", (1, 3, 5, 5))]


def test_shapes_and_outputs_are_those_that_are_asked_for(model: CaffeModel) -> None:
    graph = read(model.prototxt, model.caffemodel, input_shapes={"x": (2, 3, 8, 9)})
    assert graph.outputs[0].shape == (2, 4, 6, 7)
    with pytest.raises(UsageError, match="no input is called 'z'; there are 'x'"):
        read(model.prototxt, model.caffemodel, input_shapes={"z": (1,)})
    with pytest.raises(UsageError, match="no blob is called 'z'"):
        read(model.prototxt, model.caffemodel, outputs=["z"])
    with pytest.raises(UsageError, match="4 dimensions"):
        read(model.prototxt, model.caffemodel, input_shapes={"x": (3, 5, 5)})


def test_weights_are_those_of_the_file(model: CaffeModel) -> None:
    graph = read(model.prototxt, model.caffemodel)
    (conv, _) = graph.nodes
    np.testing.assert_array_equal(conv.input("Filter").array(), random_blobs((4, 3, 3, 3), (4,))[0])
