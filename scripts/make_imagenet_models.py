"""Make ImageNet topologies whose numbers react to bugs, from the onnx package's light models.

    python scripts/make_imagenet_models.py NAME... --out DIR        (resnet50, squeezenet, ...)

The light models keep the topologies of well-known networks, but all weights are 0.02, so their
output is one constant whatever goes in. Here every parameter is drawn again from a seed, the
statistics of the batch norms are measured on pictures (and then moved a little, so that a batch
norm always does something), and the classifier is centred and scaled so that different pictures
get different logits. The same call gives the same bytes.

What a residual branch adds is kept smaller than what it is added to, as training starts in Goyal
et al., "Accurate, Large Minibatch SGD", 2017 (https://arxiv.org/abs/1706.02677), section 5.1.
Otherwise each batch norm of a random network makes rounding errors about a tenth larger (Yang et
al., "A Mean Field Theory of Batch Normalization", ICLR 2019, https://arxiv.org/abs/1902.08129),
and behind the 53 of ResNet-50 two right results would differ by 5e-5.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

from synthetic_pictures import photo

LIGHT_MODELS = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
SEED = 20
PICTURES = 8
LOGIT_SPREAD = 1.0

Array = NDArray[np.float32]
Draw = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]


def _he_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)


def _near_one(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return rng.uniform(0.6, 1.2, shape)


def _small(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return rng.uniform(0.05, 0.2, shape)


def _near_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return rng.normal(0, 0.1, shape)


# What a parameter is, is said by the operator and the input slot that read it.
DRAWS: Mapping[tuple[str, int], Draw] = {
    ("Conv", 1): _he_normal,
    ("Conv", 2): _near_zero,
    ("Gemm", 1): _he_normal,
    ("Gemm", 2): _near_zero,
    ("BatchNormalization", 1): _near_one,
    ("BatchNormalization", 2): _near_zero,
    ("BatchNormalization", 3): _near_zero,  # these two are measured afterwards
    ("BatchNormalization", 4): _near_one,
    ("Mul", 1): _near_one,
    ("Add", 1): _near_zero,
    ("Sum", 0): _small,  # the factor of a batch norm whose result is the first to be added
}


def make(name: str) -> ModelProto:
    """The light model of this name with parameters that make every layer count."""
    model = onnx.load(LIGHT_MODELS / f"light_{name}.onnx")
    rng = np.random.default_rng(SEED)
    _draw_parameters(model.graph, rng)
    _calibrate(model, rng)
    onnx.checker.check_model(model)
    return model


def _draw_parameters(graph: GraphProto, rng: np.random.Generator) -> None:
    """Replace constant-filled parameters, computed or stored, by stored random ones."""
    old = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    shapes = {
        node.output[0]: tuple(int(size) for size in old[node.input[0]])
        for node in graph.node
        if node.op_type == "ConstantOfShape"
    }
    shapes |= {name: array.shape for name, array in old.items() if array.dtype == np.float32}
    nodes = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    read = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read - shapes.keys()]
    drawn = [
        numpy_helper.from_array(_role(nodes, name)(rng, shape).astype(np.float32), name)
        for name, shape in shapes.items()
        if name in read
    ]
    inputs = [value for value in graph.input if value.name not in old]
    inputs += [
        helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        for tensor in (*drawn, *kept)
    ]  # files as old as these list every parameter as an input too
    del graph.node[:], graph.initializer[:], graph.input[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*drawn, *kept])
    graph.input.extend(inputs)


def _role(nodes: Iterable[NodeProto], name: str) -> Draw:
    for node in nodes:
        for slot, read in enumerate(node.input):
            if read != name:
                continue
            if node.op_type in ("Unsqueeze", "Reshape"):
                return _role(nodes, node.output[0])
            if (node.op_type, slot) == ("BatchNormalization", 1) and _is_branch(nodes, node):
                return DRAWS["Sum", 0]
            return DRAWS[node.op_type, slot]
    raise LookupError(f"nothing reads the parameter {name!r}")


def _is_branch(nodes: Iterable[NodeProto], norm: NodeProto) -> bool:
    """Whether a batch norm ends a residual branch; sums name that before what they add it to."""
    return any(node.op_type == "Sum" and node.input[0] == norm.output[0] for node in nodes)


def _calibrate(model: ModelProto, rng: np.random.Generator) -> None:
    """Set each batch norm to what its input is like, and centre and scale the classifier."""
    parameters = {tensor.name: tensor for tensor in model.graph.initializer}
    source = next(value.name for value in model.graph.input if value.name not in parameters)
    norms = [node for node in model.graph.node if node.op_type == "BatchNormalization"]
    statistics = [name for node in norms for name in node.input[3:5]]
    head = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")][-1]
    measuring = _measuring_copy(model, rng, source)
    scores, *measured = _run(measuring, source, [head.output[0], *map(_measured, statistics)])
    for name, array in zip(statistics, measured, strict=True):
        parameters[name].CopyFrom(numpy_helper.from_array(array, name))
    center = scores.mean(axis=(0, *range(2, scores.ndim)))
    deviation = (scores - center.reshape(1, -1, *[1] * (scores.ndim - 2))).std()
    weight, bias = (_stored(model.graph, name) for name in head.input[1:])
    for name, shift in ((weight, np.zeros(1)), (bias, center)):
        array = (numpy_helper.to_array(parameters[name]) - shift) * (LOGIT_SPREAD / deviation)
        parameters[name].CopyFrom(numpy_helper.from_array(array.astype(np.float32), name))


def _measured(name: str) -> str:
    return f"{name}/measured"


def _measuring_copy(model: ModelProto, rng: np.random.Generator, source: str) -> ModelProto:
    """A model for several pictures at once whose batch norms use their input's statistics."""
    copy = ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    data = next(value for value in graph.input if value.name == source)
    data.type.tensor_type.shape.dim[0].dim_param = "N"
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        if tensor.data_type == onnx.TensorProto.INT64 and array[0] == 1:  # a Reshape's target
            batched = np.array([-1, *array[1:]], np.int64)
            tensor.CopyFrom(numpy_helper.from_array(batched, tensor.name))
    nodes = list(graph.node)
    del graph.node[:]
    channels = {tensor.name: tensor.dims[0] for tensor in graph.initializer if tensor.dims}
    for node in nodes:
        if node.op_type == "BatchNormalization":
            graph.node.extend(_measure(node, channels[node.input[1]], rng))
            node.input[3:5] = [_measured(name) for name in node.input[3:5]]
        graph.node.append(node)
    return copy


