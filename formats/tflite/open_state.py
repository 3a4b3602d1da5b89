"""Variables, which keep a state from one run to the next, as inputs and outputs.

Paddle Lite has no variables. What a run reads of one becomes an input, what it assigns an
output, and the application hands the one on to the other. A step of a layer changes its
own operands; what it leaves in them becomes a tensor of its own.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from opt_tool.formats.tflite.schema import ABSENT, Model, Operator, Tensor

HANDLE, READ, ASSIGN = "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"

INITIALIZING = "CALL_ONCE"
"""Assigns what variables are before the first run."""


STEPS: Mapping[str, tuple[int, ...]] = {"LSTM": (18, 19), "RNN": (4,), "SVDF": (4,)}
"""The steps of layers, and which of their operands they leave changed for the next run."""


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """A variable that a run reads before it assigns it.

    Attributes:
        read: The tensor that holds what it was, by index.
        assigned: The tensor that holds what it becomes; behind the file's where that is a
            tensor of the opened model only.
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
    left = {state.read: state.assigned for state in found if state.assigned >= len(model.tensors)}
    tensors = [
        dataclasses.replace(tensor, is_variable=False) if index in left else tensor
        for index, tensor in enumerate(model.tensors)
    ]
    return dataclasses.replace(
        model,
        inputs=(*model.inputs, *(state.read for state in found)),
        outputs=(*model.outputs, *(state.assigned for state in found)),
        tensors=(*tensors, *(_after(tensors[index]) for index in left)),
        operators=tuple(_leaving(x, left) for x in model.operators if x.code not in gone),
    )


def _after(tensor: Tensor) -> Tensor:
    """What a step leaves in a tensor."""
    return dataclasses.replace(tensor, name=f"{tensor.name}.after")


def _leaving(operator: Operator, left: Mapping[int, int]) -> Operator:
    """An operator that makes what it leaves in its operands, behind its own results."""
    made = tuple(left[index] for index in operator.inputs if index in left)
    if not made:
        return operator
    return dataclasses.replace(operator, outputs=(*operator.outputs, *made))


def in_place(form: Model, model: Model) -> Model:
    """A form of a model as TFLite runs it: what a step leaves in an operand is the operand."""
    count = len(model.tensors)
    if len(form.tensors) == count:
        return form
    operands = {
        made: read
        for operator in form.operators
        for made, read in zip(
            (index for index in operator.outputs if index >= count), _held(operator), strict=False
        )
    }
    return dataclasses.replace(
        form,
        outputs=tuple(operands.get(index, index) for index in form.outputs),
        tensors=form.tensors[:count],
        operators=tuple(
            dataclasses.replace(x, outputs=tuple(index for index in x.outputs if index < count))
            for x in form.operators
        ),
    )


def state_notes(model: Model) -> Iterator[str]:
    """What to do with the inputs and outputs that variables become."""
    opened = open_state(model)
    for state in states(model):
        read, assigned = (opened.tensors[index].name for index in (state.read, state.assigned))
        yield (
            f"input {read!r} takes what output {assigned!r} gave in the run before, in the first "
            "run what the source initializes it with (mostly zeros)"
        )


def states(model: Model) -> Sequence[State]:
    """The variables that become inputs and outputs."""
    return (*_assigned(model), *_left(model))


def _left(model: Model) -> Iterator[State]:
    """The operands that steps of layers change; nothing else may read them."""
    used = collections.Counter(index for x in model.operators for index in (*x.inputs, *x.outputs))
    used.update((*model.inputs, *model.outputs))
    number = len(model.tensors)
    for operator in model.operators:
        held = _held(operator)
        own = all(used[index] == 1 and model.tensors[index].is_variable for index in held)
        if own and len(operator.outputs) == 1:
            for index in held:
                yield State(index, number)
                number += 1


def _held(operator: Operator) -> tuple[int, ...]:
    """The operands of a step that it leaves changed; nothing if one of them is missing."""
    found = tuple(operator.inputs[i : i + 1] for i in STEPS.get(operator.code, ()))
    held = tuple(index for one in found for index in one if index != ABSENT)
    return held if len(held) == len(found) else ()


def _assigned(model: Model) -> Sequence[State]:
    """Those that are assigned, as they are read; none if one of them is used in another way.

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
