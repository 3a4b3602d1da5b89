"""The tools, and the commands that convert a model with each.

A conversion is some steps in order, each a command and the files that it leaves. Steps that
several conversions share, such as what x2paddle makes, are run once and counted in each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.environments import ENVIRONMENTS
from benchmark.models import Model

WORKERS = Path(__file__).resolve().parent / "workers"
FLOAT, INT8, INT16 = "float", "int8", "int16"
MODES = (FLOAT, INT8, INT16)
DEVICE, HERE = "arm", "x86"
"""What a file is for: the device, whose file is weighed, or this machine, where it is run."""


@dataclass(frozen=True)
class Step:
    """One command and the files that are there when it has worked."""

    command: tuple[str, ...]
    makes: tuple[Path, ...]


Recipe = Callable[[Model, str, str, Path], "tuple[Step, ...] | None"]
"""The steps for a model, a mode and a target in a folder; None where it is not offered."""


@dataclass(frozen=True)
class Tool:
    """Something that makes one file of another.

    Attributes:
        name: Its name in the tables.
        environment: The environment that it lives in.
        formats: The formats that it reads.
        recipe: How it converts; the files that its last step makes are the result.
        runtime: What runs the result, by the name that ``workers/serve.py`` knows.
        has_targets: Whether the device's file is another than the one for this machine.
    """

    name: str
    environment: str
    formats: frozenset[str]
    recipe: Recipe
    runtime: str
    has_targets: bool = False


def _program(environment: str, name: str) -> str:
    return ENVIRONMENTS[environment].program(name)


def _python(environment: str, worker: str) -> tuple[str, ...]:
    return (ENVIRONMENTS[environment].python, "-I", str(WORKERS / worker))


# ---- opt


def _opt(*flags: str) -> Recipe:
    def recipe(model: Model, mode: str, target: str, folder: Path) -> tuple[Step, ...]:
        out = folder / f"{mode}-{target}.nb"
        shapes = [
            f"--input-shape={name}={','.join(map(str, shape))}"
            for name, shape in model.shapes.items()
        ]
        values = [f"--input-value={name}={text}" for name, text in model.values.items()]
        quantize = [] if mode == FLOAT else [f"--quantize={mode}"]
        command = (
            *(_program("opt", "opt"), "convert", *map(str, model.files), "-o", str(out), "-q"),
            *(f"--target={target}", *shapes, *values, *quantize, *flags),
        )
        return (Step(command, (out,)),)

    return recipe


# ---- the official route


def _official(model: Model, mode: str, target: str, folder: Path) -> tuple[Step, ...]:
    paddle = folder / "paddle"
    parts = [paddle / "inference_model" / f"model.{end}" for end in ("pdmodel", "pdiparams")]
    out = folder / f"{mode}-{target}"
    quantize = () if mode == FLOAT else ("--quant_model=true", f"--quant_type=QUANT_{mode.upper()}")
    return (
        Step((*_x2paddle(model), f"--save_dir={paddle}"), tuple(parts)),
        Step(
            (
                _program("official", "paddle_lite_opt"),
                *(f"--model_file={parts[0]}", f"--param_file={parts[1]}"),
                *(f"--optimize_out={out}", f"--valid_targets={target}", *quantize),
            ),
            (out.with_name(f"{out.name}.nb"),),
        ),
    )


def _x2paddle(model: Model) -> tuple[str, ...]:
    program = (_program("official", "x2paddle"), "--disable_feedback=True")
    if model.format == "caffe":
        files = (f"--prototxt={model.files[0]}", f"--weight={model.files[1]}")
        return (*program, "--framework=caffe", *files)
    shapes = {name: list(shape) for name, shape in model.shapes.items()}
    return (
        *(*program, "--framework=onnx", f"--model={model.files[0]}"),
        *((f"--input_shape_dict={shapes}",) if shapes else ()),
    )


# ---- MNN, ncnn


def _mnn(model: Model, mode: str, target: str, folder: Path) -> tuple[Step, ...] | None:  # noqa: ARG001
    if mode == INT16:
        return None
    out = folder / f"{mode}.mnn"
    sources: Mapping[str, Sequence[str]] = {
        "onnx": ("-f", "ONNX", "--modelFile", str(model.files[0])),
        "tflite": ("-f", "TFLITE", "--modelFile", str(model.files[0])),
        "caffe": (
            *("-f", "CAFFE", "--modelFile", str(model.files[-1])),
            *("--prototxt", str(model.files[0])),
        ),
    }
    bits = () if mode == FLOAT else ("--weightQuantBits", "8")
    command = (*_python("mnn", "convert_mnn.py"), *sources[model.format], "--MNNModel", str(out))
    return (Step((*command, *bits), (out,)),)


def _ncnn(model: Model, mode: str, target: str, folder: Path) -> tuple[Step, ...] | None:  # noqa: ARG001
    if mode != FLOAT:
        return None
    source = folder / "model.onnx"  # what it makes lies beside the model, under its name
    binary = ENVIRONMENTS["ncnn"].site_packages / "pnnx" / "pnnx"
    shapes = [str(list(shape)).replace(" ", "") for shape in model.shapes.values()]
    command = (str(binary), str(source), *((f"inputshape={','.join(shapes)}",) if shapes else ()))
    parts = tuple(folder / f"model.ncnn.{end}" for end in ("param", "bin"))
    return (
        Step(("/bin/cp", str(model.files[0]), str(source)), (source,)),
        Step((*command, "fp16=0"), parts),
    )


# ---- ONNX to ONNX, TFLite to TFLite


def _onnxsim(model: Model, mode: str, target: str, folder: Path) -> tuple[Step, ...] | None:  # noqa: ARG001
    if mode != FLOAT:
        return None
    out = folder / "simplified.onnx"
    command = (_program("onnxsim", "onnxsim"), str(model.files[0]), str(out))
    return (Step((*command, *_shapes("--overwrite-input-shape", model)), (out,)),)


def _onnxslim(model: Model, mode: str, target: str, folder: Path) -> tuple[Step, ...] | None:  # noqa: ARG001
    if mode != FLOAT:
        return None
    out = folder / "slim.onnx"
    command = (_program("onnxslim", "onnxslim"), str(model.files[0]), str(out))
    return (Step((*command, *_shapes("--input-shapes", model)), (out,)),)


def _shapes(flag: str, model: Model) -> tuple[str, ...]:
    shapes = [f"{name}:{','.join(map(str, shape))}" for name, shape in model.shapes.items()]
    return (flag, *shapes) if shapes else ()


def _onnxruntime(method: str) -> Recipe:
    def recipe(model: Model, mode: str, target: str, folder: Path) -> tuple[Step, ...] | None:  # noqa: ARG001
        if mode != INT8:
            return None
        out = folder / f"{method}.onnx"
        worker = _python("onnxruntime", "quantize_onnx.py")
        return (Step((*worker, method, str(model.files[0]), str(out)), (out,)),)

    return recipe


def _litert(model: Model, mode: str, target: str, folder: Path) -> tuple[Step, ...] | None:  # noqa: ARG001
    if mode != INT8:
        return None
    out = folder / "weight-only.tflite"
    return (
        Step((*_python("litert", "quantize_tflite.py"), str(model.files[0]), str(out)), (out,)),
    )


ONNX, CAFFE, TFLITE = (frozenset({name}) for name in ("onnx", "caffe", "tflite"))

OPT = Tool("opt", "opt", ONNX | CAFFE | TFLITE, _opt(), "paddlelite", has_targets=True)
OFFICIAL = Tool(
    "official route", "official", ONNX | CAFFE, _official, "paddlelite", has_targets=True
)
UNVERIFIED = Tool(
    "opt --no-verify", "opt", ONNX | CAFFE | TFLITE, _opt("--no-verify"), "", has_targets=True
)
PEERS = (
    OFFICIAL,
    Tool("MNN", "mnn", ONNX | CAFFE | TFLITE, _mnn, "mnn"),
    Tool("ncnn", "ncnn", ONNX, _ncnn, "ncnn"),
    Tool("onnxsim", "onnxsim", ONNX, _onnxsim, "onnxruntime"),
    Tool("onnxslim", "onnxslim", ONNX, _onnxslim, "onnxruntime"),
    Tool("onnxruntime dynamic", "onnxruntime", ONNX, _onnxruntime("dynamic"), "onnxruntime"),
    Tool("onnxruntime weight-only", "onnxruntime", ONNX, _onnxruntime("weights"), "onnxruntime"),
    Tool("LiteRT weight-only", "litert", TFLITE, _litert, "litert"),
)
TOOLS = (OPT, UNVERIFIED, *PEERS)

RUNTIME_ENVIRONMENTS: Mapping[str, str] = {
    "paddlelite": "official",
    "mnn": "mnn",
    "ncnn": "ncnn",
    "onnxruntime": "onnxruntime",
    "litert": "litert",
}
"""The environment that each runtime lives in."""
