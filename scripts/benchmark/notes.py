"""Why another tool can be better at a measure, and what would change that."""

from __future__ import annotations

from collections.abc import Mapping

NOTES: Mapping[str, str] = {
    "install": (
        "opt brings onnxruntime and onnx, for it proves each file against them. An installation"
        " without the proof would be NumPy, protobuf and click; an extra could make it optional."
    ),
    "processor time": (
        "these are compiled programs that start at once and do not run the model. opt is Python:"
        " importing NumPy, protobuf, click and what it needs of itself takes most of the time of a"
        " small model, and running the model in onnxruntime and in NumPy most of that of a large"
        " one. `--no-verify` leaves the second out."
    ),
    "peak memory": (
        "opt holds the model while another runtime runs it for the proof, and the libraries for"
        " both. `--no-verify` leaves that out."
    ),
    "float file": (
        "a `.nb` file has a table of names and attributes for each operator and aligns nothing"
        " away; formats with numbered operators need less beside the weights. The format is the"
        " runtime's and cannot be changed."
    ),
    "INT8 file": (
        "depthwise filters and a few other small weights stay in 16 bits where 8 bits lose too"
        " much, and Paddle Lite's loader restores no other weights than those of convolutions and"
        " fully connected layers. `--method parity` stores what the official tool stores."
    ),
    "INT16 file": (
        "Paddle Lite's loader restores no other weights than those of convolutions and fully"
        " connected layers, and the rest stays in 32 bits."
    ),
    "float error": (
        "the difference is the order of sums in the runtimes, at the last bits of 32-bit floats;"
        " it belongs to the kernels of the official runtime, not to the file."
    ),
    "INT8 noise": (
        "weight-only quantization by blocks has a scale for every 32 weights, where Paddle Lite"
        " has one for each channel, or quantizes fewer operators; bits where they matter"
        " (`--quantize mixed`) narrow the gap."
    ),
    "latency": (
        "these runtimes have other x86 kernels. Paddle Lite's x86 build has no Winograd and no"
        " blocked layout; its ARM kernels are what the files are made for, which cannot be measured"
        " on this machine."
    ),
}
