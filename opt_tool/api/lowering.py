"""Makes a graph what a target's runtime executes: the passes of the conversion, in place."""

from __future__ import annotations

from opt_tool.errors import UsageError
from opt_tool.ir import Graph
from opt_tool.passes.fuse_residual import FuseResidual
from opt_tool.passes.pipeline import fusing_passes, passes_for, run_passes, simplifying_passes
from opt_tool.passes.rewrite import PassReport
from opt_tool.targets import Library, LiteVersion, Target, kernels_for, library_of


def parse_target(text: str) -> Target:
    """The target of a name.

    Raises:
        UsageError: when there is no such target.
    """
    names = [target.value for target in Target]
    if text not in names:
        raise UsageError(f"no target is called {text!r}; there are {', '.join(names)}")
    return Target(text)


def parse_library(text: str) -> Library:
    """The build of the runtime of a name.

    Raises:
        UsageError: when there is no such build.
    """
    names = [library.value for library in Library]
    if text not in names:
        raise UsageError(
            f"no build of the runtime is called {text!r}; there are {', '.join(names)}"
        )
    return Library(text)


def lower(
    graph: Graph,
    target: str,
    lite_version: str,
    library: Library = Library.WITH_EXTRA,
    *,
    quantized: bool = False,
) -> tuple[PassReport, ...]:
    """Run the passes for a target and choose its kernels.

    Raises:
        UnsupportedModelError: naming what the target has no kernel for.
    """
    version = LiteVersion.parse(lite_version)
    return run_passes(
        graph, passes_for(parse_target(target), version, library, quantized=quantized)
    )


def extra_operators(graph: Graph, target: Target, version: LiteVersion) -> tuple[str, ...]:
    """The operators of a lowered graph that only the build ``with_extra`` runs."""
    return tuple(
        sorted(
            {
                node.op.type
                for node in graph.nodes
                for kernel in kernels_for(node.op.type, target, version)
                if kernel.attribute == node.kernel and library_of(kernel) is Library.WITH_EXTRA
            }
        )
    )


def optimise(graph: Graph) -> tuple[PassReport, ...]:
    """Run the passes that make a graph fast in the NumPy runtime, which has every kernel."""
    passes = (*simplifying_passes(), *fusing_passes(Target.X86, LiteVersion.parse("2.13")))
    return run_passes(graph, passes)


def fuse_for_numpy(graph: Graph) -> tuple[PassReport, ...]:
    """Fuse what only the NumPy runtime computes at once, of a finished graph too."""
    return run_passes(graph, (FuseResidual(),))
