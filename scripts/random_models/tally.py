"""Counts how models ended, and keeps those that differ."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from random_models.comparing import DIFFERS, KINDS, REFUSED, Verdict
from random_models.model import RandomModel
from random_models.source import Source

SHOWN = 8
"""How many reasons of refusals are shown."""


@dataclass
class Tally:
    """How the models of a format ended."""

    title: str
    kinds: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    operators: Counter[str] = field(default_factory=Counter)

    def add(self, model: RandomModel, verdict: Verdict) -> None:
        """Count a model."""
        self.kinds[verdict.kind] += 1
        if verdict.kind == REFUSED:
            self.refusals[reason(verdict.words)] += 1
        else:
            self.operators.update(set(model.types))

    def lines(self) -> list[str]:
        """What there is to say at the end."""
        total = sum(self.kinds.values())
        counts = [f"{self.kinds[kind]} {kind}" for kind in KINDS]
        kinds = f"{len(self.operators)} kinds of operators were converted"
        lines = [f"{self.title}: {total} models, {', '.join(counts)}; {kinds}"]
        lines += [f"{count:6}  {text}" for text, count in self.refusals.most_common(SHOWN)]
        rest = len(self.refusals) - SHOWN
        return [*lines, f"        and {rest} other reasons"] if rest > 0 else lines


def reason(message: str) -> str:
    """A refusal's message without what is this model's alone: paths, names and numbers."""
    line = message.splitlines()[-1].strip() if message else ""
    line = re.sub(r"^\S*/\S*: ", "", line)
    line = re.sub(r" \(nodes? [^)]*\)", "", line)
    line = re.sub(r"'[^']*'", "'...'", line)
    line = re.sub(r"[\[(][-\d., ]+[\])]", "[...]", line)
    return re.sub(r"-?\d+(\.\d+)?", "N", line)[:160]


def keep(
    folder: Path, source: Source, cases: dict[str, tuple[RandomModel, Verdict]], command: str
) -> None:
    """Write models with their inputs, and what is to be known of them."""
    for name, (model, verdict) in cases.items():
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        source.write(model, place)
        for number, feed in enumerate(model.feeds):
            arrays = dict(feed)
            np.savez(place / f"inputs{number}.npz", allow_pickle=False, **arrays)
        text = f"{command}\n{verdict.place}: {verdict.words}\n\n{model}"
        (place / "about.txt").write_text(text, encoding="utf-8")


def told(format: str, number: int, model: RandomModel, verdict: Verdict) -> str:
    """A line on a model that differs."""
    words = " ".join(verdict.words.split())
    return f"{DIFFERS.upper()} {format} {number}: {' '.join(model.types)}: {verdict.place}: {words}"
