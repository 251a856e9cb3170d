"""What the views are made of: looking again reads only what may have changed, and every file once."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.reports.data import ReportData
from launcher.store import summary_file, sweep_state
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, EventLog, Started
from launcher.store.launch_info import LaunchInfo
from launcher.store.locks import lock_folder
from launcher.store.manifest import Manifest, ManifestExperiment, write_manifest
from launcher.store.paths import Paths
from launcher.store.record_summary import RecordSummary
from launcher.store.records import RecordWriter

NAMES = ("a", "b", "c")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A sweep of three experiments that this process has launched; none of them has started."""
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    planned = [ManifestExperiment(name, {}, {}, name) for name in NAMES]
    launch = LaunchInfo(pid=os.getpid(), host=socket.gethostname(), attempts=dict.fromkeys(NAMES, 1))
    write_manifest(paths, Manifest("s", "job.toml", "t:f", 0, ["loss"], [], planned, launch))
    return paths


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts which files are read."""
    found: Counter[str] = Counter()

    def counted(original: Any) -> Any:
        def read(path: Path, *rest: Any) -> Any:
            found[path.name] += 1
            return original(path, *rest)

        return read

    original_read = summary_file.SummaryReader.read

    def counted_read(reader: summary_file.SummaryReader) -> RecordSummary:
        found[reader.path.name] += 1
        return original_read(reader)

    monkeypatch.setattr(sweep_state, "read_events", counted(sweep_state.read_events))
    monkeypatch.setattr(summary_file.SummaryReader, "read", counted_read)
    return found


@pytest.fixture
def at_work(paths: Paths) -> Iterator[None]:
    """This process holds the folder's lock, as a launcher does."""
    lock = lock_folder(paths.lock)
    yield
    lock.release()


def start(paths: Paths, name: str) -> RecordWriter:
    events = EventLog(paths.events)
    events.append(Started(name, 1, "cpu", 1))
    events.close()
    writer = RecordWriter(paths.records(name), 1)
    writer.write({"kind": "start", "digest": name})
    writer.write({"loss": 1.0}, 1)
    return writer


def end(paths: Paths, name: str, ending: EndingKind) -> None:
    events = EventLog(paths.events)
    events.append(Ended(name, 1, ending, "", 2.0))
    events.close()


def outcomes(data: ReportData) -> list[str]:
    return [str(experiment.outcome) for experiment in data.experiments]


def test_a_look_reads_the_events_once_and_the_records_that_changed(paths: Paths, reads: Counter[str]) -> None:
    start(paths, "a").close()
    end(paths, "a", EndingKind.DONE)
    data = ReportData(paths)
    data.look()
    assert reads == Counter({"events.jsonl": 1, "a.jsonl": 1, "b.jsonl": 1, "c.jsonl": 1})
    before = data.experiments
    reads.clear()
    data.look(["b"])
    assert reads == Counter({"events.jsonl": 1, "b.jsonl": 1})
    assert data.experiments[0] is before[0], "what has not changed is not made again"


@pytest.mark.usefixtures("at_work")
def test_what_runs_is_read_at_every_look_and_once_more_when_it_has_ended(paths: Paths, reads: Counter[str]) -> None:
    data = ReportData(paths)
    data.look()
    assert outcomes(data) == ["", "", ""]
    writer = start(paths, "a")
    data.look([])
    assert outcomes(data) == ["running", "", ""]
    writer.write({"loss": 0.5}, 2)
    writer.close()
    data.look([])
    assert data.experiments[0].curves["loss"].best == 0.5
    end(paths, "a", EndingKind.FAILED)
    reads.clear()
    data.look([])
    assert reads == Counter({"events.jsonl": 1, "a.jsonl": 1})
    assert outcomes(data) == ["failed", "", ""]


def test_metrics_of_the_job_take_the_place_of_those_of_the_launch(paths: Paths) -> None:
    start(paths, "a").close()
    data = ReportData(paths, (["other"], []))
    data.look()
    assert data.manifest.metrics == ["other"]
    assert data.experiments[0].curves == {}
    assert data.experiments[0].logged == ("loss",)
