"""Nothing in opt runs code of a model, and nothing asks a network: seen in its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tiers

FOLDERS = ("opt_tool", "formats", "kernels", "passes")
FORBIDDEN_MODULES = {
    "code",
    "dill",
    "ftplib",
    "http",
    "joblib",
    "marshal",
    "pickle",
    "requests",
    "runpy",
    "shelve",
    "smtplib",
    "socket",
    "socketserver",
    "ssl",
    "telnetlib",
    "torch",
    "urllib",
    "webbrowser",
    "xmlrpc",
}
"""What runs what it reads, and what talks to other machines."""

FORBIDDEN_NAMES = {"eval", "exec", "compile", "__import__"}


def sources() -> list[Path]:
    return [
        path
        for folder in FOLDERS
        for path in sorted((tiers.ROOT / folder).rglob("*.py"))
        if not any(parent.is_symlink() for parent in path.parents)
    ]


def offences(tree: ast.AST) -> Iterator[str]:
    """What a module does that none of opt's may."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            names = []
        yield from (name for name in names if name.split(".")[0] in FORBIDDEN_MODULES)
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_NAMES:
            yield node.func.id
        for keyword in node.keywords:
            given = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if keyword.arg in ("shell", "allow_pickle") and given is not False:
                yield f"{keyword.arg}={given!r}"


def test_no_module_runs_foreign_code_or_asks_the_network() -> None:
    found = {str(path): list(offences(ast.parse(path.read_bytes()))) for path in sources()}
    assert len(found) > 200
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from urllib import request",
        "eval('1')",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_the_audit_would_see_it(text: str) -> None:
    assert list(offences(ast.parse(text)))


def test_every_array_is_loaded_without_pickles() -> None:
    for path in sources():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.load":
                assert "allow_pickle" in {keyword.arg for keyword in node.keywords}, path
