"""A parallel sweep launcher: one worker process an experiment, each on its own device.

    import launcher

    summary = launcher.run(launcher.load("jobs/report.toml"), devices="1,2,3", parallel=True)

`load`, `plan`, `run` and `open` are described in `launcher.api`, what they return in `launcher.results`, the errors in
`launcher.errors`. Scripts use the names listed here, and `launcher.interpreter` to check the Python they run on.
Everything else may change.

In a training script, `launcher.current()` gives what the `run` of a training function gives: `launcher.current_run`.
The adapters to training libraries in `launcher.integrations` are for scripts too.

A name is looked up when it is first used, because worker processes and training scripts import this package too.
"""

from __future__ import annotations

TYPE_CHECKING = False  # the import of `typing` would take as long as all that a training script needs of this package
if TYPE_CHECKING:
    from typing import Any

    from launcher.api import load, open, plan, run
    from launcher.current_run.current import current
    from launcher.errors import InputError, InUseError, LauncherError, NoDeviceError, WriteError
    from launcher.planning.job import Sweep
    from launcher.results import Best, Results, Summary
    from launcher.store.history import read_history

__all__ = [
    "Best",
    "InUseError",
    "InputError",
    "LauncherError",
    "NoDeviceError",
    "Results",
    "Summary",
    "Sweep",
    "WriteError",
    "current",
    "load",
    "open",
    "plan",
    "read_history",
    "run",
]
__version__ = "0.1.0"

_MODULES = {
    "launcher.api": ("load", "open", "plan", "run"),
    "launcher.current_run.current": ("current",),
    "launcher.errors": ("InUseError", "InputError", "LauncherError", "NoDeviceError", "WriteError"),
    "launcher.planning.job": ("Sweep",),
    "launcher.results": ("Best", "Results", "Summary"),
    "launcher.store.history": ("read_history",),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(__import__(module, fromlist=[name]), name)  # no `importlib`, for the reason above
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> Any:
    return sorted({*globals(), *__all__})
