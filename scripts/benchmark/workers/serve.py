"""Run one converted model in its runtime, in an environment of its own, on one thread.

    python -I serve.py RUNTIME FOLDER FILE...

FOLDER has ``inputs.npz``, whose arrays are called ``sample/position/name``, and may have
``names.json``, the names of the outputs in the order that is asked for. The outputs for all
samples are written to ``outputs.npz``; then a line on the standard output says how many there are.
After that each line read, a number, is answered by the processor seconds of as many runs and the
peak of the process's memory, as JSON: on one thread that is what a run takes where it need not
wait for others.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

Arrays: TypeAlias = "list[np.ndarray]"
Loaded: TypeAlias = "tuple[Callable[[Arrays], None], Callable[[], object], Callable[[], Arrays]]"
"""What sets the inputs, what runs, and what hands the outputs back."""


def paddlelite(files: Sequence[str], names: Sequence[str]) -> Loaded:
    """The official Paddle Lite."""
    from paddlelite.lite import (  # type: ignore[import-not-found]  # only in that environment
        MobileConfig,
        create_paddle_predictor,
    )

    config = MobileConfig()
    config.set_model_from_file(files[0])
    predictor = create_paddle_predictor(config)
    known = list(predictor.get_input_names())
    sources = known if set(known) <= set(names) else names  # x2paddle renames some
    count = len(predictor.get_output_names())

    def feed(arrays: Arrays) -> None:
        given = dict(zip(names, arrays, strict=True))
        for position in range(len(known)):
            predictor.get_input(position).from_numpy(given[sources[position]])

    def fetch() -> Arrays:
        return [np.array(predictor.get_output(i).numpy()) for i in range(count)]

    return feed, predictor.run, fetch


def onnxruntime(files: Sequence[str], names: Sequence[str]) -> Loaded:
    """onnxruntime's CPU provider."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(files[0], options, providers=["CPUExecutionProvider"])
    types = {i.name: np.dtype("int64") if "int64" in i.type else None for i in session.get_inputs()}
    state: dict[str, Any] = {}

    def feed(arrays: Arrays) -> None:
        given = dict(zip(names, arrays, strict=True))
        state["feeds"] = {
            name: np.asarray(given[name], dtype) for name, dtype in types.items() if name in given
        }

    def run() -> None:
        state["outputs"] = session.run(None, state["feeds"])

    return feed, run, lambda: [np.asarray(y) for y in state["outputs"]]


