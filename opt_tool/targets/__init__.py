"""Facts about Paddle Lite as data: versions, operators and kernels."""

from .kernels import Kernel, KernelAttribute, kernels_for, parse_kernel_attribute
from .operators import (
    AttributeType,
    Library,
    OperatorSpec,
    SlotSpec,
    operator_spec,
    operator_types,
)
from .places import Layout, Place, PlaceTarget, Precision
from .versions import LiteVersion, Target

__all__ = [
    "AttributeType",
    "Kernel",
    "KernelAttribute",
    "Layout",
    "Library",
    "LiteVersion",
    "OperatorSpec",
    "Place",
    "PlaceTarget",
    "Precision",
    "SlotSpec",
    "Target",
    "kernels_for",
    "operator_spec",
    "operator_types",
    "parse_kernel_attribute",
]
