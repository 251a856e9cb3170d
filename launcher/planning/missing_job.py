"""What is said of a job file that is not there: which job files are here, and how one is named."""

from __future__ import annotations

from pathlib import Path

from launcher.planning.defaults import JOB
from launcher.text import did_you_mean, inline, listed


def missing_job(file: Path) -> str:
    """Return the message that there is no such job file."""
    folders = {Path("jobs"), Path(), file.parent}
    nearby = sorted({str(path) for folder in folders for path in folder.glob("*.toml")} - {"pyproject.toml"})
    lines = [f"there is no job file {inline(str(file))}.{did_you_mean(str(file), nearby)}"]
    if nearby:
        lines.append(f"  Job files here: {inline(listed(nearby))}")
    if str(file) == JOB:
        lines.append(
            "  It is the default. Name another: status my.toml. After stop, retry, follow and verify: --job my.toml."
        )
    return "\n".join(lines)
