"""The events of a sweep: their lines on disk, and what the reader makes of lines that are not as they must be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from launcher.errors import InputError
from launcher.store.ending import EndingKind
from launcher.store.events import (
    EVENTS,
    Answer,
    DeviceLost,
    Ended,
    EventLog,
    LoggedEvent,
    MovedAside,
    RequestAnswered,
    Requeued,
    SetAside,
    Started,
    Waits,
    Withdrawn,
    parse_event,
    read_events,
)

AT = "2026-01-31T09:30:00+01:00"
LINES: dict[str, LoggedEvent] = {
    '{"at": "%s", "event": "started", "experiment": "a", "attempt": 2, "device": "GPU 3", "threads": 4, '
    '"goes_on": true, "changed": {"batch_size": 8}}': Started("a", 2, "GPU 3", 4, True, {"batch_size": 8}, at=AT),
    '{"at": "%s", "event": "ended", "experiment": "a", "attempt": 2, "ending": "killed", "why": "SIGKILL", '
    '"seconds": 1.5, "last_step": 7}': Ended("a", 2, EndingKind.KILLED, "SIGKILL", 1.5, 7, at=AT),
    '{"at": "%s", "event": "ended", "experiment": "a", "attempt": 2, "ending": "done", "why": "", "seconds": 0.0}': (
        Ended("a", 2, EndingKind.DONE, "", 0.0, at=AT)
    ),
    '{"at": "%s", "event": "waits", "experiment": "a", "why": "GPU 0: full"}': Waits("a", "GPU 0: full", at=AT),
    '{"at": "%s", "event": "set_aside", "experiment": "", "device": "GPU 0", "after": ["a", "b"]}': (
        SetAside("", "GPU 0", ["a", "b"], at=AT)
    ),
    '{"at": "%s", "event": "device_lost", "experiment": "", "device": "GPU 0", "uuid": "GPU-1", "why": "Xid"}': (
        DeviceLost("", "GPU 0", "GPU-1", "Xid", at=AT)
    ),
    '{"at": "%s", "event": "moved_aside", "experiment": "a", "folder": "earlier/1"}': (
        MovedAside("a", "earlier/1", at=AT)
    ),
    '{"at": "%s", "event": "request", "experiment": "", "id": "1-2", "ask": "stop", "answers": '
    '[{"experiment": "a", "answer": "taken out", "is_refused": false}]}': (
        RequestAnswered("", "1-2", "stop", [Answer("a", "taken out")], at=AT)
    ),
    '{"at": "%s", "event": "requeued", "experiment": "a", "pid": 12}': Requeued("a", 12, at=AT),
    '{"at": "%s", "event": "withdrawn", "experiment": "a", "pid": 12}': Withdrawn("a", 12, at=AT),
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_file_is_its_event_and_the_event_is_the_line(line: str) -> None:
    assert parse_event(json.loads(line % AT)) == LINES[line]
    assert json.dumps(LINES[line].to_json()) == line % AT


def test_every_kind_of_event_is_tried_here() -> None:
    assert {type(event) for event in LINES.values()} == set(EVENTS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": "melted"},
        {"event": 3},
        {"event": None},
        {"experiment": 3},
        {"attempt": True},
        {"attempt": -1},
        {"attempt": 1.0},
        {"ending": "melted"},
        {"ending": ["done"]},
        {"seconds": -1},
        {"seconds": "1"},
        {"seconds": float("nan")},
        {"seconds": 1e13},
    ],
    ids=str,
)
def test_an_ended_event_with_a_wrong_value_is_no_event(wrong: dict[str, object]) -> None:
    sound = Ended("a", 1, EndingKind.DONE, "", 1.0).to_json()
    assert parse_event(sound) is not None
    assert parse_event(sound | wrong) is None


def test_what_a_reader_can_do_without_is_read_as_nothing_where_it_is_wrong() -> None:
    wrong = {"at": 3, "goes_on": "yes", "changed": {"batch_size": 1, "lr": 0.1}, "more": 1}
    content = {"event": "started", "experiment": "a", "attempt": 1, "device": "cpu", "threads": 1} | wrong
    assert parse_event(content) == Started("a", 1, "cpu", 1, changed={"batch_size": 1})
    answered = {"event": "request", "experiment": "", "answers": [3, {"answer": "done", "is_refused": 1}]}
    assert parse_event(answered) == RequestAnswered("", "", "", [Answer("", "done", True)])


def test_torn_and_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.append(Withdrawn("a", 1))
    log.close()
    with path.open("ab") as file:
        file.write(b'\n[]\n"text"\n\xff\xfe\n' + b"[" * 5000 + b'\n{"event": "started"}\n{"event": "withdr')
    log = EventLog(path)
    log.append(Requeued("a", 1))
    log.close()
    found = list(read_events(path))
    assert [type(event) for event in found] == [Withdrawn, Requeued]
    assert all(event.at for event in found), "the log sets the time"


def test_a_reader_may_begin_where_the_file_ended_before(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert list(read_events(path)) == []
    log = EventLog(path)
    log.append(Withdrawn("a", 1))
    start = path.stat().st_size
    log.append(Withdrawn("b", 1))
    log.close()
    assert [event.experiment for event in read_events(path, start)] == ["b"]
    assert list(read_events(path, 10 * start)) == []


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is a folder, not a file"):
        list(read_events(tmp_path))
