from __future__ import annotations

import pickle
import re
from dataclasses import FrozenInstanceError
from typing import Any, ClassVar

import pytest

from opt_tool.ir.operation import OPERATIONS, REQUIRED, Operation
from opt_tool.ir.operations.activation import LeakyRelu, Relu, Sigmoid
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseSub


class Crop(Operation):
    """Three attributes, two of which have a default."""

    size: int
    offset: tuple[int, ...] = (0,)
    note: ClassVar[str] = "no attribute"
    mode: str = "edge"


class SquareCrop(Crop):
    """One attribute more."""

    mode: str = "zero"
    turned: bool = False


@pytest.mark.parametrize("kind", OPERATIONS.values(), ids=lambda kind: kind.type)
def test_an_operation_cannot_be_changed(kind: type[Operation]) -> None:
    op = kind.__new__(kind)
    for name in (*kind.defaults, "other"):
        with pytest.raises(FrozenInstanceError, match="frozen"):
            setattr(op, name, None)
        with pytest.raises(FrozenInstanceError, match="frozen"):
            delattr(op, name)
    assert kind.__doc__ is not None


def test_attributes_are_what_a_class_and_its_bases_annotate() -> None:
    crop = SquareCrop(3, turned=True)
    assert crop.attributes == {"size": 3, "offset": (0,), "mode": "zero", "turned": True}
    assert dict(Crop.defaults) == {"size": REQUIRED, "offset": (0,), "mode": "edge"}


def test_attributes_cannot_be_changed_through_their_mapping() -> None:
    with pytest.raises(TypeError):
        Crop(1).attributes["size"] = 2  # type: ignore[index]


def test_another_operation_has_the_other_attributes_of_the_first() -> None:
    assert Crop(1, offset=(2,)).replaced(size=3) == Crop(3, offset=(2,))
    with pytest.raises(TypeError, match="Crop has no attribute for 'depth'"):
        Crop(1).replaced(depth=3)


@pytest.mark.parametrize(
    ("values", "attributes", "problem"),
    [
        ((), {}, "Crop needs the attribute 'size'"),
        ((1, (0,), "edge", 4), {}, "Crop has no attribute for 4"),
        ((1,), {"depth": 2}, "Crop has no attribute for 'depth'"),
    ],
)
def test_attributes_are_given_whole(
    values: tuple[Any, ...], attributes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(TypeError, match=re.escape(problem)):
        Crop(*values, **attributes)


def test_two_operations_cannot_have_one_name() -> None:
    with pytest.raises(TypeError, match="both 'relu'"):
        type("Second", (Operation,), {"type": "relu"})
    assert OPERATIONS["relu"] is Relu


@pytest.mark.parametrize("op", [Relu(), ElementwiseSub(1), LeakyRelu(0.25)], ids=repr)
def test_operations_equal_those_of_their_own_class_only(op: Operation) -> None:
    again = pickle.loads(pickle.dumps(op))
    assert again == op
    assert hash(again) == hash(op)
    assert op not in (Sigmoid(), ElementwiseAdd(1), LeakyRelu())


def test_an_operation_shows_its_own_name_and_fields() -> None:
    assert [repr(op) for op in (Relu(), ElementwiseAdd(2))] == ["Relu()", "ElementwiseAdd(axis=2)"]
