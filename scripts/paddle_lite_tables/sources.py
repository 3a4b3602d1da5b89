"""Paddle Lite's sources of one version, without comments and without what is compiled out."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

TAGS: Mapping[str, str] = {
    "2.8": "v2.8",
    "2.9": "v2.9",
    "2.10": "v2.10",
    "2.11": "v2.11",
    "2.12": "v2.12",
    "2.13": "v2.13-rc",  # 2.13 was published as this candidate only
}

KERNEL_FOLDERS = ("lite/kernels/arm", "lite/kernels/host", "lite/kernels/x86")
OPERATOR_FOLDER = "lite/operators"

BASIC_MACROS = frozenset({"__aarch64__"})
EXTRA_MACROS = BASIC_MACROS | {"LITE_BUILD_EXTRA"}
ENTRY = re.compile(
    r"add_(?:kernel|operator)\(\s*\w+\s+(?P<levels>[\w\s]*?)SRCS\s+(?P<files>[\w.\s]+)"
)
COMMENT_OR_LITERAL = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL
)


@dataclass(frozen=True)
class Sources:
    """The files of one version, by path."""

    version: str
    files: Mapping[str, str]

    def text(self, path: str, macros: frozenset[str]) -> str:
        """The code of a file that is compiled when ``macros`` are defined."""
        return active_code(without_comments(self.files[path]), macros)

    def levels(self, folder: str) -> dict[str, str]:
        """The level (basic, extra, train) of each source file that a folder's build lists.

        A level that the build system does not know (2.8 has the misspelt ``extrta``)
        keeps a file in every build, as ``basic`` does.
        """
        listing = re.sub(r"#[^\n]*", "", self.files[f"{folder}/CMakeLists.txt"])
        words = 2 if "kernels" in folder else 1  # add_kernel names a device before the level
        levels: dict[str, str] = {}
        for entry in ENTRY.finditer(listing):
            names = entry["levels"].split()
            if len(names) < words:  # a device or a level is missing: the build skips the entry
                continue
            level = names[-1] if names[-1] in {"extra", "train"} else "basic"
            for name in entry["files"].split():
                if name.endswith(".cc"):
                    levels.setdefault(f"{folder}/{name}", level)
        return levels


def read_sources(repository: Path, version: str) -> Sources:
    """Read the kernels and operators of one version out of a git repository."""
    paths = [*KERNEL_FOLDERS, OPERATOR_FOLDER]
    command = ["git", "-C", str(repository), "archive", TAGS[version], "--", *paths]
    archive = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    files = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            stream = tar.extractfile(member)
            if stream is not None and member.name.endswith((".cc", ".h", "CMakeLists.txt")):
                files[member.name] = stream.read().decode("utf-8", "replace")
    return Sources(version, files)


def without_comments(text: str) -> str:
    """C++ without its comments; strings and line breaks stay."""

    def keep(match: re.Match[str]) -> str:
        found = match[0]
        return found if found[0] in "\"'" else "\n" * found.count("\n")

    return COMMENT_OR_LITERAL.sub(keep, text)


def active_code(text: str, macros: frozenset[str]) -> str:
    """The lines that remain when exactly ``macros`` are defined; no macro is expanded."""
    lines = []
    branches: list[tuple[bool, bool]] = []  # is this branch compiled, was one compiled before
    for line in text.replace("\\\n", " ").split("\n"):
        directive = re.match(r"\s*#\s*(\w+)\s*(.*)", line)
        if directive is None:
            if all(taken for taken, _ in branches):
                lines.append(line)
            continue
        name, condition = directive[1], directive[2].strip()
        if name in {"if", "ifdef", "ifndef"}:
            taken = _holds(name, condition, macros)
            branches.append((taken, taken))
        elif name in {"elif", "else"}:
            _, before = branches.pop()
            taken = not before and (name == "else" or _holds("if", condition, macros))
            branches.append((taken, before or taken))
        elif name == "endif":
            branches.pop()
    return "\n".join(lines)


def _holds(directive: str, condition: str, macros: frozenset[str]) -> bool:
    if directive == "if":
        return any(
            all(_term_holds(term.strip(), macros) for term in part.split("&&"))
            for part in condition.split("||")
        )
    return (condition.split()[0] in macros) == (directive == "ifdef")


def _term_holds(term: str, macros: frozenset[str]) -> bool:
    match = re.fullmatch(r"\(?(!?)\s*(?:defined)?\s*\(?\s*(\w+)\s*\)?\)?", term)
    if match is None:  # a comparison, such as one of the compiler's version
        return False
    holds = match[2] == "1" or match[2] in macros
    return holds != bool(match[1])


def balanced(text: str, start: int, brackets: str = "()") -> int:
    """The position just after the bracket that closes the one at ``start``."""
    depth = 0
    for position in range(start, len(text)):
        if text[position] == brackets[0]:
            depth += 1
        elif text[position] == brackets[1]:
            depth -= 1
            if depth == 0:
                return position + 1
    raise ValueError(f"unbalanced {brackets} in {text[start : start + 60]!r}")


def split_arguments(text: str) -> list[str]:
    """Split at the commas outside all round brackets, as the preprocessor does."""
    arguments, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            arguments.append("")
        else:
            arguments[-1] += character
    return [" ".join(argument.split()) for argument in arguments]


def source_files(paths: Iterable[str], folder: str) -> list[str]:
    """The C++ files directly in a folder, in order."""
    return sorted(p for p in paths if re.fullmatch(rf"{re.escape(folder)}/[^/]+\.cc", p))
