from __future__ import annotations

from opt_tool.ir import Graph, Node, Operation
from opt_tool.ir.builder import GraphBuilder
from opt_tool.ir.operations.activation import Relu, Sigmoid, Tanh
from opt_tool.passes.rewrite import Kept, Rewrite


class KeepAll(Rewrite[Node]):
    """Leaves everything alone, and says so."""

    roots = (Relu, Tanh)

    def match(self, graph: Graph, node: Node) -> Kept:  # noqa: ARG002
        return Kept(node.op.type)

    def rewrite(self, graph: Graph, match: Node) -> None: ...


def test_looks_at_nodes_of_its_operations_alone() -> None:
    b = GraphBuilder()
    graph = b.build(b.add(Tanh(), X=b.add(Sigmoid(), X=b.add(Relu(), X=b.input(4)))))
    report = KeepAll().run(graph)
    assert [reason for _, reason in report.kept] == ["relu", "tanh"]


def test_looks_at_every_node_where_no_operations_are_named() -> None:
    assert Rewrite.roots == (Operation,)
