"""Makes a graph what a target's runtime executes: the passes of the conversion, in place."""

from __future__ import annotations

from opt_tool.errors import UsageError
from opt_tool.ir import Graph
from opt_tool.passes.pipeline import fusing_passes, passes_for, run_passes, simplifying_passes
from opt_tool.passes.rewrite import PassReport
from opt_tool.targets import LiteVersion, Target


def parse_target(text: str) -> Target:
    """The target of a name.

    Raises:
        UsageError: when there is no such target.
    """
    names = [target.value for target in Target]
    if text not in names:
        raise UsageError(f"no target is called {text!r}; there are {', '.join(names)}")
    return Target(text)


def lower(graph: Graph, target: str, lite_version: str) -> tuple[PassReport, ...]:
    """Run the passes for a target and choose its kernels.

    Raises:
        UnsupportedModelError: naming what the target has no kernel for.
    """
    version = LiteVersion.parse(lite_version)
    return run_passes(graph, passes_for(parse_target(target), version))


def optimise(graph: Graph) -> tuple[PassReport, ...]:
    """Run the passes that make a graph fast in the NumPy runtime, which has every kernel."""
    passes = (*simplifying_passes(), *fusing_passes(Target.X86, LiteVersion.parse("2.13")))
    return run_passes(graph, passes)
