"""`current`: the run that this process belongs to. Scripts call it as `launcher.current()`."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` would take longer to import than all of this package
if TYPE_CHECKING:
    from launcher.current_run.protocol import CurrentRun

_run: CurrentRun | None = None


def current() -> CurrentRun:
    """Return the run that this script belongs to: the same object at each call.

    It has the members of the `run` that a training function is given: `log`, `total`, `info`, `save`, `load`,
    `should_save`, `should_stop`, `name`, `seed`, `attempt`, `device`, `outcome`. Where a `command` has started the
    script, it also has `dir`, the experiment's own folder. In a script that nobody launched, `log` prints, `load`
    returns None, and `should_stop` is False.
    """
    global _run
    if _run is None:
        if "LAUNCHER_DIR" in os.environ and "LAUNCHER_NAME" in os.environ:
            from launcher.current_run.script_run import ScriptRun

            _run = ScriptRun(os.environ)
        else:
            from launcher.current_run.print_run import PrintRun

            _run = PrintRun()
    return _run


def set_current(run: CurrentRun | None) -> None:
    """Let `current` return this run. The worker calls it with the run that it gives to a training function."""
    global _run
    _run = run


def is_launched() -> bool:
    """Return whether a launcher has started this script, or the worker that this process is."""
    return "LAUNCHER_DIR" in os.environ or _run is not None
