"""ONNX's definitions of operators by other operators, which the onnx package holds.

Few models need one, and the package takes its time to set them up: this module is imported
when a node has no other meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from onnx import defs, helper

from opt_tool.formats.onnx.messages import FunctionProto, TypeProto
from opt_tool.ir import Value

if TYPE_CHECKING:
    from opt_tool.formats.onnx.node import OnnxNode


class Schema(Protocol):
    """The part of onnx's ``OpSchema`` that its stub leaves out."""

    name: str
    domain: str
    deprecated: bool
    has_function: bool
    has_context_dependent_function: bool
    function_opset_versions: Sequence[int]
    context_dependent_function_opset_versions: Sequence[int]
    attributes: Mapping[str, defs.OpSchema.Attribute]

    def get_function_with_opset_version(self, opset: int, /) -> bytes: ...

    def get_context_dependent_function_with_opset_version(
        self, opset: int, node: bytes, types: Sequence[bytes], /
    ) -> bytes: ...


def standard_function(node: OnnxNode) -> FunctionProto | None:
    """ONNX's definition of a node's operator by other operators, if there is one."""
    if not defs.has(node.operator, node.opset, node.domain):
        return None
    schema: Schema = defs.get_schema(node.operator, node.opset, node.domain)  # type: ignore[assignment]  # see Schema
    if schema.has_function:
        version = newest(schema.function_opset_versions, node.opset)
        body = schema.get_function_with_opset_version(version)
    elif schema.has_context_dependent_function:
        version = newest(schema.context_dependent_function_opset_versions, node.opset)
        types = [_type_of(value).SerializeToString() for value in node.inputs]
        body = schema.get_context_dependent_function_with_opset_version(
            version, node.proto.SerializeToString(), types
        )
    else:
        return None
    function = FunctionProto()
    function.ParseFromString(body)
    defaults = (attribute.default_value for attribute in schema.attributes.values())
    function.attribute_proto.extend(value for value in defaults if value.type)
    return function if function.node else None


def function_operators() -> frozenset[tuple[str, str]]:
    """Domain and name of the operators that ONNX defines by others."""
    schemas: Sequence[Schema] = defs.get_all_schemas()  # type: ignore[assignment]  # see Schema
    return frozenset(
        (schema.domain, schema.name)
        for schema in schemas
        if (schema.has_function or schema.has_context_dependent_function) and not schema.deprecated
    )


def newest(versions: Sequence[int], opset: int) -> int:
    """The newest form of a definition that a model of an opset may have meant."""
    return max((version for version in versions if version <= opset), default=min(versions))


def _type_of(value: Value | None) -> TypeProto:
    """The type that a definition may depend on; an empty one for what is left out."""
    if value is None:
        return TypeProto()
    element = helper.np_dtype_to_tensor_dtype(value.dtype.numpy)
    return helper.make_tensor_type_proto(element, value.shape)
