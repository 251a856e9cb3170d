"""What another shell asks a running launcher: small JSON files in `outcome/requests/`, taken by the launcher's tick.

    stop, retry ─▶ send ─▶ outcome/requests/<id>.json ─▶ Inbox.take ─▶ engine/control ─▶ events.jsonl ─▶ the shell

There is no socket and no daemon, so a request works over a shared file system too. A request is written to another
name and renamed, so the launcher never sees half a request. The launcher honours only files of its own user. A file
that is not a request is named in a message once and moved aside. `engine/control.py` decides what becomes of a request.
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
    """One request. Without experiments, `stop` is about all of them and `retry` about all that have failed."""

    id: str
    ask: Ask
    experiments: tuple[str, ...] = ()
    force: bool = False  # kill at once
    pid: int = 0  # of the process that asks


def make_request(ask: Ask, experiments: tuple[str, ...], *, force: bool = False) -> Request:
    """Return a request of this process, with an id of its own. Sorted ids are in the order of time."""
    return Request(f"{time.time_ns()}-{os.getpid()}", ask, experiments, force, os.getpid())


def send(folder: Path, request: Request) -> Path:
    """Write a request for the launcher and return its file. The launcher removes the file when it takes the request.

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
    """Remove the requests to an earlier launch. The caller holds the folder's lock and takes no requests yet."""
    for name in _names(folder):
        if name.endswith((".json", ".tmp", _REFUSED)):
            with contextlib.suppress(OSError):  # another user's; it is not honoured either
                (folder / name).unlink()


def _names(folder: Path) -> list[str]:
    """Return the names in a folder; none if the folder is a symbolic link, because its files are not ours to remove."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # there is no such folder before the first request
        return []
    try:
        return os.listdir(fd)
    except OSError:
        return []
    finally:
        os.close(fd)


class Inbox:
    """The launcher's end: takes the requests that other shells have written."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        self._folder = folder
        self._warn = warn
        self._named: set[str] = set()  # files that are no requests and could not be moved aside

    def take(self) -> list[Request]:
        """Return the requests that have come, the oldest first, and remove their files. This costs one listing."""
        waiting = [name for name in _names(self._folder) if not name.startswith(".") and not name.endswith(_REFUSED)]
        requests = [self._take(name) for name in sorted(waiting) if name not in self._named]
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
        self._named.add(path.name)
        with contextlib.suppress(OSError):
            if path.lstat().st_uid == os.geteuid():
                path.rename(path.with_name(path.name + _REFUSED))
                self._named.discard(path.name)
        self._warn(f"{inline(str(path))} is not a request this launcher honours: {inline(why)}. Set aside.")


def _read(path: Path) -> bytes:
    """Return the content of a request file. A pipe or a link in its place is refused, not waited for."""
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
