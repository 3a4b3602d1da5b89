from __future__ import annotations

import pickle

import pytest

from opt_tool.errors import UnsupportedModelError, UnsupportedOperatorError


def refused(*problems: tuple[str, str, str]) -> UnsupportedModelError:
    return UnsupportedModelError(tuple(UnsupportedOperatorError(*given) for given in problems))


def test_one_node_that_cannot_be_converted_is_one_line() -> None:
    assert str(refused(("Loop", "a", "it is endless"))) == "Loop (node 'a'): it is endless"


def test_nodes_are_named_together_where_they_have_one_problem() -> None:
    nodes = [("Einsum", f"e{number}", "too many letters") for number in range(5)]
    error = refused(*nodes[:2], ("Loop", "a", "it is endless"), *nodes[2:])
    assert str(error).splitlines() == [
        "6 nodes cannot be converted:",
        "  Einsum (nodes 'e0', 'e1', 'e2' and 2 more): too many letters",
        "  Loop (node 'a'): it is endless",
    ]
    assert [problem.node for problem in error.problems] == ["e0", "e1", "a", "e2", "e3", "e4"]


@pytest.mark.parametrize("count", [2, 3])
def test_few_nodes_are_all_named(count: int) -> None:
    error = refused(*(("Loop", f"n{number}", "endless") for number in range(count)))
    names = ", ".join(f"'n{number}'" for number in range(count))
    assert str(error).endswith(f"Loop (nodes {names}): endless")


def test_the_error_survives_a_way_through_another_process() -> None:
    error = refused(("Loop", "a", "endless"), ("Loop", "b", "endless"))
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
