"""The checkpoints of an unfinished experiment: the newest two, each with a checksum, none ever half written.

A file begins with a line of JSON: experiment, configuration digest, step, and the sha256 and size of the state. The
state follows, as `payload` writes it. Reading it back can run no code. A file that is torn, altered, of another
configuration, or unreadable is passed over, and the checkpoint before it is used. The log and `passed_over` say so.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from launcher.store import payload, values
from launcher.store.files import MODE, open_to_read

KEPT = 2
_HEADER_BYTES = 1 << 16


def newest_bytes(folder: Path) -> int:
    """Return the size of the newest checkpoint in a folder; 0 if there is none."""
    for path in sorted(folder.glob("step-*.ckpt"), reverse=True):
        with contextlib.suppress(OSError):  # it was removed meanwhile
            return path.stat().st_size
    return 0


class BadCheckpoint(Exception):
    """A checkpoint file cannot be used; the message says why."""


class Checkpoints:
    """The checkpoint files of one experiment in one configuration."""

    def __init__(self, folder: Path, experiment: str, digest: str) -> None:
        self._folder = folder
        self._identity = {"experiment": experiment, "digest": digest}
        self._has_tried = False  # to read a state back after it was saved
        self.passed_over: dict[str, str] = {}  # by the last `load`: file name → why, newest first

    def files(self) -> list[Path]:
        """Return the checkpoint files, newest first."""
        return sorted(self._folder.glob("step-*.ckpt"), key=lambda path: (len(path.name), path.name), reverse=True)

    def has_any(self) -> bool:
        """Return whether there is a checkpoint of this configuration. Only `load` checks that it is sound."""
        for path in self.files():
            with contextlib.suppress(BadCheckpoint), _open(path) as file:
                header = _header(file)
                if {key: header.get(key) for key in self._identity} == self._identity:
                    return True
        return False

    def save(self, state: Mapping[str, Any], step: int) -> None:
        """Write the checkpoint of a step, and remove all others except the previous checkpoint.

        Checkpoints of later steps are removed too: they belong to a training that this attempt replaces. If they
        stayed, they would count as the newest.

        Raises:
            TypeError: the state holds something that cannot be read back; nothing was written.
            OSError: the checkpoint could not be written. Earlier checkpoints are intact, and no temporary file is left.
        """
        body = payload.dump(state, is_tried=not self._has_tried)
        self._has_tried = True
        data = body.getbuffer()
        header = self._identity | {"step": step, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"step-{step:012d}.ckpt"
        beside = path.with_suffix(".tmp")
        try:
            beside.unlink(missing_ok=True)  # left by a save that was killed; if it is a link, its target is not touched
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE), "wb") as file:
                file.write(json.dumps(header).encode() + b"\n")
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        _sync_folder(self._folder)
        files = self.files()
        place = files.index(path) if path in files else 0
        for old in files[:place] + files[place + KEPT :]:
            with contextlib.suppress(OSError):  # a file that stays costs room only: the new checkpoint is written
                old.unlink()

    def load(self) -> tuple[dict[str, Any], int] | None:
        """Return the state and step of the newest sound checkpoint; None if none is. `passed_over` names the others."""
        self.passed_over = {}
        for path in self.files():
            try:
                return self._read(path)
            except BadCheckpoint as error:
                self.passed_over[path.name] = str(error)
                with contextlib.suppress(Exception):  # the target may have closed stdout, or put anything there
                    print(f"checkpoint {path.name} passed over: {error}", flush=True)
        return None

    def _read(self, path: Path) -> tuple[dict[str, Any], int]:
        with _open(path) as file:
            header = _header(file)
            if (step := values.whole(header.get("step"))) is None:
                raise BadCheckpoint("it is not a checkpoint")
            if {key: header.get(key) for key in self._identity} != self._identity:
                raise BadCheckpoint("it belongs to another experiment or configuration")
            try:
                data = file.read()
            except (OSError, MemoryError) as error:
                raise BadCheckpoint(f"it cannot be read ({error or 'no memory'})") from error
        if header.get("sha256") != hashlib.sha256(data).hexdigest():
            raise BadCheckpoint("it is torn or altered (its checksum differs)")
        try:
            state = payload.load(data)
        except Exception as error:
            raise BadCheckpoint(f"it cannot be loaded ({_reason(error)})") from error
        if not isinstance(state, dict):
            raise BadCheckpoint("it holds no state")
        return state, step

    def clear(self) -> None:
        """Remove all checkpoints: the experiment is done, or starts anew."""
        if not os.path.isdir(self._folder):
            return
        for path in [*self.files(), *self._folder.glob("step-*.tmp")]:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # absent, or other files are in it
            self._folder.rmdir()
            self._folder.parent.rmdir()


def _open(path: Path) -> BinaryIO:
    """Open a checkpoint for reading.

    Raises:
        BadCheckpoint: it cannot be opened.
    """
    try:
        return os.fdopen(open_to_read(path), "rb")
    except OSError as error:
        raise BadCheckpoint(f"it cannot be read ({error.strerror})") from error


def _header(file: BinaryIO) -> dict[str, Any]:
    """Read the first line of a checkpoint.

    Raises:
        BadCheckpoint: it is not ours.
    """
    try:
        header = values.load_object(file.readline(_HEADER_BYTES))
    except OSError as error:
        raise BadCheckpoint(f"it cannot be read ({error.strerror})") from error
    if header is None:
        raise BadCheckpoint("it is not a checkpoint")
    return header


def _reason(error: Exception) -> str:
    """Return the kind of an error and the first line of its message, which torch makes long."""
    line = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def _sync_folder(folder: Path) -> None:
    """Make a rename in the folder survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
