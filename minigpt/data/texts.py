"""The texts that training data are made from: Python's own documentation, or files of the user's.

Each function returns a list of texts; each text becomes one sequence. Tokenizing and writing them is `primary_file`.
"""

import ast
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from minigpt.errors import DataError

# Folders below the standard library that are not a part of it: installed packages, and tests, some broken on purpose.
_NOT_LIBRARY = frozenset({"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"})


def topics() -> list[str]:
    """Return the reference documentation that comes with Python: a text for each topic, sorted by the topic's name.

    Raises:
        DataError: this Python was installed without its documentation.
    """
    try:
        from pydoc_data.topics import topics as by_name
    except ImportError as error:
        raise DataError(
            "this Python has no pydoc_data.topics, the default text: "
            "name your own with `python -m minigpt.data --text FILE`"
        ) from error
    return [by_name[name] for name in sorted(by_name)]


def files(paths: Sequence[Path]) -> list[str]:
    """Return the text of each file, in the order given.

    Raises:
        DataError: a file is missing, unreadable, empty or not UTF-8.
    """
    return [_read(path) for path in paths]


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the name after --text") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text (byte {error.start}): convert it, as with `iconv -f latin1 -t utf-8`"
        ) from error
    if not text.strip():
        raise DataError(f"{path} is empty: name a file with text in it")
    return text


def stdlib_docstrings() -> list[str]:
    """Return the docstrings of the standard library: a text for each module, sorted by path.

    The sources are parsed and never imported, because importing some modules has side effects.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    sources = (path for path in root.rglob("*.py") if not _NOT_LIBRARY.intersection(path.relative_to(root).parts))
    texts = ("\n\n".join(_docstrings(path)) for path in sorted(sources))
    return [text for text in texts if text]


def _docstrings(path: Path) -> Iterator[str]:
    """Yield the docstrings of one source file: the module's first, then those of its classes and functions."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about invalid escapes in those sources
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):  # no module: a template, for example
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield docstring