def litert(files: Sequence[str], names: Sequence[str]) -> Loaded:  # noqa: ARG001
    """LiteRT, with its XNNPACK delegate."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(files[0], num_threads=1)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()

    def feed(arrays: Arrays) -> None:
        for detail, array in zip(inputs, arrays, strict=True):
            interpreter.set_tensor(detail["index"], array)

    def fetch() -> Arrays:
        return [interpreter.get_tensor(detail["index"]).copy() for detail in outputs]

    return feed, interpreter.invoke, fetch


def mnn(files: Sequence[str], names: Sequence[str]) -> Loaded:
    """MNN in 32 bits."""
    import MNN

    net = MNN.Interpreter(files[0])
    session = net.createSession({"numThread": 1, "backend": "CPU", "precision": "high"})
    kinds = {np.dtype(np.float32): MNN.Halide_Type_Float, np.dtype(np.int32): MNN.Halide_Type_Int}
    known = net.getSessionInputAll(session)
    sources = {n: n for n in known} if set(known) <= set(names) else dict(zip(known, names))  # noqa: B905
    results = net.getSessionOutputAll(session)
    order = in_order(Path.cwd(), list(results))

    def feed(arrays: Arrays) -> None:
        by_name = dict(zip(names, arrays, strict=True))
        given = {name: _for_mnn(by_name[source]) for name, source in sources.items()}
        if any(tuple(known[name].getShape()) != array.shape for name, array in given.items()):
            for name, array in given.items():
                net.resizeTensor(known[name], array.shape)
            net.resizeSession(session)
        for name, array in given.items():
            layout = known[name].getDimensionType()
            host = MNN.Tensor(array.shape, kinds[array.dtype], array, layout)
            known[name].copyFrom(host)

    def fetch() -> Arrays:
        arrays: Arrays = []
        for tensor in map(results.__getitem__, order):
            shape = tensor.getShape()
            if shape and not any(shape):
                sys.exit("a session of MNN computes nothing of it; it needs MNN's modules")
            kind = tensor.getDataType()
            empty = np.zeros(shape, np.int32 if kind == MNN.Halide_Type_Int else np.float32)
            host = MNN.Tensor(shape, kind, empty, tensor.getDimensionType())
            tensor.copyToHostTensor(host)
            arrays.append(np.array(host.getData(), empty.dtype).reshape(shape))
        return arrays

    return feed, lambda: net.runSession(session), fetch


def _for_mnn(array: np.ndarray) -> np.ndarray:
    """It has integers of 32 bits only."""
    return np.ascontiguousarray(array, np.int32 if array.dtype.kind in "iu" else None)


def ncnn(files: Sequence[str], names: Sequence[str]) -> Loaded:  # noqa: ARG001
    """ncnn in 32 bits; it knows no batch."""
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    if net.load_param(files[0]) or net.load_model(files[1]):
        sys.exit("ncnn cannot load what pnnx wrote")
    state: dict[str, Any] = {}

    def feed(arrays: Arrays) -> None:
        state["inputs"] = [
            ncnn.Mat(np.ascontiguousarray(a[0], np.int32 if a.dtype.kind in "iu" else np.float32))
            for a in arrays
        ]

    def run() -> None:
        extractor = net.create_extractor()
        for name, array in zip(net.input_names(), state["inputs"], strict=True):
            extractor.input(name, array)
        state["outputs"] = []
        for name in net.output_names():
            code, result = extractor.extract(name)
            if code:
                sys.exit("ncnn cannot compute output " + name)
            state["outputs"].append(result)

    return feed, run, lambda: [np.array(y)[None] for y in state["outputs"]]


RUNTIMES: Mapping[str, Callable[[Sequence[str], Sequence[str]], Loaded]] = {
    "paddlelite": paddlelite,
    "onnxruntime": onnxruntime,
    "litert": litert,
    "mnn": mnn,
    "ncnn": ncnn,
}


def peak_bytes() -> int:
    """The most memory that this process held, as the kernel counts it."""
    with open("/proc/self/status", encoding="ascii") as stream:
        return next(int(line.split()[1]) * 1024 for line in stream if line.startswith("VmHWM"))


def samples(folder: Path) -> tuple[list[str], list[Arrays]]:
    """The names of the inputs, and their arrays for each sample."""
    found: dict[int, dict[int, tuple[str, np.ndarray]]] = {}
    with np.load(str(folder / "inputs.npz")) as arrays:
        for key in arrays.files:
            number, position, name = key.split("/", 2)
            found.setdefault(int(number), {})[int(position)] = (name, arrays[key])
    ordered = [[found[n][i] for i in sorted(found[n])] for n in sorted(found)]
    return [name for name, _ in ordered[0]], [[a for _, a in sample] for sample in ordered]


def in_order(folder: Path, found: Sequence[str]) -> list[str]:
    """Names of outputs, in the order that is asked for where they are the same."""
    path = folder / "names.json"
    asked = list(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else []
    return asked if set(asked) == set(found) else list(found)


def main() -> None:
    """Answer until the standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a runtime prints is no answer
    runtime, folder, files = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    names, inputs = samples(folder)
    feed, run, fetch = RUNTIMES[runtime](files, names)
    outputs = {}
    for number, arrays in enumerate(inputs):
        feed(arrays)
        run()
        results = fetch()
        outputs.update({f"{number}/{i}": result for i, result in enumerate(results)})
    np.savez(str(folder / "outputs.npz"), **outputs)  # type: ignore[arg-type]  # its stub reserves a keyword
    print(len(outputs), file=answers, flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            feed(inputs[0])  # a run may have used the memory of its inputs
            start = time.process_time()
            run()
            seconds.append(time.process_time() - start)
        answer = {"seconds": seconds, "peak_bytes": peak_bytes()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
