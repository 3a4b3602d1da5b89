"""Make an ONNX model that is larger than the memory it should be converted in.

    python scripts/make_large_model.py MEGABYTES --out DIR

A chain of matrix products, whose weights lie beside the model: what protobuf cannot hold. They
are written one after the other, so that this needs no more memory than the conversion.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

SIDE = 2048
BYTES = SIDE * SIDE * 4
"""Of one weight: 16 MiB."""


def make_large_model(megabytes: int, folder: Path) -> Path:
    """Write ``large.onnx`` and ``large.data`` into a folder; returns the model's path."""
    folder.mkdir(parents=True, exist_ok=True)
    count = max(1, (megabytes << 20) // BYTES)
    rng = np.random.default_rng(0)
    with (folder / "large.data").open("wb") as stream:
        for _ in range(count):
            weight = rng.standard_normal((SIDE, SIDE), np.float32) / np.float32(SIDE**0.5)
            stream.write(weight.tobytes())
    nodes = [helper.make_node("MatMul", [f"t{n}", f"w{n}"], [f"t{n + 1}"]) for n in range(count)]
    first, last = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, SIDE))
        for name in ("t0", f"t{count}")
    )
    graph = helper.make_graph(nodes, "large", [first], [last], list(map(_weight, range(count))))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = folder / "large.onnx"
    onnx.save(model, path)
    return path


def _weight(number: int) -> TensorProto:
    weight = TensorProto(name=f"w{number}", data_type=TensorProto.FLOAT, dims=(SIDE, SIDE))
    weight.data_location = TensorProto.EXTERNAL
    place = {"location": "large.data", "offset": number * BYTES, "length": BYTES}
    for key, value in place.items():
        weight.external_data.add(key=key, value=str(value))
    return weight


def main() -> int:
    """Make the model that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("megabytes", type=int)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    print(make_large_model(arguments.megabytes, arguments.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
