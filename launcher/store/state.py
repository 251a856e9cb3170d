"""What a sweep leaves behind about itself: `sweep.json` (what was planned, where, with what) and `events.jsonl`.

Both are read again to continue a sweep, to report on it, and to say what it is doing. The records tell what experiments
measured; only here stands how the launcher saw an attempt end.
"""

from __future__ import annotations

import datetime
import errno
import importlib.metadata
import json
import os
import platform
import socket
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from launcher.config import redact
from launcher.config.identity import Before
from launcher.errors import InputError
from launcher.store import values
from launcher.store.ending import EndingKind
from launcher.store.events import read_event_lines
from launcher.store.files import open_to_append, read
from launcher.store.history import History
from launcher.store.locks import Holder
from launcher.store.names import NAME_RULE, is_metric, is_name
from launcher.store.paths import Paths, write_atomic
from launcher.store.records import truncate_torn_line
from launcher.store.values import Fields

FORMAT = 1
_LAUNCH_KEYS: dict[type, tuple[str, ...]] = {
    str: ("at", "host", "cwd", "python", "system", "mode", "start_method", "commit"),
    int: ("pid",),
    list: ("argv", "slots"),
    dict: ("versions", "set", "attempts", "origin"),
}
_PACKAGES = ("torch", "numpy", "pandas", "matplotlib", "sweep-launcher")


@dataclass(frozen=True)
class ManifestExperiment:
    """One experiment as `sweep.json` has it."""

    name: str
    overrides: dict[str, Any]
    config: dict[str, Any]
    digest: str
    work: float | None = None
    inputs: dict[str, str] = field(default_factory=dict)  # path → sha256 of the files the result depends on
    content: str | None = None  # the digest of the configuration below; `digest` may be that of an earlier launch
    at_default: list[str] | None = None  # fields that have their class's default, as dotted keys
    left_out: list[str] | None = None  # fields that do not count

    @property
    def before(self) -> Before:
        """What tells whether an experiment has changed since."""
        return Before(self.config, self.digest, self.content, self.at_default, self.left_out)


@dataclass(frozen=True)
class Manifest:
    """The content of `sweep.json`: what a later launcher, a report or a person needs to know about the sweep."""

    name: str
    job_file: str
    target: str
    seed: int
    metrics: list[str]
    maximize: list[str]
    experiments: list[ManifestExperiment]
    launch: dict[str, Any] = field(default_factory=dict)  # host, pid, argv, versions, mode, slots, commit, attempts
    former: list[ManifestExperiment] = field(default_factory=list)  # no longer in the job, and may come back


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


def write_document(paths: Paths, document: Manifest) -> None:
    """Write `sweep.json`, whole or not at all."""
    write_atomic(paths.sweep, document_text(document))


def is_written(document: Manifest, before: Manifest) -> bool:
    """Say whether a document that was read is what this one would be read as; NaN is the same as NaN."""
    return repr(_document(values.load(document_text(document).encode()))) == repr(before)


def document_text(document: Manifest) -> str:
    """Return the content of `sweep.json`, without secrets."""
    experiments, former = (
        [_without_secrets(one).__dict__ for one in planned] for planned in (document.experiments, document.former)
    )
    launch = _launch_without_secrets(document.launch)
    hidden = {"experiments": experiments, "launch": launch, "former": former}
    content = {"format": FORMAT} | document.__dict__ | hidden
    return json.dumps(content, indent=1, default=str) + "\n"


def _without_secrets(one: ManifestExperiment) -> ManifestExperiment:
    return replace(one, overrides=redact.table(one.overrides), config=redact.table(one.config))


def _launch_without_secrets(launch: dict[str, Any]) -> dict[str, Any]:
    hidden = {"argv": redact.words(launch["argv"])} if "argv" in launch else {}
    return launch | hidden | ({"set": redact.table(launch["set"])} if "set" in launch else {})


