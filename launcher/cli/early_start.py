"""Starts the fork server of a launch, or the driver of Ray, before anything else is imported.

The fork server imports torch, which takes a second. The launcher's own imports and checks take a third of a second. So
`__main__` calls `start_early` first, and both happen at once; `executors.local` takes the server when it needs one. A
launch on Ray has no fork server here; its driver, which imports Ray, takes a second likewise.

This module imports the standard library, `executors.forkserver` and two constants: each further import would delay the
server and with it the first worker.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from launcher.executors import forkserver
from launcher.planning import defaults

# A command line with one of these words starts no worker, or starts workers without a fork server.
_NO_SERVER = frozenset(
    {
        "--help",
        "--version",
        "--dry-run",
        "--start-method",
        "--start-method=spawn",
        "--install-completion",
        "--show-completion",
    }
)


def start_early(arguments: Sequence[str]) -> None:
    """Start the fork server, or Ray's driver, if the words of a command line look like those of a launch.

    The words and the job file are looked at, not checked. A wrong guess does no harm: without a server here, the launch
    starts one later; a server that nobody takes is ended by `end`. Errors in the job file are reported by
    whoever reads it next.
    """
    is_completion = any(name.endswith("_COMPLETE") for name in os.environ)
    is_spawn = os.environ.get("LAUNCHER_START_METHOD") == "spawn"
    if is_completion or is_spawn or not _NO_SERVER.isdisjoint(arguments):
        return
    rest = arguments[1:] if arguments and arguments[0] == "run" else arguments
    if rest and not rest[0].startswith("-") and not rest[0].endswith(".toml"):
        return  # another command, or a job file by another name
    default = os.environ.get("LAUNCHER_JOB", defaults.JOB)
    job = next((word for word in rest if word.endswith(".toml") and "=" not in word), default)
    with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
        tables = tomllib.loads(_read(Path(job)))
        settings = tables.get("sweep", {})
        if (cluster := _cluster(rest, tables)) == "ray":
            from launcher.clusters import ray_start  # not at the top: other launches need none of it

            ray_start.start_early()
        if cluster not in ("", "here"):
            return  # the workers run on other machines
        modules = defaults.modules_to_preload(
            tuple(settings.get("preload", defaults.PRELOAD)),
            has_command="command" in settings,
            is_inside=settings.get("inside", False),
            num_gpus=settings.get("gpus", 1),
        )
        if not settings.keys().isdisjoint({"target", "command"}) and all(isinstance(module, str) for module in modules):
            forkserver.start(modules)


def end() -> None:
    """End what `start_early` has started, if nobody has taken it."""
    forkserver.end()
    if "launcher.clusters.ray_start" in sys.modules:
        from launcher.clusters import ray_start

        ray_start.end()


def _cluster(words: Sequence[str], tables: Mapping[str, Any]) -> str:
    """Return on which cluster the workers run; empty or "here": on this machine."""
    named = [word.partition("=")[2] for word in words if word.startswith("--on=")]
    named += [value for word, value in itertools.pairwise(words) if word == "--on"]
    return named[-1] if named else os.environ.get("LAUNCHER_ON") or str(tables.get("cluster", {}).get("on", ""))


def _read(job: Path) -> str:
    """Return the text of a job file; none where the job is a pipe, whose text can be read only once."""
    return job.read_text(encoding="utf-8-sig") if job.is_file() else ""
