"""What a shell offers at the Tab key: job files, experiments, keys. Quick, and silent whatever is wrong.

A shell runs the program anew at each Tab, so only tomllib looks into the job file, and nothing is checked: a name that
could not be an experiment's is left out, so that nothing acts on the terminal.
"""

from __future__ import annotations

import glob
import tomllib
from pathlib import Path
from typing import Any

import typer

from launcher.server import DEFAULT_JOB

FALLBACK_JOB = Path(DEFAULT_JOB)


def job_files(incomplete: str) -> list[str]:
    """Return the job files whose path begins so: here, in jobs/, and in the folder that is named already."""
    found = {*glob.glob(f"{glob.escape(incomplete)}*.toml"), *glob.glob("jobs/*.toml")} - {"pyproject.toml"}
    return sorted(path for path in found if path.startswith(incomplete) and path.isprintable())


def experiments_of(job: Path) -> list[str]:
    """Return the names of a job file's experiments, in its order; none if it cannot be read."""
    return [name for name in _table(job, "experiments") if name.isprintable() and " " not in name]


def complete_job(incomplete: str) -> list[str]:
    """Offer job files."""
    return job_files(incomplete)


def complete_experiment(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the experiments of the job that the line names, also after a comma."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in experiments_of(_job(ctx)) if name.startswith(last)]


def complete_key(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the keys that the job file sets, each with its equals sign."""
    job = _job(ctx)
    own = [key for table in _table(job, "experiments").values() if isinstance(table, dict) for key in table]
    keys = [key for key in dict.fromkeys([*_table(job, "config"), *own]) if key.isprintable() and " " not in key]
    return [f"{key}=" for key in keys if key.startswith(incomplete)]


def _job(ctx: typer.Context) -> Path:
    # An option whose value is being completed ends the parsing: the words before it are left over.
    named = [word for word in ctx.args if word.endswith(".toml")]
    return Path(named[0] if named else ctx.params.get("job") or FALLBACK_JOB)


def _table(job: Path, name: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(job.read_text(encoding="utf-8")).get(name, {})
    except (OSError, ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}
