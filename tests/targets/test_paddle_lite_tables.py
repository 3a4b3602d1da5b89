"""The script that makes the tables, on small sources of our own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from opt_tool.targets import LiteVersion
from paddle_lite_tables.kernels import registered_kernels, version_ranges
from paddle_lite_tables.operators import Operator, merged, registered_operators
from paddle_lite_tables.sources import TAGS, Sources, active_code, without_comments

SCRIPT = Path(__file__).parents[2] / "scripts" / "update_paddle_lite_tables.py"

OPERATOR = """
bool ThingOp::AttachImpl(const cpp::OpDesc& desc, lite::Scope* scope) {
  auto x = desc.Input("X").front();  // desc.Input("Comment")
  if (desc.HasInput("Bias")) { param_.bias = desc.Input("Bias").front(); }
  AttachOutput(desc, scope, "Extra", true, &param_.extra);
  param_.out = scope->FindVar(desc.Output("Out").front());
  param_.axis = desc.GetAttr<int64_t>("axis");
  param_.list = desc.HasAttr("list") ? desc.GetAttr<std::vector<int>>("list") : param_.list;
  if (desc.Type() == "thing") {
    param_.alpha = desc.GetAttr<float>("alpha");
  } else if (desc.Type() == "other" || desc.Type() == "third") {
    if (desc.HasAttr("mode")) param_.mode = desc.GetAttr<std::string>("mode");
    else param_.mode = desc.GetAttr<std::string>("old_mode");
  }
#ifdef LITE_WITH_XPU
  param_.xpu = desc.GetAttr<bool>("xpu");
#endif
  return true;
}
REGISTER_LITE_OP(thing, paddle::lite::operators::ThingOp);
#ifdef LITE_BUILD_EXTRA
REGISTER_LITE_OP(other, paddle::lite::operators::ThingOp);
#endif
"""

KERNELS = """
using IntThing = paddle::ThingCompute<int, int>;
REGISTER_LITE_KERNEL(thing, kARM, kFloat, kNCHW, paddle::Thing<float>, def)
    .BindInput("X", {LiteType::GetTensorTy(TARGET(kARM))})
    .BindOutput("Out", {LiteType::GetTensorTy(TARGET(kARM), PRECISION(kInt64))})
    .Finalize();
#ifdef LITE_BUILD_EXTRA
REGISTER_LITE_KERNEL(thing, kARM, kInt32, kAny, IntThing, int32)
    .BindInput("X", {LiteType::GetTensorListTy(TARGET(kARM), PRECISION(kInt32))})
    .BindOutput("Out", {LiteType::GetTensorTy(TARGET(kARM), PRECISION(kInt32))})
    .Finalize();
#endif
#ifdef ENABLE_ARM_FP16
REGISTER_LITE_KERNEL(thing, kARM, kFP16, kNCHW, Half, def).Finalize();
#endif
REGISTER_LITE_KERNEL(nameless, kARM, kFloat, kNCHW, Nameless, def).Finalize();
"""

FILES = {
    "lite/operators/thing_op.cc": OPERATOR,
    "lite/operators/CMakeLists.txt": "add_operator(thing_op basic SRCS thing_op.cc)",
    "lite/kernels/arm/thing_compute.cc": KERNELS,
    "lite/kernels/arm/CMakeLists.txt": "add_kernel(thing_arm ARM basic SRCS thing_compute.cc)",
    "lite/kernels/host/CMakeLists.txt": "# add_kernel(thing_host Host basic SRCS thing.cc)",
    "lite/kernels/x86/CMakeLists.txt": "add_kernel(no_device basic SRCS thing.cc DEPS x)",
}


@pytest.fixture
def sources() -> Sources:
    return Sources("2.13", FILES)


def test_strips_comments_but_not_strings() -> None:
    assert without_comments('a = "//x"; // y\nb /* c\n */ d') == 'a = "//x"; \nb \n d'


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("#ifdef A\n1\n#else\n2\n#endif\n3", "1\n3"),
        ("#ifndef A\n1\n#endif\n3", "3"),
        ("#if 0\n1\n#elif 1\n2\n#else\n3\n#endif", "2"),
        ("#if defined(A) && defined(B)\n1\n#endif", ""),
        ("#if defined(B) || !defined(C)\n1\n#endif", "1"),
        ("#ifdef B\n#ifdef A\n1\n#endif\n#endif\n2", "2"),
    ],
)
def test_keeps_what_is_compiled(code: str, kept: str) -> None:
    assert active_code(code, frozenset({"A"})) == kept


def test_tells_required_from_optional_reads(sources: Sources) -> None:
    operator = registered_operators(sources)["thing"]
    assert operator.inputs == {"X": True, "Bias": False}
    assert operator.outputs == {"Out": True, "Extra": False}
    assert operator.attributes == {
        "axis": ("LONG", True),
        "list": ("INTS", False),
        "alpha": ("FLOAT", True),
    }


def test_follows_the_branch_of_the_operators_type(sources: Sources) -> None:
    attributes = registered_operators(sources)["other"].attributes
    assert attributes["mode"] == ("STRING", False)
    assert attributes["old_mode"] == ("STRING", False)
    assert "alpha" not in attributes


def test_finds_the_library_of_an_operator(sources: Sources) -> None:
    operators = registered_operators(sources)
    assert (operators["thing"].library, operators["other"].library) == ("basic", "with_extra")


def test_reads_registrations(sources: Sources) -> None:
    plain, extra = sorted(registered_kernels(sources, {"thing": "basic"}))
    assert (plain.alias, plain.precision, plain.layout) == ("def", "kFloat", "kNCHW")
    assert (plain.inputs, plain.outputs) == ((("X", "float32"),), (("Out", "int64"),))
    assert (extra.alias, extra.library) == ("int32", "with_extra")
    assert extra.inputs == (("X", "int32[]"),)
    assert plain.library == "basic"


def test_kernel_needs_the_library_of_its_operator(sources: Sources) -> None:
    kernels = registered_kernels(sources, {"thing": "with_extra"})
    assert {kernel.library for kernel in kernels} == {"with_extra"}


def test_joins_versions_to_unbroken_ranges(sources: Sources) -> None:
    plain, extra = sorted(registered_kernels(sources, {"thing": "basic"}))
    history = {"1": {plain}, "2": {plain, extra}, "3": {extra}, "4": {plain, extra}}
    assert version_ranges(history) == [
        (plain, "1", "2"),
        (plain, "4", "4"),
        (extra, "2", "4"),
    ]


def test_requires_what_any_version_requires() -> None:
    old = Operator("basic", {"X": True}, {"XShape": True}, {"a": ("INT", True)})
    new = Operator("basic", {"X": True}, {"XShape": False}, {"b": ("FLOAT", False)})
    operator = merged({"1": {"op": old}, "2": {"op": new}})["op"]
    assert operator.outputs == {"XShape": True}
    assert operator.attributes == {"a": ("INT", True), "b": ("FLOAT", False)}
    assert operator.since == {"b": "2"}


def test_reads_the_versions_that_can_be_chosen() -> None:
    assert list(TAGS) == [version.value for version in LiteVersion]


def test_script_says_how_it_is_used() -> None:
    command = [sys.executable, str(SCRIPT), "--help"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "PADDLE_LITE_GIT" in printed
