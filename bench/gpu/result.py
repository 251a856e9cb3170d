"""The results of the checks: rows of a table, printed as text or Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEADING = ("check", "result", "figure")
OK, FAILED, SKIPPED, MEASURED = "ok", "FAILED", "skipped", "measured"


@dataclass(frozen=True)
class Result:
    """A row of the table."""

    check: str
    result: str  # OK, FAILED, SKIPPED or MEASURED
    figure: str = ""


def ok_if(condition: object, check: str, figure: str = "") -> Result:
    """Return the row of a check: OK if `condition` holds, else FAILED."""
    return Result(check, OK if condition else FAILED, figure)


def as_text(results: Sequence[Result]) -> str:
    """Return the rows as aligned columns."""
    rows = [HEADING, *((row.check, row.result, row.figure) for row in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}".rstrip() for row in rows)


def as_markdown(results: Sequence[Result]) -> str:
    """Return the rows as a Markdown table."""
    rows = [HEADING, ("---",) * 3, *((row.check, row.result, row.figure) for row in results)]
    return "\n".join(f"| {' | '.join(' '.join(cell.replace('|', '/').split()) for cell in row)} |" for row in rows)
