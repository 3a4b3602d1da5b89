"""Facts about Paddle Lite as data: versions, operators and kernels."""

from opt_tool.targets.kernels import (
    Kernel,
    KernelAttribute,
    kernels_for,
    library_of,
    parse_kernel_attribute,
)
from opt_tool.targets.operators import (
    AttributeType,
    Library,
    OperatorSpec,
    SlotSpec,
    operator_spec,
    operator_types,
)
from opt_tool.targets.places import Layout, Place, PlaceTarget, Precision
from opt_tool.targets.versions import LiteVersion, Target

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
    "library_of",
    "operator_spec",
    "operator_types",
    "parse_kernel_attribute",
]
