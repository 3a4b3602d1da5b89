"""The errors that a user of opt can cause and mend.

Each carries its exit code; the command line turns them into one line on standard
error. Everything else that is raised is a fault of ours and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

NAMED = 3
"""How many things of one kind a message names."""


def first_of(names: Sequence[str]) -> str:
    """``a, b`` or, of many, ``a, b, c and 5 more``."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


class OptError(Exception):
    """Something that the user can mend: what, where and what is possible."""

    exit_code: ClassVar[int] = 1


class UsageError(OptError):
    """Options or arguments that do not fit each other or the model."""

    exit_code = 2


class UnsupportedError(OptError):
    """The model needs something that opt or the target runtime does not have."""

    exit_code = 3


class UnsupportedOperatorError(UnsupportedError):
    """A node that opt cannot read, lower or run.

    Args:
        operator: The operator's name in the source framework.
        node: The node's name in the source file.
        problem: The fact, the limit and, where there is one, the way out.
    """

    def __init__(self, operator: str, node: str, problem: str) -> None:
        self.operator = operator
        self.node = node
        self.problem = problem
        super().__init__(f"{operator} (node {node!r}): {problem}")

    def __reduce__(self) -> tuple[type[UnsupportedOperatorError], tuple[str, ...]]:
        return type(self), (self.operator, self.node, self.problem)


class OpenInputError(UnsupportedOperatorError):
    """A node that needs a model input at conversion; the user can give the input a value."""

    def __init__(self, operator: str, node: str, problem: str, input_name: str) -> None:
        super().__init__(operator, node, problem)
        self.input_name = input_name

    def __reduce__(self) -> tuple[type[OpenInputError], tuple[str, ...]]:
        return type(self), (self.operator, self.node, self.problem, self.input_name)


class UnsupportedModelError(UnsupportedError):
    """All the nodes of one model that cannot be converted, those with one problem in one line."""

    def __init__(self, problems: tuple[UnsupportedOperatorError, ...]) -> None:
        self.problems = problems
        nodes: dict[tuple[str, str], list[str]] = {}
        for problem in problems:
            nodes.setdefault((problem.operator, problem.problem), []).append(repr(problem.node))
        lines = [
            f"{operator} ({'node' if len(names) == 1 else 'nodes'} {first_of(names)}): {problem}"
            for (operator, problem), names in nodes.items()
        ]
        head = [f"{len(problems)} nodes cannot be converted:"] if len(problems) > 1 else []
        super().__init__("\n  ".join([*head, *lines]))

    def __reduce__(
        self,
    ) -> tuple[type[UnsupportedModelError], tuple[tuple[UnsupportedOperatorError, ...]]]:
        return type(self), (self.problems,)


class VerificationError(OptError):
    """The converted model does not compute what the source computes."""

    exit_code = 4


class DamagedFileError(OptError):
    """A file that is damaged or not what it claims to be."""

    exit_code = 5

    def __init__(self, path: Path | str, problem: str) -> None:
        self.path = str(path)
        self.problem = problem
        super().__init__(f"{self.path}: {problem}")

    def __reduce__(self) -> tuple[type[DamagedFileError], tuple[str, str]]:
        return type(self), (self.path, self.problem)


class MemoryLimitError(OptError):
    """A model that needs more memory than it may take.

    Args:
        limit: How many bytes it may take; None where only the machine sets a limit.
        problem: What could not be had, in the words of what asked for it.
    """

    exit_code = 5

    def __init__(self, limit: int | None, problem: str) -> None:
        self.limit = limit
        self.problem = problem
        bound = "the machine has" if limit is None else f"{limit / 2**30:.3g} GiB (--max-memory)"
        fact = f" ({problem})" if problem else ""
        super().__init__(
            f"the model needs more memory than {bound}{fact}; give smaller sizes with "
            "--input-shape, leave the comparison out with --no-verify, or raise the limit"
        )

    def __reduce__(self) -> tuple[type[MemoryLimitError], tuple[int | None, str]]:
        return type(self), (self.limit, self.problem)


class FileAccessError(OptError):
    """A file that could not be read or written."""

    exit_code = 6

    def __init__(self, path: Path | str, problem: str) -> None:
        self.path = str(path)
        self.problem = problem
        super().__init__(f"{self.path}: {problem}")

    def __reduce__(self) -> tuple[type[FileAccessError], tuple[str, str]]:
        return type(self), (self.path, self.problem)
