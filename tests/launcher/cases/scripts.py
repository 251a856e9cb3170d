"""Jobs whose target is a script written in the test, and what came of it. For the tests of a worker as a process."""

from __future__ import annotations

import textwrap

from tests.launcher.conftest import Result, Workplace

HEAD = """
import atexit, multiprocessing, os, signal, subprocess, sys, threading, time
from pathlib import Path
"""


def write(place: Workplace, source: str, *names: str, **settings: object) -> None:
    """Write a target and a job of it; the experiments find their name in `config["name"]`."""
    (place.folder / "script.py").write_text(HEAD + textwrap.dedent(source))
    rows = {"target": "script:run", "preload": [], "metrics": []} | settings
    table = [f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in rows.items()]
    experiments = [f"{name} = {{ name = '{name}' }}" for name in names or ("a",)]
    place.job("\n".join(["[sweep]", *table, "[experiments]", *experiments, ""]))


def launch(place: Workplace, source: str, *names: str, options: tuple[str, ...] = (), **settings: object) -> Result:
    write(place, source, *names, **settings)
    return place.launch("job.toml", "--devices", "cpu", *options)


def why(place: Workplace, name: str = "a") -> str:
    """Return what an experiment's last record says went wrong."""
    end = place.history(name).end
    assert end is not None, f"{name} had no last word"
    return str(end.get("error", ""))
