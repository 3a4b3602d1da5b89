"""Operations that only passes make: two of the source's in one.

Paddle-Lite: lite/operators/fusion_elementwise_activation_ops.cc.
"""

from __future__ import annotations

from typing import ClassVar

from opt_tool.ir.operations.elementwise import ElementwiseBinary


class FusionElementwiseAddActivation(ElementwiseBinary):
    """max(x + y, 0), float32; ``act_type`` is "relu", which the kernels of all targets have."""

    type: ClassVar[str] = "fusion_elementwise_add_activation"

    act_type: str = "relu"