def read_document(paths: Paths) -> Manifest | None:
    """Return the content of `sweep.json`, or None where there is none. Fields that are not known here are passed over.

    Secrets are `***`, also in a file of an earlier version, which wrote them down.

    Raises:
        InputError: the file is not one of ours.
    """
    try:
        return _document(values.load(read(paths.sweep)))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"{paths.sweep} cannot be read: {why}.\n  If the folder holds nothing you need, move it away, run again."
        ) from error


def _document(content: Any) -> Manifest:
    """Return what `sweep.json` says; its names are held to the rules of a job file, as they become file names.

    Raises:
        ValueError: a field is not as it must be.
    """
    file = Fields(content)
    if file.whole("format") != FORMAT:
        raise ValueError("written by another version of the launcher")
    experiments, former = (
        [_planned(Fields(one, f"{key}[{number}].")) for number, one in enumerate(listed)]
        for key, listed in (
            ("experiments", file.list("experiments", "a list", lambda one: True)),
            ("former", content["former"] if isinstance(content.get("former"), list) else []),
        )
    )
    repeated = [name for name, count in Counter(one.name.casefold() for one in experiments).items() if count > 1]
    if repeated:
        raise ValueError(f"two experiments are named {repeated[0]}")
    metrics, maximize = (file.list(key, 'a list of names like "loss"', is_metric) for key in ("metrics", "maximize"))
    launch = content.get("launch")
    return Manifest(
        name=file.text("name"),
        job_file=file.text("job_file"),
        target=file.text("target"),
        seed=file.whole("seed"),
        metrics=metrics,
        maximize=maximize,
        experiments=experiments,
        launch=_launch(launch) if isinstance(launch, dict) else {},
        former=former,
    )


def _planned(one: Fields) -> ManifestExperiment:
    name = one.get("name", f"a name: it has {NAME_RULE}", is_name)
    inputs = one.optional("inputs")
    planned = ManifestExperiment(
        name=name,
        overrides=one.table("overrides"),
        config=one.table("config"),
        digest=one.text("digest"),
        work=values.finite(one.optional("work"), least=0) or None,
        inputs={path: values.text(sha) for path, sha in inputs.items()} if isinstance(inputs, dict) else {},
        content=values.text(one.optional("content")) or None,
        at_default=_names(one.optional("at_default")),
        left_out=_names(one.optional("left_out")),
    )
    return _without_secrets(planned)


def _names(content: Any) -> list[str] | None:
    """Return the names in a list; None where an earlier version has written none."""
    return None if content is None else values.texts(content)


def _launch(content: dict[str, Any]) -> dict[str, Any]:
    """Return where and how a launch was made, without what is not as it must be: it is told, and decides little."""
    right = {key: value for key, value in content.items() if values.is_shallow(value)}
    for kind, keys in _LAUNCH_KEYS.items():
        for key in keys:
            if not isinstance(right.get(key, kind()), kind):
                del right[key]
    right |= {key: values.texts(right[key]) for key in ("argv",) if key in right}
    if values.whole(right.get("pid", 0)) is None:
        del right["pid"]
    right["attempts"] = values.wholes(right.get("attempts"))
    right["slots"] = [slot for slot in right.get("slots", []) if isinstance(slot, dict)]
    return _launch_without_secrets(right)


class LineLog:
    """A file of JSON objects, a line each, appended to by the one launcher that holds the folder's lock."""

    def __init__(self, path: Path) -> None:
        self._fd = open_to_append(path)
        truncate_torn_line(self._fd)

    def write(self, content: dict[str, Any]) -> None:
        """Append a line, in one write.

        Raises:
            OSError: it could not be written; the file is as it was before.
        """
        line = json.dumps(content).encode() + b"\n"
        written = os.write(self._fd, line)
        if written != len(line):
            truncate_torn_line(self._fd)
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
class LastAttempt:
    """The newest attempt of an experiment as the launcher saw it."""

    attempt: int
    device: str
    threads: int
    ending: EndingKind | None = None  # None: no launcher saw it end
    why: str = ""
    seconds: float = 0.0  # of this attempt and those it goes on from
    earlier: tuple[str, ...] = ()  # how those ended
    changed: dict[str, int] = field(default_factory=dict)  # what on_oom made other than asked


