"""The events of a sweep: what each kind says, and the one reader and the one writer of `events.jsonl`.

    launcher ─▶ EventLog.append(Started(…)) ─▶ events.jsonl ─▶ read_events ─▶ attempts, status, timeline

An event is one JSON object on one line. Every event has `at` (local time with its offset, to the second), `event` (its
kind) and `experiment`. The classes below say what else each kind has; their fields are the keys of the file, in this
order. To add a kind, write a class, add it to `EVENTS`, and explain its fields in docs/meanings.toml.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

from launcher.errors import InputError
from launcher.store import values
from launcher.store.ending import EndingKind
from launcher.store.files import read_lines
from launcher.store.line_log import LineLog
from launcher.text import timestamp


@dataclass(frozen=True)
class LoggedEvent:
    """Something that happened in a sweep."""

    kind: ClassVar[str]  # the value of the key "event"
    experiment: str  # empty where the event is about a device or about the whole launch
    at: str = field(default="", kw_only=True)  # set when the event is written

    def to_json(self) -> dict[str, Any]:
        """Return the event as the object on its line; a field that is None is left out."""
        content = {"at": self.at, "event": self.kind, "experiment": self.experiment}
        return content | {name: value for name in self.own_fields() if (value := getattr(self, name)) is not None}

    @classmethod
    @cache
    def own_fields(cls) -> tuple[str, ...]:
        """Return the names of the fields that this kind has and the others need not have."""
        common = {each.name for each in dataclasses.fields(LoggedEvent)}
        return tuple(each.name for each in dataclasses.fields(cls) if each.name not in common)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self | None:
        """Return the event that an object of the file describes; None if a field is not as it must be."""
        return cls(**_common(content))


@dataclass(frozen=True)
class Started(LoggedEvent):
    """An attempt began."""

    kind = "started"
    attempt: int  # from 1; a number is never used twice
    device: str  # for people, such as "GPU 3"; the slots in sweep.json have its UUID
    threads: int
    goes_on: bool = False  # from a checkpoint of an earlier attempt
    changed: dict[str, int] = field(default_factory=dict)  # what on_oom made other than asked

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self | None:
        """Return the event; None without a number, a device and a number of threads."""
        attempt, threads = values.whole(content.get("attempt")), values.whole(content.get("threads"))
        device = content.get("device")
        if attempt is None or threads is None or not isinstance(device, str):
            return None
        goes_on, changed = content.get("goes_on") is True, values.wholes(content.get("changed"))
        about = _common(content)
        return cls(attempt=attempt, device=device, threads=threads, goes_on=goes_on, changed=changed, **about)


@dataclass(frozen=True)
class Ended(LoggedEvent):
    """An attempt ended, or a later launch found out that it had."""

    kind = "ended"
    attempt: int
    ending: EndingKind
    why: str  # empty if there is nothing to say
    seconds: float  # how long the attempt ran
    last_step: int | None = None  # None where no launcher saw the end
    node: str | None = None  # of a cluster, on which the attempt ran; None: the launcher's machine
    peak_gpu_memory_bytes: int | None = None  # on one GPU, as the driver counted it; None: no sample has told

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self | None:
        """Return the event; None without a number, an ending and a time that are possible."""
        attempt, ending = values.whole(content.get("attempt")), EndingKind.from_text(content.get("ending"))
        seconds = values.finite(content.get("seconds"), least=0)
        if attempt is None or ending is None or seconds is None or seconds > values.LONGEST_S:
            return None
        node = content.get("node")
        return cls(
            attempt=attempt,
            ending=ending,
            why=values.text(content.get("why")),
            seconds=seconds,
            last_step=values.whole(content.get("last_step")),
            node=node if isinstance(node, str) else None,
            peak_gpu_memory_bytes=values.whole(content.get("peak_gpu_memory_bytes")),
            **_common(content),
        )


@dataclass(frozen=True)
class Waits(LoggedEvent):
    """An experiment could not start on a slot that is free."""

    kind = "waits"
    why: str

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self | None:
        """Return the event."""
        return cls(why=values.text(content.get("why")), **_common(content))


@dataclass(frozen=True)
class Withdrawn(LoggedEvent):
    """Somebody took an experiment out of the queue."""

    kind = "withdrawn"
    pid: int | None  # of the launcher, by which a later launch knows that the event is not its own

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self | None:
        """Return the event."""
        return cls(pid=values.whole(content.get("pid")), **_common(content))


@dataclass(frozen=True)
class Requeued(LoggedEvent):
    """An experiment that had ended waits once more."""

    kind = "requeued"
    pid: int | None  # of the launcher

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self | None:
        """Return the event."""
        return cls(pid=values.whole(content.get("pid")), **_common(content))


@dataclass(frozen=True)
class SetAside(LoggedEvent):
    """The launch uses a device no more: two experiments failed on it at once."""

    kind = "set_aside"
    device: str
    after: list[str]  # the two experiments

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self | None:
        """Return the event."""
        device, after = values.text(content.get("device")), values.texts(content.get("after"))
        return cls(device=device, after=after, **_common(content))


@dataclass(frozen=True)
class DeviceLost(LoggedEvent):
    """The launch uses a device no more: its driver has lost it, or it makes errors."""

    kind = "device_lost"
    device: str
    uuid: str
    why: str

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self | None:
        """Return the event."""
        device, uuid, why = (values.text(content.get(key)) for key in ("device", "uuid", "why"))
        return cls(device=device, uuid=uuid, why=why, **_common(content))


@dataclass(frozen=True)
class MovedAside(LoggedEvent):
    """An experiment begins anew, and what it had left is kept in another folder."""

    kind = "moved_aside"
    folder: str  # relative to the outcome folder

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self | None:
        """Return the event."""
        return cls(folder=values.text(content.get("folder")), **_common(content))


@dataclass(frozen=True)
class Answer:
    """What became of a request, for one experiment."""

    experiment: str  # empty where the answer is about the whole request
    answer: str
    is_refused: bool = False


@dataclass(frozen=True)
class RequestAnswered(LoggedEvent):
    """The launcher took the request of another shell (`requests`) and says what became of it."""

    kind = "request"
    id: str
    ask: str  # "stop" or "retry"
    answers: list[Answer]

    def to_json(self) -> dict[str, Any]:
        """Return the event as the object on its line."""
        return super().to_json() | {"answers": [dataclasses.asdict(answer) for answer in self.answers]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self | None:
        """Return the event; None without a list of answers."""
        listed = content.get("answers")
        if not isinstance(listed, list):
            return None
        answers = [
            Answer(values.text(each.get("experiment")), values.text(each.get("answer")), bool(each.get("is_refused")))
            for each in listed
            if isinstance(each, dict)
        ]
        id, ask = values.text(content.get("id")), values.text(content.get("ask"))
        return cls(id=id, ask=ask, answers=answers, **_common(content))


EVENTS: tuple[type[LoggedEvent], ...] = (
    Started, Ended, SetAside, DeviceLost, MovedAside, Waits, RequestAnswered, Requeued, Withdrawn,
)  # fmt: skip
_BY_KIND = {event.kind: event for event in EVENTS}


def _common(content: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of the fields that every kind has."""
    return {"experiment": content["experiment"], "at": values.text(content.get("at"))}


def parse_event(content: Mapping[str, Any]) -> LoggedEvent | None:
    """Return the event that an object describes; None for an object that is no event, or of a kind not known here."""
    kind, experiment = content.get("event"), content.get("experiment")
    if not isinstance(kind, str) or not isinstance(experiment, str) or kind not in _BY_KIND:
        return None
    return _BY_KIND[kind].from_json(content)


def read_events(path: Path, start: int = 0) -> Iterator[LoggedEvent]:
    """Yield the events of a file from a byte on; lines that are torn, foreign or wrong are passed over.

    Raises:
        InputError: what lies at the path is no file, or cannot be read.
    """
    try:
        for line in read_lines(path, start):
            content = values.load_object(line)
            event = parse_event(content) if content is not None else None
            if event is not None:
                yield event
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Move it away and run again.") from error


class EventLog(LineLog):
    """The writing end of `events.jsonl`, held by the one launcher that has the folder's lock."""

    def append(self, event: LoggedEvent) -> None:
        """Write that something happened just now.

        Raises:
            OSError: the event could not be written; the file is as it was before.
        """
        self.write(event.to_json() | {"at": timestamp()})
