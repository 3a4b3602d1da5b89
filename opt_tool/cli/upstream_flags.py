"""The flags of Paddle Lite's own opt, in the words of this one.

Upstream's program has no commands: its flags say what it does. They are told by their
underscores; what is not one of them is handed on as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from opt_tool.errors import UnsupportedError, UsageError

SWITCHES = frozenset(
    {
        "display_kernels", "enable_fp16", "print_all_ops", "print_all_ops_in_md_format",
        "print_model_ops", "print_supported_ops", "quant_model", "record_tailoring_info",
        "sparse_model",
    }
)  # fmt: skip
VALUES = frozenset(
    {
        "model_dir", "model_file", "model_filename", "model_set_dir",
        "nnadapter_mixed_precision_quantization_config_path", "optimize_out",
        "optimize_out_type", "optimized_nb_model_path", "param_file", "param_filename",
        "quant_type", "sparse_threshold", "valid_targets", "visualization_file_output_path",
    }
)  # fmt: skip
DEFAULTS: Mapping[str, str] = {"quant_type": "QUANT_INT16", "valid_targets": "arm"}
QUANTIZATIONS: Mapping[str, str] = {"QUANT_INT8": "int8", "QUANT_INT16": "int16"}
TRUE, FALSE = frozenset({"true", "t", "1", "yes", "y"}), frozenset({"false", "f", "0", "no", "n"})
TARGETS = ("arm", "x86")
NO_TARGETS = frozenset({"host", *TARGETS})
"""Targets that ask for nothing that a file for a processor does not have."""

REFUSED: Mapping[str, str] = {
    "enable_fp16": "weights in 16-bit floats are not supported; --quantize int16 is as small",
    "sparse_model": "sparse convolutions are not supported; leave the flag out",
    "record_tailoring_info": (
        "there is no record for a tailored library; `opt list-ops FILE.nb` lists the kernels"
    ),
    "model_set_dir": "name the models instead: `opt convert A.onnx B.onnx -d OUT_DIR`",
    "nnadapter_mixed_precision_quantization_config_path": "NNAdapter is not supported",
}
"""Flags that ask for something that opt does not do, and what to do instead."""


def is_upstream(arguments: Sequence[str]) -> bool:
    """Whether the first argument is one of upstream's flags."""
    return bool(arguments) and _split(arguments[0]) is not None


def modern_arguments(arguments: Sequence[str]) -> list[str]:
    """The command that does what upstream's flags ask for.

    Raises:
        UsageError: when a flag has no value or one that means nothing.
        UnsupportedError: when opt does not do it.
    """
    flags, others = _parse(arguments)
    for name, advice in REFUSED.items():
        if flags.get(name) not in (None, "false"):
            raise UnsupportedError(f"--{name}: {advice}")
    target = _target(flags.get("valid_targets", DEFAULTS["valid_targets"]))
    if "optimized_nb_model_path" in flags:
        return [*_visualize(flags), *others]
    if _on(flags, "print_supported_ops"):
        return ["list-ops", "--supported", "--target", target, *others]
    if _on(flags, "print_all_ops") or _on(flags, "print_all_ops_in_md_format"):
        return ["list-ops", "--supported", *others]
    if _on(flags, "print_model_ops"):
        return ["list-ops", *_model(flags), "--target", target, *others]
    return [*_convert(flags, target), *others]


def _convert(flags: Mapping[str, str], target: str) -> list[str]:
    if flags.get("optimize_out_type", "naive_buffer") != "naive_buffer":
        raise UnsupportedError("--optimize_out_type: only naive_buffer (.nb files) can be written")
    if "optimize_out" not in flags:
        raise UsageError("--optimize_out is missing: the file to write")
    command = ["convert", *_model(flags), "-o", f"{flags['optimize_out'].removesuffix('.nb')}.nb"]
    if _on(flags, "quant_model"):
        kind = flags.get("quant_type", DEFAULTS["quant_type"])
        if kind not in QUANTIZATIONS:
            raise UsageError(f"--quant_type={kind}: must be one of {', '.join(QUANTIZATIONS)}")
        command += ["--quantize", QUANTIZATIONS[kind]]
    return [*command, "--target", target]


def _model(flags: Mapping[str, str]) -> list[str]:
    """The files of the model: Caffe's weights are where upstream has Paddle's parameters."""
    if "model_file" in flags:
        return [flags[name] for name in ("model_file", "param_file") if name in flags]
    if "model_dir" in flags:
        return [flags["model_dir"]]
    raise UsageError("--model_file is missing: the model to read")


def _visualize(flags: Mapping[str, str]) -> list[str]:
    out = flags.get("visualization_file_output_path", "graph.html")
    known = re.search(r"\.(html|svg|dot)$", out) is not None
    return ["visualize", flags["optimized_nb_model_path"], "-o", out if known else f"{out}.html"]


def _target(text: str) -> str:
    targets = [name for name in re.split(r"[,\s]+", text) if name]
    found = [name for name in TARGETS if name in targets]
    others = [name for name in targets if name not in NO_TARGETS]
    if others or len(found) > 1:
        raise UnsupportedError(
            f"--valid_targets={text}: a file is written for one of {', '.join(TARGETS)}"
        )
    return found[0] if found else TARGETS[0]


def _parse(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Upstream's flags by name, and the other arguments."""
    flags: dict[str, str] = {}
    others: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        split = _split(argument)
        if split is None:
            others.append(argument)
            continue
        name, value = split
        if name in SWITCHES:
            flags[name] = _switch(name, "true" if value is None else value)
        elif value is not None:
            flags[name] = value
        elif waiting:
            flags[name] = waiting.pop(0)
        else:
            raise UsageError(f"--{name} needs a value")
    return {name: value for name, value in flags.items() if value}, others


def _split(argument: str) -> tuple[str, str | None] | None:
    """The name and the value of one of upstream's flags, None for anything else."""
    match = re.fullmatch(r"--?(\w+)(?:=(.*))?", argument, re.DOTALL)
    if match is None or match[1] not in SWITCHES | VALUES:
        return None
    return match[1], match[2]


def _switch(name: str, value: str) -> str:
    if value.lower() not in TRUE | FALSE:
        raise UsageError(f"--{name}={value}: must be true or false")
    return "true" if value.lower() in TRUE else "false"


def _on(flags: Mapping[str, str], name: str) -> bool:
    return flags.get(name) == "true"
