"""Makes the settings of one table of a job file, and tells what is wrong with it, each with its line."""

from __future__ import annotations

from typing import Any

from launcher.config import validation
from launcher.planning.source_lines import SourceLines
from launcher.text import inline


def check_settings(cls: type, table: str, given: dict[str, Any], lines: SourceLines) -> tuple[Any, list[str]]:
    """Return the settings of a class that a table gives, and its problems. None: they are wrong.

    `table`: its name, such as "sweep".
    """
    settings, errors = validation.check(cls, given)
    problems = []
    for error in errors:
        named = f"{table}.{inline(error.key)} " if error.key else f"[{table}] "
        message = error.message.replace(f"{cls.__module__}.{cls.__qualname__}", f"the [{table}] table")
        problems.append(f"{lines.where(table, *error.path)}{named}{message}")
    return settings, problems
