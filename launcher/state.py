"""What a sweep leaves behind about itself: `sweep.json` (what was planned, where, with what) and `events.jsonl`.

Both are read again to continue a sweep, to report on it, and to say what it is doing. The records tell what experiments
measured; only here stands how the launcher saw an attempt end.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import importlib.metadata
import json
import os
import platform
import socket
import sys
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from launcher.errors import InputError
from launcher.history import History
from launcher.paths import Paths, write_atomic
from launcher.records import mend

FORMAT = 1
_PACKAGES = ("torch", "numpy", "pandas", "matplotlib", "sweep-launcher")


@dataclass(frozen=True)
class Planned:
    """One experiment as `sweep.json` has it."""

    name: str
    overrides: dict[str, Any]
    config: dict[str, Any]
    digest: str
    work: float | None = None


@dataclass(frozen=True)
class Document:
    """The content of `sweep.json`: what a later launcher, a report or a person needs to know about the sweep."""

    name: str
    job_file: str
    target: str
    seed: int
    metrics: list[str]
    maximize: list[str]
    experiments: list[Planned]
    launch: dict[str, Any] = field(default_factory=dict)  # host, pid, argv, versions, mode, slots, commit, attempts


def environment() -> dict[str, Any]:
    """Return where and with what this launch happens."""
    return {
        "at": now(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "cwd": os.getcwd(),
        "argv": sys.argv,
        "python": platform.python_version(),
        "system": platform.platform(),
        "versions": versions(),
    }


@cache
def versions() -> dict[str, str]:
    """Return the versions of the packages that matter to a result, without importing them."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def now() -> str:
    """Return the local time with its offset, to the second."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def write_document(paths: Paths, document: Document) -> None:
    """Write `sweep.json`, whole or not at all."""
    content = {"format": FORMAT} | document.__dict__ | {"experiments": [one.__dict__ for one in document.experiments]}
    write_atomic(paths.sweep, json.dumps(content, indent=1, default=str) + "\n")


def read_document(paths: Paths) -> Document | None:
    """Return the content of `sweep.json`, or None where there is none.

    Raises:
        InputError: the file is not one of ours.
    """
    try:
        content = json.loads(paths.sweep.read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise ValueError("written by another version of the launcher")
        experiments = [Planned(**one) for one in content.pop("experiments")]
        return Document(experiments=experiments, **content)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{paths.sweep} cannot be read: {error}.\n  If the folder holds nothing you need, move it away, run again."
        ) from error


class LineLog:
    """A file of JSON objects, a line each, appended to by the one launcher that holds the folder's lock."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        mend(self._fd)

    def write(self, content: dict[str, Any]) -> None:
        """Append a line, in one write.

        Raises:
            OSError: it could not be written; the file is as it was before.
        """
        line = json.dumps(content).encode() + b"\n"
        written = os.write(self._fd, line)
        if written != len(line):
            mend(self._fd)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Release the file."""
        os.close(self._fd)


class EventLog(LineLog):
    """`events.jsonl`: what happened, and when."""

    def append(self, event: str, **data: Any) -> None:
        """Write down that something happened.

        Raises:
            OSError: it could not be written.
        """
        self.write({"at": now(), "event": event} | data)


@dataclass(frozen=True)
class Seen:
    """The newest attempt of an experiment as the launcher saw it."""

    attempt: int
    device: str
    threads: int
    ending: str | None = None  # None: no launcher saw it end
    why: str = ""
    seconds: float = 0.0  # of this attempt and those it goes on from
    earlier: tuple[str, ...] = ()  # how those ended
    changed: dict[str, int] = field(default_factory=dict)  # what on_oom made other than asked


def read_events(path: Path) -> dict[str, Seen]:
    """Return the newest attempt of each experiment; lines that are torn or foreign are passed over."""
    seen: dict[str, Seen] = {}
    try:
        lines = path.read_bytes().split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            event = json.loads(line)
            name = event["experiment"]
            before = seen.get(name)
            if event["event"] == "started":
                fresh = Seen(event["attempt"], event["device"], event["threads"], changed=event.get("changed", {}))
                goes_on = before is not None and event["goes_on"]
                seen[name] = _going_on(fresh, before) if goes_on and before else fresh
            elif event["event"] == "ended" and before is not None and before.attempt == event["attempt"]:
                seconds = before.seconds + event["seconds"]
                seen[name] = replace(before, ending=event["ending"], why=event["why"], seconds=seconds)
    return seen


def _going_on(attempt: Seen, before: Seen) -> Seen:
    ended = f"attempt {before.attempt}: {before.ending or 'interrupted'}{f', {before.why}' if before.why else ''}"
    return replace(attempt, seconds=before.seconds, earlier=(*before.earlier, ended))


def last_ending(history: History, seen: Seen | None) -> str | None:
    """Return how the newest attempt ended: as a launcher saw it, else by the worker's last word, else interrupted.

    None if there was no attempt.
    """
    if history.start is None:
        return None
    if seen is not None and seen.attempt == history.attempt and seen.ending is not None:
        return seen.ending
    return str(history.end["ending"]) if history.end else "interrupted"
