from __future__ import annotations

import itertools

import pytest

from opt_tool.targets import (
    Kernel,
    KernelAttribute,
    Layout,
    Library,
    LiteVersion,
    Place,
    PlaceTarget,
    Precision,
    Target,
    kernels_for,
    operator_types,
    parse_kernel_attribute,
)

NEWEST = LiteVersion.V2_13


def names(op_type: str, target: Target, version: LiteVersion = NEWEST) -> list[str]:
    return [kernel.attribute for kernel in kernels_for(op_type, target, version)]


def every_kernel(version: LiteVersion) -> list[Kernel]:
    """All kernels of a version, of both targets and the host, each once."""
    found = {
        kernel: None
        for op_type, target in itertools.product(operator_types(), Target)
        for kernel in kernels_for(op_type, target, version)
    }
    return list(found)


def test_finds_the_kernel_of_each_target() -> None:
    assert names("conv2d", Target.ARM) == ["conv2d/def/4/1/1"]
    assert names("conv2d", Target.X86) == ["conv2d/def/2/1/1"]


def test_lists_the_targets_own_kernels_before_the_hosts() -> None:
    assert names("abs", Target.ARM) == ["abs/def/4/1/1", "abs/def/1/1/1"]
    targets = [kernel.place.target for kernel in kernels_for("arg_max", Target.ARM, NEWEST)]
    assert targets == [PlaceTarget.ARM] * 5 + [PlaceTarget.HOST] * 5
    for op_type in operator_types():
        places = [kernel.place.target for kernel in kernels_for(op_type, Target.X86, NEWEST)]
        assert places == sorted(places, reverse=True), op_type  # X86 is 2, HOST is 1


def test_lists_the_usual_alias_first() -> None:
    assert names("argsort", Target.ARM)[0] == "argsort/argsort_fp32/1/1/2"  # it has no def
    for op_type in operator_types():
        kernels = kernels_for(op_type, Target.ARM, NEWEST)
        own = [kernel.alias for kernel in kernels if kernel.place.target is PlaceTarget.ARM]
        assert "def" not in own or own[0] == "def", op_type


def test_finds_no_kernel_of_another_target() -> None:
    for target, other in ((Target.ARM, PlaceTarget.X86), (Target.X86, PlaceTarget.ARM)):
        for op_type in operator_types():
            places = [kernel.place for kernel in kernels_for(op_type, target, NEWEST)]
            assert all(place.target is not other for place in places), op_type


def test_finds_nothing_for_an_unknown_operator() -> None:
    assert kernels_for("no_such_operator", Target.ARM, NEWEST) == ()


@pytest.mark.parametrize(
    ("op_type", "version", "there"),
    [
        ("silu", LiteVersion.V2_12, False),
        ("silu", LiteVersion.V2_13, True),
        ("pad", LiteVersion.V2_12, False),
        ("pad2d", LiteVersion.V2_8, True),
        ("where", LiteVersion.V2_9, True),
        ("ceil", LiteVersion.V2_13, False),  # came after the published 2.13
    ],
)
def test_knows_since_when_a_kernel_exists(op_type: str, version: LiteVersion, there: bool) -> None:
    assert bool(kernels_for(op_type, Target.ARM, version)) == there


def test_tells_dtypes_of_slots() -> None:
    (top_k,) = kernels_for("top_k", Target.X86, NEWEST)
    assert top_k.inputs == {"X": "float32"}
    assert top_k.outputs == {"Out": "float32", "Indices": "int64"}


def test_marks_lists_of_tensors() -> None:
    (write,) = kernels_for("write_to_array", Target.ARM, NEWEST)
    assert write.inputs["X"] == "any"
    assert write.outputs["Out"] == "any[]"


def test_knows_which_build_has_a_kernel() -> None:
    library = {
        op_type: kernels_for(op_type, Target.ARM, NEWEST)[0].library
        for op_type in ("conv2d", "hard_swish", "lookup_table_v2")
    }
    assert library == {
        "conv2d": Library.BASIC,
        "hard_swish": Library.WITH_EXTRA,  # the kernel's file and the operator say so
        "lookup_table_v2": Library.WITH_EXTRA,
    }


@pytest.mark.parametrize("version", LiteVersion, ids=str)
def test_no_version_has_two_kernels_of_one_name(version: LiteVersion) -> None:
    kernels = [kernel.attribute for kernel in every_kernel(version)]
    assert len(kernels) == len(set(kernels))


@pytest.mark.parametrize(
    ("version", "count"),
    [("2.9", 272), ("2.10", 325), ("2.11", 356), ("2.12", 367), ("2.13", 402)],
)
def test_has_all_kernels_of_the_official_wheels(version: str, count: int) -> None:
    """The counts are those of the host and x86 kernels that the wheels export.

    All names were compared once. Left out: int8 and fp16, two kernels that 2.9 and 2.10
    have without their operator (``unbind``), and two layout kernels of 2.10 and 2.11.
    """
    on_x86 = [
        kernel
        for kernel in every_kernel(LiteVersion.parse(version))
        if kernel.place.target is not PlaceTarget.ARM
    ]
    assert len(on_x86) == count


def test_parses_what_it_prints() -> None:
    for kernel in every_kernel(NEWEST):
        parsed = parse_kernel_attribute(kernel.attribute)
        assert parsed == KernelAttribute(kernel.op_type, kernel.alias, kernel.place)
        assert str(parsed) == kernel.attribute


def test_parses_places_of_targets_that_are_not_ours() -> None:
    parsed = parse_kernel_attribute("conv2d/def/5/5/4")
    assert parsed.place == Place(PlaceTarget.OPENCL, Precision.FP16, Layout.IMAGE_DEFAULT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "conv2d",
        "conv2d/def/4/1",
        "conv2d/def/4/1/1/1",
        "conv2d/def/a/1/1",
        "conv2d/def/99/1/1",
        "conv2d/def/4/-1/1",
        "conv2d/def/4/1/\u00b2",
    ],
)
def test_refuses_what_is_no_kernel_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|not three numbers"):
        parse_kernel_attribute(text)
