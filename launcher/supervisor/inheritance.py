"""What an attempt takes over from the attempts before it: whole lines of their records, and their checkpoints.

The files before belong to an attempt that may live on: on a node that the cluster has lost, it writes as before. So
nothing of its files is changed, and nothing that it writes later is seen. Folders are listed: a network client may
remember for a minute that a name did not exist.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from launcher.store.files import CHUNK_BYTES, create_beside, open_to_read
from launcher.store.paths import Paths

_CHECKPOINT = "step-"
_STALE_S = 70.0  # for which a network client may remember names by default (nfs(5): acdirmax)


def copy_lines(paths: Paths, attempts: Iterable[int], path_of: Callable[[Paths], Path]) -> bool:
    """Make the file of an attempt from the whole lines of the newest file before it. Return whether there is one.

    `paths`: with the own files of the attempt. `attempts`: the numbers of those that were claimed before.
    `path_of`: returns the file, as `lambda paths: paths.records("a")`.

    Raises:
        OSError: a file cannot be read, or the copy cannot be written.
    """
    target = path_of(paths)
    target.parent.mkdir(parents=True, exist_ok=True)
    fd, beside = create_beside(target)  # before the listing, which is then asked of the server again
    try:
        with os.fdopen(fd, "wb") as copy:
            names = set(os.listdir(target.parent))
            _remove_left(target.parent, names - {beside.name}, target)
            for number in (*sorted(attempts, reverse=True), 0):
                source = path_of(paths.of_attempt(number))
                if source.name in names and source != target:
                    size = _copy(source, copy.fileno())
                    break
            else:
                size = 0
            copy.flush()
            os.fsync(copy.fileno())
        if size:
            os.rename(beside, target)
            return True
        return False
    finally:
        beside.unlink(missing_ok=True)


def _remove_left(folder: Path, names: Iterable[str], target: Path) -> None:
    """Remove what a supervisor has left that was killed while it did the same for an attempt before."""
    prefix = f".{target.name.partition('@')[0]}@"
    for name in names:
        if name.startswith(prefix) and name.endswith(".tmp"):
            with contextlib.suppress(OSError):
                path = folder / name
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _copy(source: Path, target: int) -> int:
    """Copy the lines of a file that have an end. Return how many bytes these are."""
    fd = _open(source)
    copied = whole = 0
    try:
        while piece := os.pread(fd, CHUNK_BYTES, copied):
            if b"\n" in piece:
                whole = copied + piece.rindex(b"\n") + 1
            _write_all(target, piece)
            copied += len(piece)
    finally:
        os.close(fd)
    os.ftruncate(target, whole)
    return whole


def _open(listed: Path) -> int:
    """Open a file that a listing has shown. This machine may remember for a minute that it did not exist."""
    deadline_s = time.monotonic() + _STALE_S
    while True:
        try:
            return open_to_read(listed)
        except FileNotFoundError:
            if time.monotonic() >= deadline_s:
                raise
            time.sleep(1.0)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def link_checkpoints(paths: Paths, experiment: str, attempts: Iterable[int]) -> None:
    """Give an attempt the checkpoints of the newest attempt before it that has any. The arguments are as above.

    Raises:
        OSError: a folder cannot be read, or a checkpoint be neither linked nor copied.
    """
    target = paths.checkpoints(experiment)
    with contextlib.suppress(FileNotFoundError):
        folders = set(os.listdir(target.parent))
        _remove_left(target.parent, folders, target)
        if target.name in folders:
            return
        for number in (*sorted(attempts, reverse=True), 0):
            source = paths.of_attempt(number).checkpoints(experiment)
            if source.name in folders and (found := _checkpoints(source)):
                _take(found, target)
                return


def _checkpoints(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in sorted(os.listdir(folder)) if name.endswith(".ckpt")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _take(found: Iterable[Path], target: Path) -> None:
    """Link checkpoints into a folder, which has its name when it has them all."""
    beside = target.with_name(f".{target.name}.{os.urandom(6).hex()}.tmp")
    beside.mkdir()
    try:
        for path in found:
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile, after a newer checkpoint
                _link(path, beside / path.name)
        beside.rename(target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _link(path: Path, target: Path) -> None:
    """Give a file another name; copy it where that is refused. A checkpoint is never changed, only replaced."""
    try:
        os.link(path, target, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:
        fd = open_to_read(path)
        with os.fdopen(fd, "rb") as source, open(target, "xb") as copy:
            shutil.copyfileobj(source, copy, CHUNK_BYTES)


def newest_checkpoint(paths: Paths, experiment: str) -> int:
    """Return the step of the newest checkpoint of an attempt; -1 if it has none, or they cannot be listed."""
    steps = [path.name.removeprefix(_CHECKPOINT).removesuffix(".ckpt") for path in _listed(paths, experiment)]
    return max((int(step) for step in steps if step.isascii() and step.isdigit()), default=-1)


def _listed(paths: Paths, experiment: str) -> list[Path]:
    try:
        return _checkpoints(paths.checkpoints(experiment))
    except OSError:
        return []
