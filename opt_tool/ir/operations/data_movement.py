"""Operations that move elements and compute nothing.

Paddle-Lite: lite/operators/assign_op.cc and others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from opt_tool.ir.operations.activation import ElementwiseUnary


@dataclass(frozen=True, slots=True)
class Assign(ElementwiseUnary):
    """A copy of X."""

    type: ClassVar[str] = "assign"
