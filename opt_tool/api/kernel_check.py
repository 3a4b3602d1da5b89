"""Whether the runtime that a file is for has the kernels that the file names."""

from __future__ import annotations

from opt_tool.errors import VerificationError
from opt_tool.ir import Graph
from opt_tool.targets import Library, LiteVersion, Target, kernels_for


def check_kernels(graph: Graph, target: Target, version: LiteVersion, library: Library) -> None:
    """Look up the kernel of every node of a graph that was read back from a file.

    The runtime ends the process that loads a file with a kernel which it has not.

    Raises:
        VerificationError: naming the first node whose kernel is in no table.
    """
    known: dict[str, frozenset[str]] = {}
    for node in graph.nodes:
        kind = node.op.type
        if kind not in known:
            found = kernels_for(kind, target, version, library)
            known[kind] = frozenset(kernel.attribute for kernel in found)
        if node.kernel not in known[kind]:
            raise VerificationError(
                f"{kind} (node {node.name!r}): the file names the kernel {node.kernel!r}, which "
                f"Paddle Lite {version} for {target.value} does not have, so no file was written. "
                "This is a fault of opt: please report it with the model"
            )
