"""Makes docs/reference/python.md: the public names of `import launcher`, from their signatures and docstrings."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
from collections.abc import Iterator
from typing import Any

import launcher

_SECTION = re.compile(r"(Args|Raises|Returns):")
_SHOWN = {"Frame": "DataFrame"}
_FIELD = re.compile(r"^    (\w+): [^#\n]*#\s*(.*)$", re.M)


def python_page(head: list[str]) -> str:
    """Return the page. `head`: what stands before the first name."""
    functions = [name for name in launcher.__all__ if inspect.isfunction(getattr(launcher, name))]
    classes = [name for name in launcher.__all__ if inspect.isclass(getattr(launcher, name))]
    errors = [name for name in classes if issubclass(getattr(launcher, name), launcher.LauncherError)]
    parts = [*head, "## Functions"]
    for name in functions:
        parts += _function(f"launcher.{name}", name, getattr(launcher, name))
    parts.append("## Classes")
    for name in classes:
        if name not in errors:
            parts += _class(name, getattr(launcher, name))
    parts.append("## Errors")
    parts.append("\n".join(f"- `launcher.{name}`: {_first(getattr(launcher, name))}" for name in errors))
    return "\n\n".join(parts) + "\n"


def _function(called: str, name: str, function: Any) -> list[str]:
    return [f"### {name}", f"    {_call(called, function)}", *_paragraphs(function)]


def _call(called: str, function: Any) -> str:
    """Return how a function is called, with its parameters; a long list has a line for each."""
    signature = inspect.signature(function)
    given: list[str] = []
    has_star = False
    for each in signature.parameters.values():
        if each.name in ("self", "cls"):
            continue
        if each.kind is each.KEYWORD_ONLY and not has_star:
            has_star = True
            given.append("*")
        stars = "**" if each.kind is each.VAR_KEYWORD else ""
        default = "" if each.default is each.empty else f" = {each.default!r}"
        given.append(f"{stars}{each.name}: {each.annotation}{default}")
    result = _SHOWN.get(signature.return_annotation, signature.return_annotation)
    line = f"{called}({', '.join(given)}) -> {result}"
    inner = "".join(f"        {each},\n" for each in given)
    return line if len(line) <= 100 else f"{called}(\n{inner}    ) -> {result}"


def _class(name: str, cls: type) -> list[str]:
    parts = [f"### {name}", *_paragraphs(cls)]
    comments = {found[1]: found[2] for base in reversed(cls.__mro__[:-1]) for found in _comments(base)}
    fields = [] if cls is launcher.Sweep else dataclasses.fields(cls)
    known = [f"- `.{field.name}`: {comments.get(field.name, field.type)}" for field in fields]
    parts += ["\n".join(known)] if known else []
    is_more = cls is launcher.Summary
    parts += ["And what `Results` has."] if is_more else []
    for member, value in _members(cls):
        if is_more and hasattr(launcher.Results, member):
            continue
        if isinstance(value, property | functools.cached_property):
            parts.append(f"`.{member}`: {_first(value)}")
        else:
            function = value.__func__ if isinstance(value, classmethod) else value
            called = f"{name}.{member}" if isinstance(value, classmethod) else f".{member}"
            parts += [f"    {_call(called, function)}", *_paragraphs(function)]
    return parts


def _comments(cls: type) -> Iterator[re.Match[str]]:
    return _FIELD.finditer(inspect.getsource(cls))


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of a class and its bases, in the order of the code."""
    seen: dict[str, Any] = {}
    for base in reversed(cls.__mro__[:-1]):
        if base.__module__.startswith("launcher."):
            seen |= {name: value for name, value in vars(base).items() if not name.startswith("_")}
    for name, value in seen.items():
        is_made = isinstance(value, classmethod) and name == "of"  # how this program makes it
        if not is_made and (callable(value) or isinstance(value, property | classmethod | functools.cached_property)):
            yield name, value


def _first(documented: Any) -> str:
    return re.sub(r"\s+", " ", (inspect.getdoc(documented) or "").partition("\n\n")[0])


def _paragraphs(documented: Any) -> list[str]:
    """Return a docstring as paragraphs of Markdown; what it says of arguments and errors becomes a list."""
    found = []
    for block in (inspect.getdoc(documented) or "").split("\n\n"):
        section = _SECTION.match(block)
        if section is None:
            found.append(block)
            continue
        entries = re.split(r"\n    (?=\S)", block[section.end() :])[1:]
        lines = [re.sub(r"\s+", " ", entry).strip() for entry in entries]
        lines = [re.sub(r"^([\w, *]+): ", r"`\1`: ", line) for line in lines]
        found.append("\n".join(f"- {'raises ' if section[1] == 'Raises' else ''}{line}" for line in lines))
    return found
