from __future__ import annotations

import dataclasses
import pickle

import pytest

from opt_tool.ir.operation import OPERATIONS, Operation
from opt_tool.ir.operations.activation import LeakyRelu, Relu, Sigmoid
from opt_tool.ir.operations.elementwise import ElementwiseAdd, ElementwiseSub


@pytest.mark.parametrize("kind", OPERATIONS.values(), ids=lambda kind: kind.type)
def test_an_operation_cannot_be_changed(kind: type[Operation]) -> None:
    assert dataclasses.is_dataclass(kind)
    assert all("__slots__" in base.__dict__ for base in kind.__mro__[:-1]), "it has a __dict__"
    for name in (*(field.name for field in dataclasses.fields(kind)), "other"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(kind.__new__(kind), name, None)


@pytest.mark.parametrize("op", [Relu(), ElementwiseSub(1), LeakyRelu(0.25)], ids=repr)
def test_operations_equal_those_of_their_own_class_only(op: Operation) -> None:
    again = pickle.loads(pickle.dumps(op))
    assert again == op
    assert hash(again) == hash(op)
    assert op not in (Sigmoid(), ElementwiseAdd(1), LeakyRelu())


def test_an_operation_shows_its_own_name_and_fields() -> None:
    assert [repr(op) for op in (Relu(), ElementwiseAdd(2))] == ["Relu()", "ElementwiseAdd(axis=2)"]
