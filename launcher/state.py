"""What a sweep leaves behind about itself: `sweep.json` (what was planned, where, with what) and `events.jsonl`.

Both are read again to continue a sweep, to report on it, and to say what it is doing. The records tell what experiments
measured; only here stands how the launcher saw an attempt end.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher.errors import InputError
from launcher.paths import Paths, write_atomic
from launcher.records import History

FORMAT = 1
_PACKAGES = ("torch", "numpy", "pandas", "matplotlib", "sweep-launcher")


@dataclass(frozen=True)
class Planned:
    """One experiment as `sweep.json` has it."""

    name: str
    overrides: dict[str, Any]
    config: dict[str, Any]
    digest: str


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
    launch: dict[str, Any] = field(default_factory=dict)  # host, pid, argv, versions, devices, threads, mode


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
    write_atomic(paths.sweep, json.dumps(content, indent=1) + "\n")


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


class EventLog:
    """`events.jsonl`, appended to by the one launcher that holds the folder's lock; a line is one write."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def append(self, event: str, **data: Any) -> None:
        """Write down that something happened.

        Raises:
            OSError: it could not be written.
        """
        os.write(self._fd, json.dumps({"at": now(), "event": event} | data).encode() + b"\n")

    def close(self) -> None:
        """Release the file."""
        os.close(self._fd)


@dataclass(frozen=True)
class Seen:
    """The newest attempt of an experiment as the launcher saw it."""

    attempt: int
    device: str
    threads: int
    ending: str | None = None  # None: no launcher saw it end
    why: str = ""
    seconds: float = 0.0  # of this attempt and those it goes on from


def read_events(path: Path) -> dict[str, Seen]:
    """Return the newest attempt of each experiment; lines that are torn or foreign are passed over."""
    seen: dict[str, Seen] = {}
    try:
        lines = path.read_bytes().split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    for line in lines:
        try:
            event = json.loads(line)
            name = event["experiment"]
            if event["event"] == "started":
                before_s = seen[name].seconds if name in seen and event["attempt"] > 1 else 0.0
                seen[name] = Seen(event["attempt"], event["device"], event["threads"], seconds=before_s)
            elif event["event"] == "ended" and name in seen:
                was = seen[name]
                seen[name] = Seen(was.attempt, was.device, was.threads, event["ending"], event["why"], event["seconds"])
        except (ValueError, KeyError, TypeError):
            continue
    return seen


def last_ending(history: History, seen: Seen | None) -> str | None:
    """Return how the newest attempt ended: as a launcher saw it, else by the worker's last word, else interrupted.

    None if there was no attempt.
    """
    if history.start is None:
        return None
    if seen is not None and seen.attempt == history.attempt and seen.ending is not None:
        return seen.ending
    return str(history.end["ending"]) if history.end else "interrupted"
