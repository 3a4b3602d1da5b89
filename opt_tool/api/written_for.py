"""What a finished .nb file was written for: its target and its runtime version."""

from __future__ import annotations

from opt_tool.api.loading import LoadedModel
from opt_tool.ir import Graph, Node
from opt_tool.targets import PlaceTarget, Target, parse_kernel_attribute


def target_of(graph: Graph) -> Target:
    """The target that a file's kernels are for."""
    places = {_place_target(node) for node in graph.nodes}
    return Target.X86 if PlaceTarget.X86 in places else Target.ARM


def _place_target(node: Node) -> PlaceTarget:
    if node.kernel is None:
        return PlaceTarget.ANY
    return parse_kernel_attribute(node.kernel).place.target


def version_of(model: LoadedModel) -> str:
    """The runtime version that a file names."""
    from opt_tool.formats.paddle_lite.decode import read_file

    return read_file(model.files[0]).version
