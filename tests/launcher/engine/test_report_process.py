"""The launcher's end of the drawing process: when it asks for views, and what it makes of the answers."""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.child_process import start_program
from launcher.engine import report_process
from launcher.engine.report_process import ReportProcess
from launcher.store.events import EventLog, Started
from launcher.store.launch_info import LaunchInfo
from launcher.store.locks import lock_folder
from launcher.store.manifest import Manifest, ManifestExperiment, write_manifest
from launcher.store.paths import Paths
from launcher.store.records import RecordWriter
from tests.launcher.conftest import wait_for


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    """A sweep whose only experiment runs: this process is its launcher and its worker."""
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    launch = LaunchInfo(pid=os.getpid(), host=socket.gethostname(), attempts={"a": 1})
    planned = [ManifestExperiment("a", {}, {}, "a")]
    write_manifest(paths, Manifest("s", "job.toml", "t:f", 0, ["loss"], [], planned, launch))
    lock = lock_folder(paths.lock)
    events = EventLog(paths.events)
    events.append(Started("a", 1, "cpu", 1))
    events.close()
    yield paths
    lock.release()


def test_views_are_renewed_on_a_timer_and_only_if_something_has_changed(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_process, "RENEW_AFTER_S", 0.1)
    monkeypatch.setattr(report_process, "SHARE", 1e9)
    monkeypatch.setattr(report_process, "LEAST_PAUSE_S", 0.0)
    warnings: list[str] = []
    writer = RecordWriter(paths.records("a"), 1)
    writer.write({"kind": "start", "digest": "a"})
    writer.write({"loss": 3.0}, 1)
    views = ReportProcess(paths, warnings.append, has_plots=True)
    views.warm_up()
    with selectors.DefaultSelector() as selector:
        views.attach(selector)

        def shows(text: str) -> bool:
            _turned(views, selector)
            return paths.table_csv.is_file() and text in paths.table_csv.read_text()

        wait_for(lambda: shows("3.0") and paths.curve("loss", "a").is_file() and not views.is_working)
        written_ns = paths.table_csv.stat().st_mtime_ns
        writer.write({"loss": 1.25}, 2)
        wait_for(lambda: shows("1.25") and not views.is_working)
        assert paths.table_csv.stat().st_mtime_ns > written_ns
        newest_ns = paths.table_csv.stat().st_mtime_ns
        for _ in range(10):
            _turned(views, selector)
        assert paths.table_csv.stat().st_mtime_ns == newest_ns, "nothing has changed"
        views.close()
    writer.close()
    assert warnings == []


DONE = '{"problems": [], "seconds": 0.0}'
SCRIPT = f"""\
read asked
echo '{{"drawn": 3, "of": 12}}'
echo 'UserWarning: no room' >&2
echo 'UserWarning: no room' >&2
while [ ! -e go ]; do sleep 0.01; done
echo '{DONE}'
read more
"""


class Drawing:
    """A drawing process whose child runs a shell script, and a loop that reads what comes."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.selector = selectors.DefaultSelector()
        self.views = ReportProcess(Paths(folder, folder), self.said.append, has_plots=False)
        self.views.attach(self.selector)

    def turn(self) -> None:
        for key, _ in self.selector.select(0.05):
            key.data()
        self.views.advance()


@pytest.fixture
def drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drawing]:
    monkeypatch.chdir(tmp_path)

    def start(*_arguments: str, **_options: object) -> object:
        return start_program(["sh", "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    monkeypatch.setattr(report_process, "start_module", start)
    made = Drawing(tmp_path)
    yield made
    made.views.close()
    made.selector.close()


def test_while_it_draws_it_says_how_much_is_drawn(drawing: Drawing, tmp_path: Path) -> None:
    assert drawing.views.progress is None
    drawing.views.request(["a"])
    wait_for(lambda: drawing.turn() or drawing.views.progress)
    assert drawing.views.progress == (3, 12)
    assert drawing.views.is_working
    (tmp_path / "go").touch()
    wait_for(lambda: drawing.turn() or not drawing.views.is_working)
    assert drawing.views.progress is None
    assert drawing.views.num_problems == 0


def test_what_libraries_write_to_stderr_becomes_a_message(drawing: Drawing) -> None:
    """Not on the terminal itself: lines that others write there would tear the live view."""
    drawing.views.request(["a"])
    wait_for(lambda: drawing.turn() or drawing.said)
    assert drawing.said == ["drawing: UserWarning: no room"], "said twice, told once"


@pytest.mark.parametrize("has_old", [True, False])
def test_views_of_an_earlier_launch_are_renewed_before_an_experiment_ends(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, has_old: bool
) -> None:
    monkeypatch.setattr(report_process, "RENEW_OLD_AFTER_S", 0.1)
    if has_old:
        paths.report_html.write_text("3 of 3 done")
    views = ReportProcess(paths, lambda _text: None, has_plots=False)
    views.warm_up()
    with selectors.DefaultSelector() as selector:
        views.attach(selector)
        if has_old:
            wait_for(lambda: _turned(views, selector) and "3 of 3 done" not in paths.report_html.read_text())
        else:
            assert all(_turned(views, selector) for _ in range(10))
            assert not views.is_working, "nothing old is shown, so there is time"
        views.close()


def _turned(views: ReportProcess, selector: selectors.BaseSelector) -> bool:
    for key, _ in selector.select(0.05):
        key.data()
    views.advance()
    return True
