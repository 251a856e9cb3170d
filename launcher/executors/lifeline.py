"""The end of processes that have left their worker's process group: the ranks of torchrun, above all.

A worker and its group die with the launcher by a pipe (`child_process.die_with_launcher`). torchrun gives each rank a
session of its own, so neither that pipe nor the death of the worker reaches it. Two things do:

    the launcher dies    `NamedLifeline`: a FIFO, whose write end the launcher alone holds. Each Python of the command
                         opens it by its name (`launcher/shim/sitecustomize.py`), and the kernel kills it at the end
                         of the last writer. Nobody has to be awake for this.
    the worker dies      `marked_processes`: the launcher looks for processes whose environment has the mark of the
                         attempt. Every script has a mark: a script that makes a daemon, or starts torchrun, would keep
                         its GPU.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import uuid
from dataclasses import replace
from pathlib import Path

from launcher.command.hooks import leaves_group
from launcher.worker.spec import Spec

MARK = "LAUNCHER_TOKEN"  # the variable that names the attempt
_PREFIX = "sweep-launcher-lifeline-"
_OLD_S = 60.0  # a lifeline that is older is not just being made


class NamedLifeline:
    """A FIFO that the launcher holds open. It is made when the first command needs it."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._fd = -1

    def marked(self, spec: Spec) -> Spec:
        """Return the description of an attempt with a mark of its own, if a script trains.

        A command whose processes are known to leave the group gets the name of the lifeline, too.
        """
        if spec.script is None:
            return spec
        added = {MARK: uuid.uuid4().hex}
        if leaves_group(spec.script.argv):
            added["LAUNCHER_LIFELINE"] = self._open()
        return replace(spec, environment=spec.environment | added)

    def close(self) -> None:
        """Let go of the lifeline. The kernel kills every process that still holds on to it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._folder is not None:
            with contextlib.suppress(OSError):
                (self._folder / "lifeline").unlink()
                self._folder.rmdir()
            self._folder = None

    def _open(self) -> str:
        """Make the FIFO if there is none, and return its path; an empty text where there can be none."""
        try:
            if self._folder is None:
                _remove_dead_ones()
                self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
                os.mkfifo(self._folder / "lifeline", 0o600)
                # Open for reading too: otherwise opening waits for a reader. The descriptor is not inherited.
                self._fd = os.open(self._folder / "lifeline", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # no room in the temporary folder: the mark has to do
            return ""
        return str(self._folder / "lifeline")


def _remove_dead_ones() -> None:
    """Remove the lifelines of launchers that were killed: those that nobody writes to."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/lifeline"):
        with contextlib.suppress(OSError):  # of another user, or removed meanwhile
            if time.time() - os.lstat(path).st_mtime < _OLD_S or not path.is_fifo():
                continue
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                is_dead = os.read(fd, 1) == b""
            except BlockingIOError:
                is_dead = False
            finally:
                os.close(fd)
            if is_dead:
                path.unlink()
                path.parent.rmdir()


def mark_of(spec: Spec) -> str:
    """Return the mark of an attempt; empty if it has none."""
    return spec.environment.get(MARK, "")
