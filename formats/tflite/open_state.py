"""Variables, which keep a state from one run to the next, as inputs and outputs.

Paddle Lite has no variables. What a run reads of one becomes an input, what it assigns an
output, and the application hands the one on to the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from opt_tool.formats.tflite.schema import ABSENT, Model

HANDLE, READ, ASSIGN = "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"

INITIALIZING = "CALL_ONCE"
"""Assigns what variables are before the first run."""


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """A variable that a run reads before it assigns it.

    Attributes:
        read: The tensor that holds what it was, by index.
        assigned: The tensor that holds what it becomes.
    """

    read: int
    assigned: int


def open_state(model: Model) -> Model:
    """The model with its variables as inputs and outputs behind its own.

    One with a variable that this cannot be done with is handed back as it is, and so is one
    without any.
    """
    found = states(model)
    if not found:
        return model
    gone = {HANDLE, READ, ASSIGN, INITIALIZING}
    return dataclasses.replace(
        model,
        inputs=(*model.inputs, *(state.read for state in found)),
        outputs=(*model.outputs, *(state.assigned for state in found)),
        operators=tuple(x for x in model.operators if x.code not in gone),
    )


def state_notes(model: Model) -> Iterator[str]:
    """What to do with the inputs and outputs that variables become."""
    for state in states(model):
        read, assigned = (model.tensors[index].name for index in (state.read, state.assigned))
        yield (
            f"input {read!r} takes what output {assigned!r} gave in the run before, in the first "
            "run what the source initializes it with (mostly zeros)"
        )


def states(model: Model) -> Sequence[State]:
    """The variables, in the order in which they are read; none if one of them is another's part.

    Each must be read once and then assigned once, a tensor of its own that a node computes.
    """
    variables = _variables(model)
    if None in variables.values():
        return ()
    found = [state for state in variables.values() if state is not None]
    assigned = [state.assigned for state in found]
    computed = {index for operator in model.operators for index in operator.outputs}
    computed -= {state.read for state in found} | set(model.outputs) | {ABSENT}
    return found if len(set(assigned)) == len(found) and set(assigned) <= computed else ()


def _variables(model: Model) -> Mapping[str, State | None]:
    """The variables by name; None stands for one that is used in another way."""
    uses: dict[str, list[tuple[str, int]]] = {}
    for name, code, tensor in _uses(model):
        uses.setdefault(name, []).append((code, tensor))
    return {
        name: State(of_one[0][1], of_one[1][1])
        if [code for code, _ in of_one] == [READ, ASSIGN]
        else None
        for name, of_one in uses.items()
    }


def _uses(model: Model) -> Iterator[tuple[str, str, int]]:
    """Each reading and assignment: the variable's name, the operator, the tensor."""
    names: dict[int, str] = {}
    for operator in model.operators:
        if operator.code == HANDLE and len(operator.outputs) == 1:
            names[operator.outputs[0]] = str(operator.options["shared_name"])
        elif operator.code == READ and operator.inputs and len(operator.outputs) == 1:
            yield names.get(operator.inputs[0], ""), READ, operator.outputs[0]
        elif operator.code == ASSIGN and len(operator.inputs) == 2:
            yield names.get(operator.inputs[0], ""), ASSIGN, operator.inputs[1]
