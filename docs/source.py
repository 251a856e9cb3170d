"""What `docs.generate` reads from the launcher's source without running it: variables, kinds of records, comments."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import re
from pathlib import Path

LAUNCHER = Path(__file__).parent.parent / "launcher"
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{2,}")


def variables() -> list[str]:
    """Return the environment variables the launcher reads, or sets for its workers."""
    found = set()
    for node in _nodes():
        texts: list[ast.expr | None] = []
        match node:
            case ast.Call(func=ast.Attribute(attr="get" | "setdefault" | "getenv" | "pop"), args=[first, *_]):
                texts = [first]
            case ast.Subscript(slice=key):
                texts = [key]
            case ast.Dict(keys=keys):
                texts = list(keys)
            case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()]):
                texts = [left]
        found |= {one.value for one in texts if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return sorted(name for name in found if _VARIABLE.fullmatch(name))


@functools.cache
def _nodes() -> list[ast.AST]:
    paths = sorted(LAUNCHER.rglob("*.py"))
    return [node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]


def key_meanings(cls: type) -> dict[str, str]:
    """Return what a dataclass and those it extends say of their fields.

    A meaning is a paragraph `name: …` of the docstring, or a comment behind the field.
    """
    found: dict[str, str] = {}
    for base in cls.__bases__:
        found |= key_meanings(base) if dataclasses.is_dataclass(base) else {}
    for line in inspect.getsource(cls).splitlines():
        if said := re.match(r"    (\w+): [^#]*\s#\s+(.*)", line):
            found[said[1]] = said[2]
    body = inspect.cleandoc(cls.__doc__ or "")
    for said in re.finditer(r"^(\w+): (.*(?:\n +.*)*)", body, re.M):
        found[said[1]] = re.sub(r"\s+", " ", said[2])
    return found


def written_kinds() -> dict[str, set[str]]:
    """Return the kinds of records the code writes, each with the fields that stand beside it in the source."""
    kinds: dict[str, set[str]] = {}
    for call in _nodes():
        if not isinstance(call, ast.Call):
            continue
        called = call.func  # writer.write(…), or Found(…), which a worker writes
        if getattr(called, "attr", "") != "write" and getattr(called, "id", "") != "Found":
            continue
        for node in (one for one in ast.walk(call) if isinstance(one, ast.Dict)):
            keys = {key.value: value for key, value in zip(node.keys, node.values, strict=True)
                    if isinstance(key, ast.Constant) and isinstance(key.value, str)}  # fmt: skip
            match keys.get("kind"):
                case ast.Constant(value=str(kind)):
                    kinds.setdefault(kind, set()).update(keys.keys() - {"kind"})
    return kinds
