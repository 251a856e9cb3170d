"""The words that a shell offers at the Tab key: job files, experiments, keys.

A shell runs the program anew at each Tab, so this must be quick: the job file is read by tomllib and not checked. It
must also be silent: where something is wrong, nothing is offered.

The job file may be a stranger's, and in zsh the script that typer makes passes the offered words to `eval`: a name such
as `$(id)` would run. So no word that is offered has a character on which a shell acts. Names of experiments follow the
rule for names, keys are identifiers with dots, and paths have letters, digits and `. / _ = + -`.
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
_WORDS = re.compile(r"[\w./=+,-]*")  # the words before the last comma, as they were typed


def job_files(incomplete: str) -> list[str]:
    """Return the job files whose paths begin with a word: here, in jobs/, and in the folder that the word names."""
    found = {*glob.glob(f"{glob.escape(incomplete)}*.toml"), *glob.glob("jobs/*.toml")} - {"pyproject.toml"}
    return sorted(path for path in found if path.startswith(incomplete) and _PATH.fullmatch(path))


def experiments_of(job: Path) -> list[str]:
    """Return the names of a job file's experiments, in its order. A file that cannot be read has none."""
    return [name for name in _table(job, "experiments") if is_name(name)]


def complete_job(incomplete: str) -> list[str]:
    """Offer job files."""
    return job_files(incomplete)


def complete_experiment(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the experiments of the job that the line names, after a comma too."""
    before, comma, last = incomplete.rpartition(",")
    if not _WORDS.fullmatch(before):
        return []
    return [f"{before}{comma}{name}" for name in experiments_of(_job(ctx)) if name.startswith(last)]


def complete_key(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the keys that the job file sets, each with its equals sign."""
    return [f"{key}=" for key in _keys(_job(ctx)) if key.startswith(incomplete)]


def complete_group(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer what experiments can be grouped by: the axes of the grid, the keys that the job file sets, and the seed."""
    job = _job(ctx)
    keys = dict.fromkeys(["seed", "configuration", *_table(job, "grid"), *_keys(job)])
    return [key for key in keys if _KEY.fullmatch(key) and key.startswith(incomplete)]


def _keys(job: Path) -> list[str]:
    """Return the keys that a job file sets."""
    experiments = _table(job, "experiments").values()
    tables = [_table(job, "config"), *(overrides for overrides in experiments if isinstance(overrides, dict))]
    keys = dict.fromkeys(dotted(path) for table in tables for path, _ in leaves(table))
    return [key for key in keys if _KEY.fullmatch(key)]


def _job(ctx: typer.Context) -> Path:
    # Parsing ends at the option whose value is being completed, and leaves the words before it in `args`.
    named = [word for word in ctx.args if word.endswith(".toml")]
    return Path(named[0] if named else ctx.params.get("job") or FALLBACK_JOB)


def _table(job: Path, name: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(read(job.resolve(), _LIMIT_BYTES).decode("utf-8-sig")).get(name, {})
    except (OSError, ValueError, RuntimeError):  # RuntimeError: a loop of links, or tables nested too deeply
        return {}
    return table if isinstance(table, dict) else {}
