"""What the source of a script says without being run: its modules, its parser, its settings."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.config import redact
from launcher.config.nested import KeyPath
from launcher.planning.script_options import imports_unknown, is_read_whole, on_by_default
from launcher.planning.script_source import ScriptSource, digest, read_sources
from launcher.text import did_you_mean

# Kinds of parsers, and what a source imports that has one. Of several, the first counts.
PARSERS = {
    "hydra": ("hydra",),
    "jsonargparse": ("jsonargparse", "LightningCLI"),
    "argparse": (
        "argparse",
        "HfArgumentParser",
        "TrlParser",
        "simple_parsing",
        "pyrallis",
        "draccus",
        "tap",
        "configargparse",
    ),
    "click": ("click", "typer"),
    "absl": ("absl",),
    "fire": ("fire",),
    "tyro": ("tyro",),
}
_OTHER_PARSERS = ("docopt", "plac", "sacred", "cyclopts", "defopt", "clize", "omegaconf", "gin", "getopt", "runpy")
_PARSES = ("parse_args", "parse_known_args", "parse_intermixed_args", "parse_args_into_dataclasses")
_PARSES_INDIRECTLY = ("parse", "parse_args_and_config", "wrap")  # of the libraries that use argparse


@dataclass(frozen=True)
class Setting:
    """A name to which a script gives a literal value at the top level of its file."""

    value: Any
    line: int
    again: int = 0  # the line where another literal replaces it; 0: nowhere


@dataclass(frozen=True, kw_only=True)
class ScriptFacts:
    """What the source of a script says."""

    modules: tuple[Path, ...] = ()  # its local modules, sorted
    code_digest: str = ""  # of the script and its local modules
    parser: str = ""  # a key of `PARSERS`; empty if it names none
    num_parses: int = 0  # how many calls of an argparse parser follow each other
    settings: Mapping[str, Setting]
    uses_seed: bool = False  # it names LAUNCHER_SEED
    uses_current: bool = False  # it names `launcher.current`
    reads_argv: bool = False  # it names `sys.argv`
    reads_elsewhere: bool = False  # it imports a library that reads the arguments, and is none of `PARSERS`
    # Texts of sources with `environ` or `getenv` that may be names of variables; none if any variable may be read.
    variables: frozenset[str] = frozenset()
    imports_unknown: bool = False  # it imports what may read the arguments, as a package whose `main` it calls
    on_by_default: frozenset[str] = frozenset()  # options to which the source gives True as their own value
    error: str = ""  # why the script is not Python


def read_facts(file: Path, folders: Sequence[Path] = ()) -> ScriptFacts:
    """Read a script. `folders`: where Python searches for modules besides the script's own folder.

    Raises:
        OSError: the script cannot be read.
    """
    try:
        sources = read_sources(file, folders)
    except SyntaxError as error:
        place = f"line {error.lineno}: " if error.lineno else ""
        return ScriptFacts(settings={}, error=f"{place}{error.msg}")
    parser = _parser(sources)
    return ScriptFacts(
        modules=tuple(source.path for source in sources[1:]),
        code_digest=digest(sources),
        parser=parser,
        num_parses=max(_num_parses(source.tree) if source.has("parse_") else 0 for source in sources),
        settings=_settings(sources[0].tree),
        uses_seed=any(source.has_text("LAUNCHER_SEED") for source in sources),
        uses_current=any(source.uses("launcher", "current") for source in sources),
        reads_argv=any(source.uses("sys", "argv") for source in sources),
        reads_elsewhere=any(not source.imported.isdisjoint(_OTHER_PARSERS) for source in sources),
        variables=_variables(sources),
        imports_unknown=not parser and imports_unknown(sources),
        on_by_default=on_by_default(sources) if parser not in ("", "argparse") else frozenset(),
    )


def setting_problems(values: Mapping[str, Any], settings: Mapping[str, Setting]) -> list[tuple[KeyPath, str]]:
    """Return what is wrong with values for the settings of a script, with `args = "globals"`."""
    problems: list[tuple[KeyPath, str]] = []
    for name, value in values.items():
        setting = settings.get(name)
        if value == "{omit}":
            continue
        if setting is None:
            known = f"\n  Settings: {', '.join(settings) or 'none'}"
            message = f"is not set to a literal at the top level of the script.{did_you_mean(name, settings)}{known}"
        elif setting.again:
            message = f"is set on line {setting.line} of the script, and again on line {setting.again}: delete one"
        elif not _fits(value, setting.value):
            literal, given = redact.shown(name, setting.value), redact.shown(name, value)
            message = f"is {literal!r} in the script, line {setting.line}: a {_kind(setting.value)}, not {given!r}"
        else:
            continue
        problems.append(((name,), message))
    return problems


def _fits(value: Any, literal: Any) -> bool:
    if literal is None:
        return True
    if isinstance(literal, bool) or isinstance(value, bool):
        return isinstance(literal, bool) and isinstance(value, bool)
    if isinstance(literal, float):
        return isinstance(value, int | float)
    if isinstance(literal, tuple | list):
        return isinstance(value, tuple | list)
    return isinstance(value, type(literal))


def _kind(literal: Any) -> str:
    if isinstance(literal, tuple | list):
        return "list"
    return {bool: "boolean", int: "whole number", float: "number", str: "text", dict: "table"}.get(
        type(literal), type(literal).__name__
    )


def _settings(tree: ast.Module) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets = [node.target]
        else:
            continue
        try:
            value = ast.literal_eval(node.value)  # type: ignore[arg-type]
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        for target in targets:
            if isinstance(target, ast.Name):
                first = found.get(target.id)
                found[target.id] = (
                    Setting(first.value, first.line, node.lineno) if first else Setting(value, node.lineno)
                )
    return {name: setting for name, setting in found.items() if not name.startswith("__")}


def _parser(sources: Sequence[ScriptSource]) -> str:
    """Return the kind of parser that a script has; that of a module only if the script names none."""
    for source in sources:
        for kind, names in PARSERS.items():
            if not source.imported.isdisjoint(names) and (kind != "argparse" or _parses(sources)):
                return kind
    return ""


def _parses(sources: Sequence[ScriptSource]) -> bool:
    """Return whether an argparse parser is called, otherwise than in a function or class that nobody names."""
    for source in sources:
        for node in source.tree.body if source.has("parse") or source.has("wrap") else ():
            called = {_last_name(inner.func) for inner in ast.walk(node) if isinstance(inner, ast.Call)}
            called |= {_last_name(entry) for entry in getattr(node, "decorator_list", ())}
            if called.isdisjoint((*_PARSES, *_PARSES_INDIRECTLY)):
                continue
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                return True
            if any(other.refers_to(node.name) for other in sources):
                return True
    return False


def _variables(sources: Sequence[ScriptSource]) -> frozenset[str]:
    if is_read_whole(sources):
        return frozenset()
    return frozenset(
        node.value
        for source in sources
        if source.has("environ") or source.has("getenv")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier()
    )


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _num_parses(tree: ast.Module) -> int:
    """Return how many calls of a parser follow each other in one function, or pass on what another has left over."""
    scopes: dict[int, int] = {}
    left_over: set[str] = set()
    passed_on = set()
    stack: list[tuple[ast.AST, int]] = [(tree, 0)]
    while stack:
        node, scope = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            scope = id(node)
        if isinstance(node, ast.Call) and _last_name(node.func) in _PARSES:
            scopes[scope] = scopes.get(scope, 0) + 1
            given = [*node.args, *(word.value for word in node.keywords)]
            passed_on |= {argument.id for argument in given if isinstance(argument, ast.Name)}
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            target = node.targets[0]
            if _last_name(node.value.func) == "parse_known_args" and isinstance(target, ast.Tuple):
                left_over |= {name.id for name in target.elts[1:] if isinstance(name, ast.Name)}
        stack += [(child, scope) for child in ast.iter_child_nodes(node)]
    return max([*scopes.values(), 2 if left_over & passed_on else 0], default=0)
