"""The source files of a script: its own, and the local modules that it imports. None of them is run.

Local modules are those that Python would find in the folder of the script, or in the other folders where it searches
first. What is installed is not looked into.

A script may import hundreds of modules, and to walk through all of a syntax tree takes longer than to parse it. So an
import is searched for among statements only, and for anything else the text is asked first whether it has the word.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from launcher.store import files

_LIMIT_BYTES = 8 << 20  # of a source file
_MOST = 2000  # modules
_FILE = re.compile(rb"""["']([A-Za-z0-9_./-]+\.py)["']""")
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


@dataclass(frozen=True)
class ScriptSource:
    """One source file."""

    path: Path
    text: bytes
    tree: ast.Module

    @cached_property
    def imported(self) -> set[str]:
        """The top-level packages that it imports, and the names that it imports from them."""
        froms = [node for node in _statements(self.tree) if isinstance(node, ast.ImportFrom) and not node.level]
        return self.packages.union(*([alias.name for alias in node.names] for node in froms))

    @property
    def packages(self) -> set[str]:
        """The top-level packages that it imports, or imports from."""
        found: set[str] = set()
        for node in _statements(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
        return found

    def has(self, *words: str) -> bool:
        """Return whether the text has all of these words, even in a comment."""
        return all(word.encode() in self.text for word in words)

    def refers_to(self, name: str) -> bool:
        """Return whether the code uses or imports a name."""
        return self.has(name) and any(
            (isinstance(node, ast.Name) and node.id == name)
            or (isinstance(node, ast.Attribute) and node.attr == name)
            or (isinstance(node, ast.alias) and node.name.rpartition(".")[2] == name)
            for node in ast.walk(self.tree)
        )

    def uses(self, module: str, name: str) -> bool:
        """Return whether the code uses a name of a module, as `module.name` or imported from it."""
        if not self.has(module, name):
            return False
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and node.attr == name and ast.unparse(node.value) == module:
                return True
            if isinstance(node, ast.ImportFrom) and node.module in (module, f"{module}.{name}") and not node.level:
                return any(alias.name == name for alias in node.names)
        return False

    def has_text(self, text: str) -> bool:
        """Return whether a text stands in the code as a literal."""
        return self.has(text) and any(
            isinstance(node, ast.Constant) and node.value == text for node in ast.walk(self.tree)
        )


def read_sources(file: Path, folders: Sequence[Path] = ()) -> list[ScriptSource]:
    """Return the source of a script and those of its local modules, the script's first, the others sorted.

    `folders`: where Python searches for modules after the script's own folder. A module is as an import runs it,
    without what is below `if __name__ == "__main__"`. A module that cannot be read is passed over.

    Raises:
        OSError: the script cannot be read.
        SyntaxError: the script is not Python.
    """
    text = files.read(file, _LIMIT_BYTES)
    try:
        script = ScriptSource(file, text, ast.parse(text, filename=str(file)))
    except SyntaxError:
        raise
    except _UNREADABLE as error:
        raise SyntaxError(str(error)) from error
    with _without_collection():
        found = _with_modules(script, [file.parent, *folders])
    return [script, *(found[path] for path in sorted(found) if path != file)]


def digest(sources: Sequence[ScriptSource]) -> str:
    """Return a digest of a script and its modules that is the same wherever their folder lies."""
    folder = sources[0].path.parent
    named = {
        str(source.path.relative_to(folder) if source.path.is_relative_to(folder) else source.path): hashlib.sha256(
            source.text
        ).hexdigest()
        for source in sources
    }
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Collect no garbage meanwhile: all nodes of all trees would be looked at again and again, which takes longest."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _with_modules(script: ScriptSource, roots: Sequence[Path]) -> dict[Path, ScriptSource]:
    found = {script.path: script}
    waiting = [script]
    while waiting:
        current = waiting.pop()
        for path in _imported_files(current, roots):
            if path not in found and len(found) < _MOST and (source := _read_module(path)) is not None:
                found[path] = source
                waiting.append(source)
    return found


def _read_module(path: Path) -> ScriptSource | None:
    try:
        text = files.read(path, _LIMIT_BYTES)
        tree = ast.parse(text, filename=str(path))
    except (OSError, *_UNREADABLE):
        return None  # importing it will tell
    kept = [node for node in tree.body if not (isinstance(node, ast.If) and "__main__" in ast.unparse(node.test))]
    return ScriptSource(path, text, ast.Module(kept, []))


def _imported_files(source: ScriptSource, roots: Sequence[Path]) -> Iterator[Path]:
    """Yield the local files that a source imports, and those whose names stand in it, as in `open("settings.py")`."""
    for node in _statements(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module_files(roots, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            parents = source.path.parents
            within = roots if not node.level else [parents[min(node.level, len(parents)) - 1]]
            parts = node.module.split(".") if node.module else []
            yield from (folder / "__init__.py" for folder in within if node.level and _is_file(folder / "__init__.py"))
            for alias in node.names:
                yield from _module_files(within, [*parts, alias.name])
    for name in _FILE.findall(source.text):
        yield from (root / name.decode() for root in roots if _is_file(root / name.decode()))


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the statements of a source, at any depth."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, part, None)
            if isinstance(inner, list):
                waiting += inner


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
