"""What a shell offers at the Tab key: job files, experiments, keys. Quick, and silent whatever is wrong.

A shell runs the program anew at each Tab, so only tomllib looks into the job file, and nothing is checked.

The job file may be a stranger's, and zsh evaluates what it is offered, as the script that typer makes for it does with
`eval`: a name such as `$(id)` would run. So what is offered has none of the characters that a shell acts on: names of
experiments by their rule, keys that are identifiers with dots, paths of letters, digits and `. / _ = + -`.
"""

from __future__ import annotations

import glob
import re
import tomllib
from pathlib import Path
from typing import Any

import typer

from launcher.config.nested import dotted, leaves
from launcher.planning import defaults
from launcher.store.files import read
from launcher.store.names import is_name

FALLBACK_JOB = Path(defaults.JOB)
_LIMIT_BYTES = 16 << 20
_PATH = re.compile(r"[\w./][\w./=+-]*")
_KEY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_WORDS = re.compile(r"[\w./=+,-]*")  # those before the last comma, as they were typed


def job_files(incomplete: str) -> list[str]:
    """Return the job files whose path begins so: here, in jobs/, and in the folder that is named already."""
    found = {*glob.glob(f"{glob.escape(incomplete)}*.toml"), *glob.glob("jobs/*.toml")} - {"pyproject.toml"}
    return sorted(path for path in found if path.startswith(incomplete) and _PATH.fullmatch(path))


def experiments_of(job: Path) -> list[str]:
    """Return the names of a job file's experiments, in its order; none if it cannot be read."""
    return [name for name in _table(job, "experiments") if is_name(name)]


def complete_job(incomplete: str) -> list[str]:
    """Offer job files."""
    return job_files(incomplete)


def complete_experiment(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the experiments of the job that the line names, also after a comma."""
    before, comma, last = incomplete.rpartition(",")
    if not _WORDS.fullmatch(before):
        return []
    return [f"{before}{comma}{name}" for name in experiments_of(_job(ctx)) if name.startswith(last)]


def complete_key(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the keys that the job file sets, each with its equals sign."""
    job = _job(ctx)
    tables = [_table(job, "config"), *(one for one in _table(job, "experiments").values() if isinstance(one, dict))]
    keys = [
        key for key in dict.fromkeys(dotted(path) for one in tables for path, _ in leaves(one)) if _KEY.fullmatch(key)
    ]
    return [f"{key}=" for key in keys if key.startswith(incomplete)]


def _job(ctx: typer.Context) -> Path:
    # An option whose value is being completed ends the parsing: the words before it are left over.
    named = [word for word in ctx.args if word.endswith(".toml")]
    return Path(named[0] if named else ctx.params.get("job") or FALLBACK_JOB)


def _table(job: Path, name: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(read(job.resolve(), _LIMIT_BYTES).decode("utf-8-sig")).get(name, {})
    except (OSError, ValueError, RuntimeError):  # RuntimeError: a loop of links, or tables in tables without end
        return {}
    return table if isinstance(table, dict) else {}
