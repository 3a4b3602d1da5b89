"""Looks for the smallest part of a model that still differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from random_models.comparing import DIFFERS, Settings, Verdict, compare
from random_models.model import Arrays, RandomModel
from random_models.source import Source

ROUNDS = 12
"""How often a smaller model is looked for at most."""

Judge = Callable[[Sequence[RandomModel]], list[Verdict]]


def smallest(
    source: Source, model: RandomModel, settings: Settings, folder: Path, verdict: Verdict
) -> tuple[RandomModel, Verdict]:
    """The smallest model that was found to differ, and how."""

    def judge(models: Sequence[RandomModel]) -> list[Verdict]:
        return compare(source, models, settings, folder)

    for _ in range(ROUNDS):
        smaller = list(_smaller(source, model, folder))
        verdicts = judge(smaller) if smaller else []
        pairs = zip(smaller, verdicts, strict=True)
        found = [(part, its) for part, its in pairs if its.kind == DIFFERS]
        if not found:
            break
        model, verdict = min(found, key=lambda pair: len(pair[0].operators))
    return model, verdict


def _smaller(source: Source, model: RandomModel, folder: Path) -> Iterator[RandomModel]:
    """The model with fewer outputs, without its last operators, its first ones, or another."""
    if len(model.outputs) > 1:
        for name in model.outputs:
            yield replace(model, outputs=(name,)).used()
        return
    count = len(model.operators)
    for end in range(1, count):
        before = model.operators[:end]
        yield replace(model, operators=before, outputs=before[-1].outputs[:1]).used()
    for start in range(1, count):
        part = _without_first(source, model, start, folder)
        if part is not None:
            yield part
    for place in range(count):
        yield from _without(model, place)


def _without_first(
    source: Source, model: RandomModel, start: int, folder: Path
) -> RandomModel | None:
    """The model from an operator on, fed with what those before it compute."""
    before, after = model.operators[:start], model.operators[start:]
    made = {name for operator in before for name in operator.outputs if name}
    read: list[str] = []
    known: set[str] = set()
    for operator in after:
        read += [name for name in operator.inputs if name in made and name not in known]
        known |= set(operator.outputs)
    if not read:
        return None
    wanted = tuple(dict.fromkeys(read))
    head = replace(model, operators=before, outputs=wanted).used()
    (results,) = source.expected([head], folder)
    if results is None:
        return None
    feeds: list[Arrays] = [
        {**feed, **dict(zip(wanted, arrays, strict=True))}
        for feed, arrays in zip(model.feeds, results, strict=True)
    ]
    made_open = {name: frozenset(range(feeds[0][name].ndim)) for name in wanted}
    open_axes = {**model.open, **made_open} if model.open else {}
    part = replace(model, operators=after, open=open_axes).fed(feeds)
    return part.used()


def _without(model: RandomModel, place: int) -> Iterator[RandomModel]:
    """The model without one operator, whose first operand takes the place of its result."""
    operator = model.operators[place]
    operand, result = operator.inputs[:1], operator.outputs[:1]
    handed_out = set(operator.outputs) & set(model.outputs)
    if not operand or operand == result or operand[0] in model.constants or handed_out:
        return
    after = [
        replace(
            other,
            inputs=tuple(operand[0] if name == result[0] else name for name in other.inputs),
        )
        for other in model.operators[place + 1 :]
    ]
    yield replace(model, operators=(*model.operators[:place], *after)).used()
