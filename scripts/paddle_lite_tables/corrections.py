"""What reading ``AttachImpl`` alone gets wrong, each row with its reason."""

from __future__ import annotations

from collections.abc import Mapping

from .operators import Operator

ALTERNATIVE = "needed unless a tensor takes its place, and harmless then"

REQUIRED_ATTRIBUTES: Mapping[tuple[str, str], str] = {
    ("one_hot", "depth"): ALTERNATIVE,
    ("one_hot_v2", "depth"): ALTERNATIVE,
    ("pad2d", "paddings"): ALTERNATIVE,
    ("pad3d", "paddings"): ALTERNATIVE,
    ("reshape", "shape"): ALTERNATIVE,
    ("reshape2", "shape"): ALTERNATIVE,
    ("slice", "starts"): ALTERNATIVE,
    ("slice", "ends"): ALTERNATIVE,
    ("strided_slice", "axes"): "the kernels index by it without asking",
    ("strided_slice", "starts"): ALTERNATIVE,
    ("strided_slice", "ends"): ALTERNATIVE,
    ("strided_slice", "strides"): ALTERNATIVE,
    ("tile", "repeat_times"): ALTERNATIVE,
    ("top_k_v2", "k"): ALTERNATIVE,
    ("unsqueeze", "axes"): ALTERNATIVE,
    ("unsqueeze2", "axes"): ALTERNATIVE,
}

REQUIRED_OUTPUTS: Mapping[tuple[str, str], str] = {
    ("group_norm", "SavedMean"): "the kernels write to it without asking",
    ("group_norm", "SavedVariance"): "the kernels write to it without asking",
}

NOT_ATTRIBUTES: Mapping[tuple[str, str], str] = {
    ("pad2d", "variable_paddings"): "read only when variable_padding, never written, is there",
    ("pad3d", "Paddings"): "the name of an input, asked for as an attribute by mistake",
}


def correct(operators: Mapping[str, Operator]) -> None:
    """Apply the tables; a row that fits nothing is an error, so that none outlives its cause."""
    for op_type, name in REQUIRED_ATTRIBUTES:
        wire_type, required = operators[op_type].attributes[name]
        if required:
            raise ValueError(f"{op_type}: {name} is read without asking now; remove the row")
        operators[op_type].attributes[name] = (wire_type, True)
    for op_type, name in REQUIRED_OUTPUTS:
        if operators[op_type].outputs[name]:
            raise ValueError(f"{op_type}: {name} is read without asking now; remove the row")
        operators[op_type].outputs[name] = True
    for op_type, name in NOT_ATTRIBUTES:
        del operators[op_type].attributes[name]
        operators[op_type].since.pop(name, None)
