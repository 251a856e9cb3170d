"""What a part of the proof found: rows of one table, as text, JSON and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEADING = ("check", "result", "figure")
OK, FAILED, SKIPPED, MEASURED = "ok", "FAILED", "skipped", "measured"


@dataclass(frozen=True)
class Result:
    """One row."""

    check: str
    result: str  # OK, FAILED, SKIPPED or MEASURED
    figure: str = ""


def ok_if(condition: object, check: str, figure: str = "") -> Result:
    """Return the row of a check that holds or does not."""
    return Result(check, OK if condition else FAILED, figure)


def as_text(results: Sequence[Result]) -> str:
    """Return the rows as aligned columns."""
    rows = [HEADING, *((one.check, one.result, one.figure) for one in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}".rstrip() for row in rows)


def as_markdown(results: Sequence[Result]) -> str:
    """Return the rows as a Markdown table."""
    rows = [HEADING, ("---",) * 3, *((one.check, one.result, one.figure) for one in results)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)
