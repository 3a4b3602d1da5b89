"""What each operator reads from its description: slots and attributes, required or not.

An operator's class reads its description in ``AttachImpl``. A read that happens for every
description of the operator's type is required; one below an ``if``, or in a statement
that asks whether the thing is there, is optional. Comparisons with the operator's type
are decided, so that the operators that share a class are kept apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .sources import BASIC_MACROS, EXTRA_MACROS, OPERATOR_FOLDER, Sources, balanced

WIRE_TYPES: Mapping[str, str] = {
    "int": "INT",
    "int32_t": "INT",
    "float": "FLOAT",
    "std::string": "STRING",
    "string": "STRING",
    "bool": "BOOLEAN",
    "int64_t": "LONG",
    "double": "FLOAT64",
    "std::vector<int>": "INTS",
    "std::vector<int32_t>": "INTS",
    "std::vector<float>": "FLOATS",
    "std::vector<std::string>": "STRINGS",
    "std::vector<bool>": "BOOLEANS",
    "std::vector<int64_t>": "LONGS",
    "std::vector<double>": "FLOAT64S",
}
ATTRIBUTE = re.compile(r"GetAttr\s*<\s*(?P<type>[\w:<> ]+?)\s*>\s*\(\s*\"(?P<name>\w+)\"\s*\)")
SLOT = re.compile(r"(?:\.|->)\s*(?P<side>Input|Output)\s*\(\s*\"(?P<name>\w+)\"\s*\)")
ATTACH = re.compile(
    r"Attach(?P<side>Input|Output)\s*\([^,;]*,[^,;]*,\s*\"(?P<name>\w+)\"\s*,"
    r"\s*(?P<optional>true|false)"
)
ATTRIBUTE_TYPE = re.compile(r"GetAttrType\s*\(\s*\"(?P<name>\w+)\"\s*\)")
ASKED = re.compile(r"Has(?:Attr|Input|Output)\s*\(\s*\"(\w+)\"\s*\)")
TYPE_TEST = re.compile(r"\w*(?:[oO]p_?[tT]ype_?|Type\(\))\s*(==|!=)\s*\"(\w+)\"")


@dataclass
class Operator:
    """Slots and attributes; True marks what must be there.

    An attribute that may have one of two types is listed with the newer one, which the
    sources name last.
    """

    library: str
    inputs: dict[str, bool] = field(default_factory=dict)
    outputs: dict[str, bool] = field(default_factory=dict)
    attributes: dict[str, tuple[str, bool]] = field(default_factory=dict)
    since: dict[str, str] = field(default_factory=dict)


def merged(versions: Mapping[str, Mapping[str, Operator]]) -> dict[str, Operator]:
    """What an operator must have to be read by every version that knows it.

    A slot or an attribute is required as soon as one version requires it, since the
    others pass over what they do not ask for. ``since`` tells from which version on an
    attribute is read, where that is later than the operator itself.

    Args:
        versions: The operators of each version, oldest version first.
    """
    result: dict[str, Operator] = {}
    for version, operators in versions.items():
        for op_type, operator in operators.items():
            new = op_type not in result
            total = result.setdefault(op_type, Operator(operator.library))
            total.library = operator.library
            for name, required in operator.inputs.items():
                total.inputs[name] = total.inputs.get(name, False) or required
            for name, required in operator.outputs.items():
                total.outputs[name] = total.outputs.get(name, False) or required
            for name, (wire_type, required) in operator.attributes.items():
                if name not in total.attributes and not new:
                    total.since[name] = version
                _, before = total.attributes.get(name, ("", False))
                total.attributes[name] = (wire_type, before or required)
    return result


def registered_operators(sources: Sources) -> dict[str, Operator]:
    """Every operator that an inference library of one version has."""
    levels = sources.levels(OPERATOR_FOLDER)
    paths = [path for path, level in levels.items() if level in {"basic", "extra"}]
    bodies = _attach_bodies(sources)
    operators = {}
    for path in sorted(paths):
        if path not in sources.files:
            continue
        basic = set(_registrations(sources.text(path, BASIC_MACROS)))
        for op_type, class_name in _registrations(sources.text(path, EXTRA_MACROS)):
            extra = levels[path] == "extra" or (op_type, class_name) not in basic
            operator = Operator("with_extra" if extra else "basic")
            for body in bodies.get(class_name, ()):
                _read_block(body, op_type, True, operator)
            operators[op_type] = operator
    return operators


def _registrations(code: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r"\bREGISTER_LITE_OP\(\s*(\w+)\s*,\s*([\w:]+)\s*\)", code):
        yield match[1], match[2].rpartition("::")[2]


def _attach_bodies(sources: Sources) -> dict[str, list[str]]:
    """The bodies of each class's AttachImpl: its own, or else the one it inherits."""
    bodies: dict[str, list[str]] = {}
    parents: dict[str, str] = {}
    for path in sorted(sources.files):
        if not path.startswith(OPERATOR_FOLDER + "/") or path.endswith(".txt"):
            continue
        code = sources.text(path, EXTRA_MACROS)
        for match in re.finditer(r"\b(\w+)::AttachImpl\s*\(", code):
            if _has_body(code, match.end() - 1):
                bodies.setdefault(match[1], []).append(_body(code, match.end() - 1))
        for match in re.finditer(r"\bclass\s+(\w+)\s*:\s*public\s+([\w:]+)[^{;]*\{", code):
            parents[match[1]] = match[2].rpartition("::")[2]
            inside = code[match.end() - 1 : balanced(code, match.end() - 1, "{}")]
            own = re.search(r"\bAttachImpl\s*\(", inside)
            if own is not None and _has_body(inside, own.end() - 1):
                bodies.setdefault(match[1], []).append(_body(inside, own.end() - 1))
    for name in parents:
        ancestor = name
        while ancestor not in bodies and ancestor in parents:
            ancestor = parents[ancestor]
        bodies.setdefault(name, bodies.get(ancestor, []))
    return {name: own + _called_bodies(own, bodies) for name, own in bodies.items()}


