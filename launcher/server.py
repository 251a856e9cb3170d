"""The fork server that workers come from: when it starts, with what, and how it ends. multiprocessing's own.

It imports torch once, which takes a second; so it is started first of all, and imports while the launcher does. Imports
nothing but the standard library, and of that multiprocessing for a launch only: `plan` does without. Called by
`__main__`, by `process`, which starts workers, and by the command line.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tomllib
import types
from collections.abc import Iterator, Sequence
from pathlib import Path

DEFAULT_JOB = "jobs/report.toml"
PRELOAD = ("torch", "torch._dynamo")
_NO_LAUNCH = frozenset(
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


def preload(modules: Sequence[str]) -> None:
    """Set what the server of this process imports once, when it starts."""
    import multiprocessing.forkserver

    multiprocessing.forkserver.set_forkserver_preload([*modules, "launcher.served"])


def start(modules: Sequence[str]) -> None:
    """Start the server of this process with these modules, if it has none yet."""
    import multiprocessing.forkserver

    preload(modules)
    with undisturbed():
        multiprocessing.forkserver.ensure_running()


def start_early(arguments: Sequence[str]) -> None:
    """Start it for a launch, told from the command line and the job file as far as that takes no checking.

    Where they tell nothing, nothing is started, and `start` does it later. What is wrong with them is not said here.
    """
    is_completion = any(name.endswith("_COMPLETE") for name in os.environ)
    is_spawn = os.environ.get("LAUNCHER_START_METHOD") == "spawn"
    if is_completion or is_spawn or not _NO_LAUNCH.isdisjoint(arguments):
        return
    rest = arguments[1:] if arguments and arguments[0] == "run" else arguments
    if rest and not rest[0].startswith("-") and not rest[0].endswith(".toml"):
        return  # another command, or a job by another name
    default = os.environ.get("LAUNCHER_JOB", DEFAULT_JOB)
    job = next((one for one in rest if one.endswith(".toml") and "=" not in one), default)
    with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
        settings = tomllib.loads(Path(job).read_text(encoding="utf-8")).get("sweep", {})
        modules = settings.get("preload", PRELOAD)
        if "target" in settings and all(isinstance(module, str) for module in modules):
            start(modules)


def end() -> None:
    """Kill the server of this process: torch would take a third of a second to take leave, and we wait for it.

    For a process that is about to exit, with no worker alive.
    """
    server = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    pid = getattr(server, "_forkserver_pid", None)  # multiprocessing has no public word for it
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Keep three things of this process from the one that is started.

    Ctrl-C and the hang-up, which a terminal sends to all: blocked until the child has arranged for itself, and for good
    in the fork server, as it is the launcher's to decide whether the sweep goes on. And the main script, which
    multiprocessing would run again in every worker: a worker needs its target only.
    """
    import multiprocessing.resource_tracker

    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    multiprocessing.resource_tracker.ensure_running()  # here, as starting it would unblock Ctrl-C again
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        sys.modules["__main__"] = main
