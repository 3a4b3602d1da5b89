"""Generate formats/caffe/caffe_pb2.py and its types from caffe.proto.

    python scripts/generate_caffe_schema.py

Needs the package grpcio-tools 1.59, whose protoc (4.24) makes code that protobuf 4.25 and all
newer releases load. The results are committed; run this after a change of caffe.proto.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run protoc in this interpreter's environment."""
    command = [
        *(sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={ROOT}"),
        *(f"--python_out={ROOT}", f"--pyi_out={ROOT}", "formats/caffe/caffe.proto"),
    ]
    result = subprocess.run(command, check=False)
    if result.returncode != 0:
        print("generate_caffe_schema: is grpcio-tools installed?", file=sys.stderr)
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