def _called_bodies(own: list[str], bodies: Mapping[str, list[str]]) -> list[str]:
    """The bodies of the base classes' AttachImpl that a class's own one calls."""
    called = {name for body in own for name in re.findall(r"\b(\w+)::AttachImpl\s*\(", body)}
    return [body for name in sorted(called) for body in bodies.get(name, [])]


def _has_body(code: str, parenthesis: int) -> bool:
    rest = code[balanced(code, parenthesis) :]
    return re.match(r"\s*(override)?\s*\{", rest) is not None


def _body(code: str, parenthesis: int) -> str:
    start = code.index("{", balanced(code, parenthesis))
    return code[start + 1 : balanced(code, start, "{}") - 1]


def _read_block(code: str, op_type: str, certain: bool, operator: Operator) -> None:
    """Note the reads of each statement; ``certain`` tells whether the block always runs."""
    while code := code.lstrip(" \n\t;"):
        head = re.match(r"(if|for|while|switch)\s*(?=\()", code)
        if code[0] == "{":
            end = balanced(code, 0, "{}")
            _read_block(code[1 : end - 1], op_type, certain, operator)
            code = code[end:]
        elif head is None:
            end = _statement_end(code)
            _read_statement(code[:end], certain, operator)
            code = code[end:]
        else:
            end = balanced(code, head.end())
            condition, code = code[head.end() + 1 : end - 1], code[end:]
            _read_statement(condition, certain, operator)
            decided = _decide(condition, op_type) if head[1] == "if" else None
            code = _read_branch(code, op_type, certain, decided, operator)
            if match := re.match(r"\s*else\b", code):
                other = None if decided is None else not decided
                code = _read_branch(code[match.end() :], op_type, certain, other, operator)


def _read_branch(
    code: str, op_type: str, certain: bool, decided: bool | None, operator: Operator
) -> str:
    """Read the statement at the start of ``code`` unless it never runs; the rest of ``code``."""
    end = _whole_statement_end(code)
    if decided is not False:
        _read_block(code[:end], op_type, certain and decided is True, operator)
    return code[end:]


def _whole_statement_end(code: str) -> int:
    """The end of one statement with all its branches."""
    offset = len(code) - len(code.lstrip())
    rest = code[offset:]
    if rest.startswith("{"):
        return offset + balanced(rest, 0, "{}")
    head = re.match(r"(if|for|while|switch)\s*(?=\()", rest)
    if head is None:
        return offset + _statement_end(rest)
    end = balanced(rest, head.end())
    end += _whole_statement_end(rest[end:])
    if match := re.match(r"\s*else\b", rest[end:]):
        end += match.end()
        end += _whole_statement_end(rest[end:])
    return offset + end


def _statement_end(code: str) -> int:
    """The end of a plain statement: its semicolon outside all brackets."""
    depth = 0
    for position, character in enumerate(code):
        depth += (character in "({") - (character in ")}")
        if character == ";" and depth == 0:
            return position + 1
    return len(code)


def _decide(condition: str, op_type: str) -> bool | None:
    """Whether a condition about the operator's type holds; None if it asks other things."""
    parts = [part.strip() for part in condition.split("||")]
    tests = [re.fullmatch(r"[\w.>\-]*?" + TYPE_TEST.pattern, part) for part in parts]
    if any(test is None for test in tests):
        return None
    return any((test[2] == op_type) == (test[1] == "==") for test in tests if test is not None)


def _read_statement(code: str, certain: bool, operator: Operator) -> None:
    asked = set(ASKED.findall(code))
    for match in ATTRIBUTE_TYPE.finditer(code):  # its value is read below, by type
        operator.attributes[match["name"]] = ("", certain)
    for match in ATTRIBUTE.finditer(code):
        wire_type = WIRE_TYPES[re.sub(r"\s", "", match["type"])]
        required = certain and match["name"] not in asked
        _, before = operator.attributes.get(match["name"], ("", False))
        operator.attributes[match["name"]] = (wire_type, before or required)
    sides = {"Input": operator.inputs, "Output": operator.outputs}
    for match in SLOT.finditer(code):
        slots = sides[match["side"]]
        required = certain and match["name"] not in asked
        slots[match["name"]] = slots.get(match["name"], False) or required
    for match in ATTACH.finditer(code):
        slots = sides[match["side"]]
        required = certain and match["optional"] == "false"
        slots[match["name"]] = slots.get(match["name"], False) or required
