"""What the source of a script says without being run: the modules it is made of, its parser, its settings.

Only syntax trees are read. The modules of a script are those that it imports from the folders where Python searches
first, and those that they import from there. What is installed is not looked into.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.config import redact
from launcher.config.nested import KeyPath
from launcher.store import files
from launcher.text import did_you_mean

_LIMIT_BYTES = 8 << 20  # of a source file
_MODULES_LIMIT = 2000
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
    error: str = ""  # why the script is not Python


def read_facts(file: Path, folders: Sequence[Path] = ()) -> ScriptFacts:
    """Read a script. `folders`: where Python searches for modules besides the script's own folder.

    Raises:
        OSError: the script cannot be read.
    """
    content = {file: files.read(file, _LIMIT_BYTES)}
    try:
        trees = {file: ast.parse(content[file], filename=str(file))}
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else str(error)
        return ScriptFacts(settings={}, code_digest=_digest(content), error=line)
    _add_modules(file, [file.parent, *folders], content, trees)
    modules = [module for module in sorted(trees) if module != file]
    bodies = [trees[file], *(_without_guard(trees[module]) for module in modules)]
    texts = {node.value for body in bodies for node in ast.walk(body) if isinstance(node, ast.Constant)}
    return ScriptFacts(
        modules=tuple(modules),
        code_digest=_digest(content),
        parser=_parser(bodies),
        num_parses=max(map(_num_parses, bodies)),
        settings=_settings(trees[file]),
        uses_seed="LAUNCHER_SEED" in texts,
        uses_current=any(_names(body, "launcher", "current") for body in bodies),
        reads_argv=any(_names(body, "sys", "argv") for body in bodies),
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


def _parser(bodies: Sequence[ast.Module]) -> str:
    """Return the kind of parser that a script has; that of a module only if the script names none."""
    calls = [name for body in bodies for name in _called(body, bodies)]
    for body in bodies:
        imported = _imported_names(body)
        for kind, names in PARSERS.items():
            if imported.isdisjoint(names):
                continue
            if kind != "argparse" or any(name in (*_PARSES, *_PARSES_INDIRECTLY) for name in calls):
                return kind
    return ""


def _called(body: ast.Module, bodies: Sequence[ast.Module]) -> Iterator[str]:
    """Yield the names of what is called in a module, but for functions and classes that nobody names."""
    named = {name for other in bodies for name in _referred(other)}
    for node in body.body:
        is_definition = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if not is_definition or node.name in named:  # type: ignore[attr-defined]
            for inner in ast.walk(node):
                if isinstance(inner, ast.Call):
                    yield _last_name(inner.func)
            yield from (_last_name(entry) for entry in getattr(node, "decorator_list", ()))


def _referred(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _imported_names(tree: ast.Module) -> set[str]:
    """Return the top-level packages that a source imports, and the names that it imports from them."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {(node.module or "").partition(".")[0], *(alias.name for alias in node.names)}
    return found


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


def _names(tree: ast.Module, module: str, name: str) -> bool:
    """Return whether a source uses a name of a module, as `module.name` or imported from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == name and ast.unparse(node.value) == module:
            return True
        if isinstance(node, ast.ImportFrom) and node.module in (module, f"{module}.{name}") and not node.level:
            return any(alias.name == name for alias in node.names)
    return False


def _without_guard(tree: ast.Module) -> ast.Module:
    """Return a module as an import runs it: without what is below `if __name__ == "__main__"`."""
    kept = [node for node in tree.body if not (isinstance(node, ast.If) and "__main__" in ast.unparse(node.test))]
    return ast.Module(kept, [])


def _add_modules(file: Path, roots: Sequence[Path], content: dict[Path, bytes], trees: dict[Path, ast.Module]) -> None:
    """Add the local modules that a script imports, and those that they import."""
    waiting = [file]
    while waiting:
        current = waiting.pop()
        for found in _imported_files(current, trees[current], roots):
            if found in trees or len(trees) >= _MODULES_LIMIT:
                continue
            try:
                content[found] = files.read(found, _LIMIT_BYTES)
                trees[found] = ast.parse(content[found], filename=str(found))
            except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
                continue  # importing it will tell
            waiting.append(found)


def _imported_files(file: Path, tree: ast.Module, roots: Sequence[Path]) -> Iterator[Path]:
    """Yield the local files that a source imports, and those whose names stand in it, as in `open("settings.py")`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module_files(roots, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            within = roots if not node.level else [file.parents[min(node.level, len(file.parents)) - 1]]
            parts = node.module.split(".") if node.module else []
            yield from (folder / "__init__.py" for folder in within if node.level and _is_file(folder / "__init__.py"))
            for alias in node.names:
                yield from _module_files(within, [*parts, alias.name])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith(".py"):
            yield from (root / node.value for root in roots if _is_file(root / node.value))


def _module_files(roots: Sequence[Path], parts: Sequence[str]) -> Iterator[Path]:
    """Yield the files of a dotted module, its packages first, in the first folder that has it."""
    for root in roots:
        found = []
        for length in range(1, len(parts) + 1):
            base = root.joinpath(*parts[:length])
            found += [path for path in (base / "__init__.py", base.with_name(base.name + ".py")) if _is_file(path)][:1]
        if found:
            yield from found
            return


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _digest(content: Mapping[Path, bytes]) -> str:
    """Return a digest that is the same wherever the folder of the script lies."""
    script = next(iter(content)).parent
    named = {
        str(path.relative_to(script) if path.is_relative_to(script) else path): hashlib.sha256(text).hexdigest()
        for path, text in content.items()
    }
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()
