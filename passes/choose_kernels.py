"""Name the kernel that runs each operation on the target.

Before::

    y = conv2d(x, w)

After::

    y = conv2d(x, w)        # kernel conv2d/def/4/1/1

The runtime chooses nothing: it runs the kernel that the file names. Of those that take
the operands' element types, the target's own come first, then the host's. Where there is
none, all such nodes are refused together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opt_tool.errors import UnsupportedModelError, UnsupportedOperatorError
from opt_tool.ir import DType, Graph, Node, Operands, Slot, TensorType, Value
from opt_tool.passes.kernel_limits import limit_of
from opt_tool.passes.rewrite import PassReport
from opt_tool.passes.version_limits import newer, version_limit_of
from opt_tool.targets import Kernel, Library, LiteVersion, Target, kernels_for

ANY = "any"
LIST = "[]"
"""What ends the type of a slot that takes a list of tensors."""

NUMBERS = frozenset({DType.FLOAT32, DType.INT8, DType.INT32, DType.INT64})
RUN_BY_ANY: Mapping[tuple[str, str], frozenset[DType]] = {
    ("concat", "X"): NUMBERS - {DType.INT8} | {DType.BOOL},
    ("gather", "X"): NUMBERS | {DType.INT16},
    ("gather_nd", "X"): NUMBERS | {DType.UINT8, DType.BOOL},
    ("transpose2", "X"): NUMBERS,
    ("where", "X"): NUMBERS | {DType.BOOL},
    ("where", "Y"): NUMBERS | {DType.BOOL},
    ("where_index", "Condition"): NUMBERS | {DType.BOOL},
}
"""What kernels that declare any element type run for a slot; others end the process."""

EXPORT = "export the model without it or in another form"


class ChooseKernels:
    """Sets ``node.kernel`` of every node."""

    name = "choose-kernels"

    def __init__(
        self, target: Target, version: LiteVersion, library: Library = Library.WITH_EXTRA
    ) -> None:
        self.target = target
        self.version = version
        self.library = library

    def run(self, graph: Graph) -> PassReport:
        """Choose a kernel for each node.

        Raises:
            UnsupportedModelError: naming every node that no kernel of the target takes.
        """
        problems = []
        changes = 0
        for node in graph.nodes:
            kernel = kernel_for(node, self.target, self.version, self.library)
            limit = limit_of(node, self.target)
            older = version_limit_of(node, self.target, self.version)
            if kernel is None:
                problems.append(_problem(node, self._fact(node)))
            elif limit is not None:
                problems.append(_problem(node, f"{limit}; {EXPORT}"))
            elif older is not None:
                problems.append(_problem(node, older))
            elif node.kernel != kernel.attribute:
                node.kernel = kernel.attribute
                changes += 1
        problems += [
            UnsupportedOperatorError(
                "output",
                value.name,
                "it is a constant without elements, "
                "which ends the runtime's process; leave it out with --output",
            )
            for value in graph.outputs
            if value.is_constant and 0 in value.shape
        ]
        if problems:
            raise UnsupportedModelError(tuple(problems))
        return PassReport(self.name, changes)

    def _fact(self, node: Node) -> str:
        runtime = f"Paddle Lite {self.version} for {self.target.value}"
        if self.library is Library.BASIC:
            runtime = f"the basic build of {runtime}"
        kernels = kernels_for(node.op.type, self.target, self.version, self.library)
        if not kernels:
            return f"{runtime} has no {node.op.type}; {self._way_out(node)}"
        operands = _listed(_types(node.op.inputs, node.inputs.map(lambda value: value.type)))
        takes = "; ".join(dict.fromkeys(_listed(kernel.inputs.items()) for kernel in kernels))
        return (
            f"{node.op.type} of {operands} has no kernel in {runtime}, whose kernels take "
            f"{takes}; {self._way_out(node)}"
        )

    def _way_out(self, node: Node) -> str:
        if kernel_for(node, self.target, self.version) is not None:
            return "--library with_extra can be used where the device has that build"
        for version in LiteVersion:
            if version > self.version and kernel_for(node, self.target, version) is not None:
                return newer(version)
        for target in Target:
            if kernel_for(node, target, self.version) is not None:
                return f"only --target {target.value} can run it"
        return EXPORT


def _problem(node: Node, fact: str) -> UnsupportedOperatorError:
    operator, name = node.sources[0] if node.sources else (node.op.type, node.name)
    return UnsupportedOperatorError(operator, name, fact)


def kernel_for(
    node: Node, target: Target, version: LiteVersion, library: Library = Library.WITH_EXTRA
) -> Kernel | None:
    """The first kernel that takes a node's operands, if there is one."""
    op = node.op
    for kernel in kernels_for(op.type, target, version, library):
        taken = all(
            takes(kernel, slot, value.dtype)
            for slot in op.inputs
            for value in node.inputs[slot.name]
        )
        if taken and fits(kernel.outputs, op.outputs, node.outputs):
            return kernel
    return None


def takes(kernel: Kernel, slot: Slot, dtype: DType) -> bool:
    """Whether a kernel runs with operands of an element type in a slot."""
    wanted = wanted_dtype(kernel.inputs, slot)
    if wanted != ANY:
        return wanted == dtype.value
    return dtype in RUN_BY_ANY.get((kernel.op_type, slot.name), (dtype,))


def fits(
    declared: Mapping[str, str],
    slots: Iterable[Slot],
    operands: Operands[Value] | Operands[TensorType],
) -> bool:
    """Whether all results have the element types that a kernel declares."""
    for slot in slots:
        wanted = wanted_dtype(declared, slot)
        if wanted != ANY and any(wanted != one.dtype.value for one in operands[slot.name]):
            return False
    return True


def wanted_dtype(declared: Mapping[str, str], slot: Slot) -> str:
    """The element type that a kernel wants in a slot; a list of them in a variadic one."""
    wanted = declared.get(slot.name, ANY)
    return wanted.removesuffix(LIST) if slot.variadic else wanted


def _types(slots: Iterable[Slot], operands: Operands[TensorType]) -> Iterable[tuple[str, str]]:
    for slot in slots:
        for type in operands[slot.name][:1]:
            yield slot.name, type.dtype.value


def _listed(types: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{slot} {dtype}" for slot, dtype in types)