def _measure(norm: NodeProto, channels: int, rng: np.random.Generator) -> list[NodeProto]:
    """Nodes for the mean and variance of a batch norm's input, each moved a little."""
    x, mean, variance = norm.input[0], norm.input[3], norm.input[4]
    moves = {
        f"{mean}/move": rng.normal(0, 0.1, channels),
        f"{variance}/move": rng.uniform(0.8, 1.25, channels),
    }
    return [
        *(_constant(name, move) for name, move in moves.items()),
        _mean_of_channels(x, f"{mean}/raw"),
        helper.make_node("Mul", [x, x], [f"{x}/square"]),
        _mean_of_channels(f"{x}/square", f"{x}/power"),
        helper.make_node("Mul", [f"{mean}/raw", f"{mean}/raw"], [f"{mean}/power"]),
        helper.make_node("Sub", [f"{x}/power", f"{mean}/power"], [f"{variance}/raw"]),
        helper.make_node("Abs", [f"{variance}/raw"], [f"{variance}/positive"]),
        helper.make_node("Sqrt", [f"{variance}/positive"], [f"{variance}/deviation"]),
        helper.make_node("Mul", [f"{variance}/deviation", f"{mean}/move"], [f"{mean}/shift"]),
        helper.make_node("Add", [f"{mean}/raw", f"{mean}/shift"], [_measured(mean)]),
        helper.make_node(
            "Mul", [f"{variance}/positive", f"{variance}/move"], [_measured(variance)]
        ),
    ]


def _mean_of_channels(x: str, mean: str) -> NodeProto:
    return helper.make_node("ReduceMean", [x], [mean], axes=[0, 2, 3], keepdims=0)


def _constant(name: str, array: NDArray[np.float64]) -> NodeProto:
    value = numpy_helper.from_array(array.astype(np.float32))
    return helper.make_node("Constant", [], [name], value=value)


def _run(model: ModelProto, source: str, names: Sequence[str]) -> list[Array]:
    """The named tensors for a few pictures."""
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names
    )
    shape = next(v for v in model.graph.input if v.name == source).type.tensor_type.shape
    height, width = (dim.dim_value for dim in shape.dim[2:4])
    pictures = np.stack([photo(seed, height, width) for seed in range(PICTURES)])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the order of additions must not change
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    scaled = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)) / np.float32(127.5) - 1
    return list(session.run(list(names), {source: scaled}))


def _stored(graph: GraphProto, name: str) -> str:
    """The stored parameter that a value is made from by a reshape, or itself."""
    producers = {output: node for node in graph.node for output in node.output}
    while name in producers:
        name = producers[name].input[0]
    return name


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the models that the command line names."""
    known = sorted(path.stem.removeprefix("light_") for path in LIGHT_MODELS.glob("*.onnx"))
    parser = argparse.ArgumentParser(description="Make ImageNet topologies with random weights.")
    parser.add_argument("names", nargs="+", choices=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names:
        path = options.out / f"{name}.onnx"
        part = path.with_suffix(".onnx.part")
        part.write_bytes(make(name).SerializeToString(deterministic=True))
        part.replace(path)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
