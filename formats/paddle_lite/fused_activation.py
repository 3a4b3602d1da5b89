"""Fused activations as attributes of the operator that applies them, both ways.

Convolutions name theirs in ``act_type`` and give its parameters beside it; ``fc`` has
``activation_type``. Paddle-Lite: lite/operators/conv_op.h, conv_transpose_op.cc, fc_op.cc.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from opt_tool.ir import Operation
from opt_tool.ir.operations import activation as ops


class Form(NamedTuple):
    """How one activation stands in the file: its name, and field to attribute."""

    name: str
    parameters: Mapping[str, str]


CONVOLUTION_FORMS: Mapping[type[Operation], Form] = {
    ops.Relu: Form("relu", {}),
    ops.Relu6: Form("relu6", {"threshold": "fuse_brelu_threshold"}),
    ops.LeakyRelu: Form("leaky_relu", {"alpha": "leaky_relu_alpha"}),
    ops.Sigmoid: Form("sigmoid", {}),
    ops.Tanh: Form("tanh", {}),
    ops.HardSigmoid: Form("hard_sigmoid", {"slope": "slope", "offset": "offset"}),
    ops.HardSwish: Form(
        "hard_swish",
        {
            "threshold": "hard_swish_threshold",
            "scale": "hard_swish_scale",
            "offset": "hard_swish_offset",
        },
    ),
}

FC_FORMS: Mapping[type[Operation], Form] = {
    ops.Relu: Form("relu", {}),
    ops.Relu6: Form("relu6", {"threshold": "alpha"}),
}

CONVOLUTIONS = frozenset({"conv2d", "depthwise_conv2d", "conv2d_transpose", "conv3d"})


def encode_activation(op_type: str, activation: Operation | None) -> dict[str, object]:
    """The attributes of an operator's fused activation."""
    if activation is None:
        return {}
    if op_type in CONVOLUTIONS:
        form = CONVOLUTION_FORMS[type(activation)]
        return {"with_act": True, "act_type": form.name, **_parameters(form, activation)}
    form = FC_FORMS[type(activation)]
    return {"activation_type": form.name, **_parameters(form, activation)}


def _parameters(form: Form, activation: Operation) -> dict[str, object]:
    return {name: getattr(activation, field) for field, name in form.parameters.items()}


def decode_activation(op_type: str, attributes: Mapping[str, object]) -> Operation | None:
    """The fused activation that an operator's attributes name.

    Raises:
        KeyError: when it is one that has no counterpart here.
    """
    if op_type in CONVOLUTIONS:
        fused = attributes.get("with_act") is True
        name, forms = attributes.get("act_type", "") if fused else "", CONVOLUTION_FORMS
    else:
        name, forms = attributes.get("activation_type", ""), FC_FORMS
    if name == "":
        return None
    known = {form.name: (kind, form) for kind, form in forms.items()}
    if name not in known:
        raise KeyError(name)
    kind, form = known[str(name)]
    given = {
        field: attributes[attribute]
        for field, attribute in form.parameters.items()
        if attribute in attributes
    }
    return kind(**given)