def read_events(path: Path) -> dict[str, LastAttempt]:
    """Return the newest attempt of each experiment; lines that are torn or foreign are passed over.

    Raises:
        InputError: what is there is no file, or cannot be read.
    """
    seen: dict[str, LastAttempt] = {}
    for event in read_event_lines(path):
        name = event["experiment"]
        before = seen.get(name)
        if event["event"] == "moved_aside" and before is not None:  # what there was to say of it is elsewhere
            seen[name] = LastAttempt(before.attempt, "", 0, before.ending or EndingKind.INTERRUPTED)
        attempt = values.whole(event.get("attempt"))
        if attempt is None:
            continue
        if event["event"] == "started":
            threads = values.whole(event.get("threads"))
            if threads is None or not isinstance(event.get("device"), str):
                continue
            fresh = LastAttempt(attempt, event["device"], threads, changed=values.wholes(event.get("changed")))
            seen[name] = _going_on(fresh, before) if before is not None and event.get("goes_on") is True else fresh
        elif event["event"] == "ended" and before is not None and before.attempt == attempt:
            seconds = values.finite(event.get("seconds"), least=0)
            ending = EndingKind.from_text(event.get("ending"))
            if ending is not None and seconds is not None and seconds <= values.LONGEST_S:
                why, total_s = values.text(event.get("why")), before.seconds + seconds
                seen[name] = replace(before, ending=ending, why=why, seconds=total_s)
    return seen


def _going_on(attempt: LastAttempt, before: LastAttempt) -> LastAttempt:
    ending = before.ending or EndingKind.INTERRUPTED
    ended = f"attempt {before.attempt}: {ending}{f', {before.why}' if before.why else ''}"
    return replace(attempt, seconds=before.seconds, earlier=(*before.earlier, ended))


@dataclass(frozen=True)
class AtWork:
    """The launch that is at work in a folder: the first attempt of each experiment it runs. Empty where none is."""

    attempts: Mapping[str, int] = field(default_factory=dict)

    def is_running(self, name: str, seen: LastAttempt | None) -> bool:
        """Say whether an experiment runs now: an attempt of this launch has started and has not ended."""
        first = self.attempts.get(name)
        return first is not None and seen is not None and seen.ending is None and seen.attempt >= first


def at_work(document: Manifest, holder: Holder | None) -> AtWork:
    """Return the launch that is at work, by who holds the folder's lock.

    A launcher that is still checking the data holds the lock, while `sweep.json` tells of an earlier launch.
    """
    launch = document.launch
    if holder is None or (holder.pid, holder.host) != (launch.get("pid"), launch.get("host")):
        return AtWork()
    return AtWork(launch.get("attempts") or {})


def last_ending(history: History, seen: LastAttempt | None) -> EndingKind | None:
    """Return how the newest attempt ended: as a launcher saw it, else by the worker's last word, else interrupted.

    None if there was no attempt.
    """
    if history.start is None:
        return None
    if seen is not None and seen.attempt == history.attempt and seen.ending is not None:
        return seen.ending
    return EndingKind(history.end["ending"]) if history.end else EndingKind.INTERRUPTED


def why_ended(ending: str | None, seen: LastAttempt | None) -> str:
    """Return why the newest attempt ended so, as far as it is known."""
    if seen is None:
        return ""
    if ending == EndingKind.INTERRUPTED and seen.ending is None:
        return "its launcher was gone"
    return seen.why if seen.ending == ending else ""


def spent_s(history: History, seen: LastAttempt | None) -> float:
    """Return how long the newest attempt and those it goes on from took; one without an end until its newest record."""
    if seen is None:  # the events are lost, and the records tell
        return history.before_s + history.last_s
    is_open = seen.ending is None and seen.attempt == history.attempt
    return seen.seconds + (history.last_s if is_open else 0.0)
