"""What another shell asks a running launcher: small JSON files in `outcome/requests/`, taken by the launcher's tick.

    stop, retry ─▶ send ─▶ outcome/requests/<id>.json ─▶ Inbox.take ─▶ steering ─▶ events.jsonl ─▶ who asked

No socket and no daemon: it works for whoever may write the folder, over a shared file system too. A request is written
beside and renamed, so none is ever half there. Only files of the launcher's own user are honoured. What is no request
is told once and set aside; it never ends a launch. What becomes of a request is `steering`'s part.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from launcher.store import values
from launcher.store.files import OddFile, open_to_read
from launcher.store.paths import write_atomic
from launcher.text import inline

Ask = Literal["stop", "retry"]
_NAME = re.compile(r"\d{1,20}-\d{1,10}\.json")
_REFUSED = ".refused"
_LIMIT_BYTES = 4 << 20  # ten thousand names of a hundred characters, and some


@dataclass(frozen=True)
class Request:
    """One request; without experiments it is about all of them (stop), or all that have failed (retry)."""

    id: str
    ask: Ask
    experiments: tuple[str, ...] = ()
    force: bool = False  # kill at once
    pid: int = 0  # who asks


def make_request(ask: Ask, experiments: tuple[str, ...], *, force: bool = False) -> Request:
    """Return a request of this process, with an id that no other has; ids sort in the order of asking."""
    return Request(f"{time.time_ns()}-{os.getpid()}", ask, experiments, force, os.getpid())


def send(folder: Path, request: Request) -> Path:
    """Put a request where the launcher looks, and return its file, which is gone when the launcher has taken it.

    Raises:
        OSError: it could not be written.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
    if folder.is_symlink():
        raise OddFile(errno.EINVAL, "it is a symbolic link, not a folder", str(folder))
    path = folder / f"{request.id}.json"
    write_atomic(path, json.dumps(asdict(request)) + "\n")
    return path


def clear(folder: Path) -> None:
    """Remove what was asked of an earlier launch; call with the folder's lock held, before anything can be asked."""
    for name in _names(folder):
        if name.endswith((".json", ".tmp", _REFUSED)):
            with contextlib.suppress(OSError):  # another user's; it is not honoured either
                (folder / name).unlink()


def _names(folder: Path) -> list[str]:
    """Return what lies in a folder; nothing where a link stands in its place: what is there is not ours to remove."""
    try:
        return [] if folder.is_symlink() else os.listdir(folder)
    except OSError:  # there is no such folder before the first request
        return []


class Inbox:
    """The launcher's end."""

    def __init__(self, folder: Path, complain: Callable[[str], None]) -> None:
        self._folder = folder
        self._complain = complain
        self._told: set[str] = set()  # names of files that are no requests and could not be moved aside

    def take(self) -> list[Request]:
        """Take the requests that have come, the oldest first. Where there are none this costs one listing."""
        waiting = [name for name in _names(self._folder) if not name.startswith(".") and not name.endswith(_REFUSED)]
        requests = [self._take(name) for name in sorted(waiting) if name not in self._told]
        return [request for request in requests if request is not None]

    def _take(self, name: str) -> Request | None:
        path = self._folder / name
        try:
            if not _NAME.fullmatch(name):
                raise ValueError("its name is not that of a request")
            request = _parse(_read(path))
            if name != f"{request.id}.json":
                raise ValueError("it has the id of another")
            path.unlink()  # first: what cannot be removed must not be carried out again at every tick
            return request
        except FileNotFoundError:  # withdrawn while we looked
            return None
        except (OSError, ValueError) as error:
            self._set_aside(path, str((isinstance(error, OSError) and error.strerror) or error))
            return None

    def _set_aside(self, path: Path, why: str) -> None:
        self._told.add(path.name)
        with contextlib.suppress(OSError):
            if path.lstat().st_uid == os.geteuid():
                path.rename(path.with_name(path.name + _REFUSED))
                self._told.discard(path.name)
        self._complain(f"{inline(str(path))} is not a request this launcher honours: {inline(why)}. Set aside.")


def _read(path: Path) -> bytes:
    """Return what a request file holds, however odd a thing lies there; a pipe or a link does not hold us up."""
    fd = open_to_read(path)
    try:
        about = os.fstat(fd)
        if about.st_uid != os.geteuid():
            raise ValueError(f"it belongs to the user with uid {about.st_uid}, not to the launcher's")
        if about.st_size > _LIMIT_BYTES:
            raise ValueError(f"it has {about.st_size} bytes")
        return os.read(fd, _LIMIT_BYTES)
    finally:
        os.close(fd)


def _parse(data: bytes) -> Request:
    content = values.load(data)
    match content:
        case {"id": str(id), "ask": "stop" | "retry" as ask, "experiments": list(names), "force": bool(force)} if all(
            isinstance(name, str) for name in names
        ):
            return Request(id, ask, tuple(names), force, values.whole(content.get("pid")) or 0)
    raise ValueError("it lacks id, ask (stop or retry), experiments or force")
