"""Every operation has a kernel, and binding one imports its own family only."""

from __future__ import annotations

import subprocess
import sys

import pytest

from opt_tool.ir import Operation, operations
from opt_tool.ir.operation import OPERATIONS
from opt_tool.runtime.binding import binding_of

assert operations.__all__, "importing them fills the table"

TRACED = """
import sys
from opt_tool.ir.operations.elementwise import Scale
from opt_tool.runtime.binding import binding_of

binding_of(Scale())
print(*(name for name in sys.modules if name.startswith("opt_tool.runtime.bindings.")))
"""


@pytest.mark.parametrize("op_type", OPERATIONS.values(), ids=OPERATIONS)
def test_every_operation_is_bound(op_type: type[Operation]) -> None:
    assert callable(binding_of(object.__new__(op_type)).binder)


def test_binding_an_operation_imports_its_family_only() -> None:
    run = subprocess.run([sys.executable, "-c", TRACED], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["opt_tool.runtime.bindings.elementwise"]
