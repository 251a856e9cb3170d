"""Every command on folders with odd things in them: no hang, no traceback, and what is odd is named or passed over."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from launcher.engine.fault_isolation import FaultIsolation
from launcher.engine.follower import Follower
from launcher.engine.notices import Notices
from launcher.errors import InputError
from launcher.reports.build import Report
from launcher.reports.plots.comparison import Comparison
from launcher.reports.plots.sheet import Sheet
from launcher.reports.timeline import spans_of
from launcher.sinks.text_log import text_log
from launcher.store.attempts import read_last_attempts
from launcher.store.history import read_history
from launcher.store.manifest import read_manifest
from launcher.store.metric import Metric
from launcher.store.paths import Paths
from launcher.store.sweep_state import read_sweep_state
from launcher.worker.spec import Spec
from tests.launcher.cases.odd import CODES, finished_sweep, good_records, lines, run
from tests.launcher.cases.test_odd_files import DEEP, ODD
from tests.launcher.conftest import Workplace, wait_for

HUGE = 10**400
VALUES: list[Any] = [HUGE, float("nan"), -1, 1e308, True, None, "inf", "\x1b[31m\u202e", [1]]
COMMANDS = (
    ("plan", "job.toml", "--devices", "cpu"),
    ("status", "job.toml"),
    ("report", "job.toml"),
    ("wait", "job.toml"),
)


def _varied(objects: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return these objects with one value of one of them exchanged, in every way, each with a word for it."""
    found = []
    for number, one in enumerate(objects):
        for key in one:
            for value in VALUES:
                others = [dict(other) for other in objects]
                others[number][key] = value
                found.append((f"{one.get('kind', one.get('event', 'step'))}.{key} {str(value)[:9]}", others))
    return found


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_F6_no_value_in_the_records_ends_more_than_its_own_experiment(here: Path) -> None:
    varied = _varied(good_records("digest"))
    raw = [DEEP, b"\0" * 5000, b"\xff" * 50, b'{"n":1,"attempt":1,"at_s":' + b"9" * 5000 + b"}"]
    deep = b"[" * 900 + b"]" * 900
    kinds = (b'"step":3', b'"kind":"info"', b'"kind":"new"')
    nested = [b'{"n":9,"attempt":1,"at_s":1,%s,"deep":%s}' % (kind, deep) for kind in kinds]
    names = [f"e{number}" for number in range(len(varied) + len(raw) + len(nested))]
    paths = finished_sweep(here, [*names, "good"], ["loss"])
    contents = [lines(records) for _, records in varied]
    contents += [lines(good_records("digest")) + line + b"\n" for line in (*raw, *nested)]
    for name, content in zip(names, contents, strict=True):
        digest = json.loads(paths.records(name).read_bytes().split(b"\n")[0])["digest"]
        paths.records(name).write_bytes(content.replace(b'"digest": "digest"', b'"digest": "%s"' % digest.encode()))
    for command in (
        *COMMANDS[:2],
        ("plan", "job.toml", "--devices", "cpu", "--json"),
        ("status", "job.toml", "--json"),
    ):
        code, said = run(*command)
        assert code == 0, said
        assert "\x1b" not in said
        assert "\u202e" not in said
    report = Report(paths)
    report._shares = lambda *_: []  # type: ignore[method-assign]  hundreds of plots take minutes
    report._comparisons = lambda _lines: []  # type: ignore[method-assign]
    assert report.draw() == []
    steps = {name for name, (what, _) in zip(names, varied, strict=False) if what.startswith("step.")}
    drawn = [line for line in report._lines()["loss"] if line.name in steps]
    Comparison(Metric("loss"), drawn).write(paths.curves("loss"))
    Sheet(Metric("loss")).write(paths.curve("loss", "e1"), drawn[-1])
    assert len(report.rows()) == len(names) + 1
    for view in (paths.table_csv, paths.table_txt, paths.report_md, paths.report_html):
        assert not {"\x1b", "\u202e"} & set(view.read_text()), view
    good = next(row for row in report.rows() if row["experiment"] == "good")
    assert (good["steps"], good["final_loss"], good["ending"]) == (2, 0.5, "done")


def test_F6_no_value_in_events_or_telemetry_ends_anything(here: Path) -> None:
    paths = finished_sweep(here, ["a", "good"], [])
    events = [json.loads(line) for line in paths.events.read_text().splitlines()]
    sample = {
        "attempt": 1,
        "at_s": 1.0,
        "cpu_percent": 1.0,
        "memory_bytes": 1,
        "peak_memory_bytes": 1,
        "num_processes": 1,
    }
    paths.telemetry("a").write_bytes(b"".join(lines(samples) for _, samples in _varied([sample])))
    for number, (what, odd) in enumerate(_varied(events[:2])):
        paths.events.write_bytes(lines([*odd, *events[2:]]) + DEEP + b"\n")
        assert read_last_attempts(paths.events)["good"].ending == "done", what
        sweep = read_sweep_state(paths, 0.0)
        assert sweep is not None
        spans = spans_of(sweep.read_experiments(()))
        assert [span.experiment for span in spans if span.experiment != "a"] == ["good"], what
        if number % 10 == 0:
            code, said = run("status", "job.toml")
            assert code == 0, (what, said)
    paths.events.write_bytes(b"".join(lines(odd) for _, odd in _varied(events)) + lines(events))
    for command in COMMANDS:
        code, said = run(*command)
        assert code in CODES - {2}, (command, said)


def test_F12_a_sweep_json_is_read_or_refused_by_name_whatever_stands_in_it(here: Path) -> None:
    paths = finished_sweep(here, ["a", "good"], [])
    sound = json.loads(paths.sweep.read_text())
    found = [{**sound, key: value} for key in sound for value in VALUES]
    found += [{key: value for key, value in sound.items() if key != gone} for gone in sound]
    found += [
        {**sound, "experiments": [{**sound["experiments"][0], key: value}]}
        for key in sound["experiments"][0]
        for value in VALUES
    ]
    found += [{**sound, "launch": {**sound["launch"], key: value}} for key in sound["launch"] for value in VALUES]
    found += [{**sound, "launch": {"slots": [value], "attempts": {"a": value}, "argv": [value]}} for value in VALUES]
    num_refused = 0
    for number, content in enumerate(found):
        paths.sweep.write_text(json.dumps(content))
        try:
            assert read_manifest(paths) is not None
        except InputError as error:
            num_refused += 1
            assert str(error).startswith(f"{paths.sweep} cannot be read: ")  # noqa: PT017
            continue
        for command in COMMANDS[:2] if number % 10 == 0 else ():
            code, said = run(*command)
            assert code in (0, 2), (content, said)
    assert 50 < num_refused < len(found) - 50
    for data in (b"", DEEP, b"\xff" * 9, b"[]", b"null", b'{"format": 1' + b"0" * 5000 + b"}"):
        paths.sweep.write_bytes(data)
        for command in COMMANDS:
            code, said = run(*command)
            assert code == 2, said
            assert "sweep.json cannot be read: " in said
    paths.sweep.write_text(
        json.dumps(sound | {"later": {"version": 9}, "experiments": [sound["experiments"][0] | {"new": 1}]})
    )
    assert run(*COMMANDS[1])[0] == 0, "what a later version has added is passed over"


@pytest.mark.parametrize("kind", ODD)
def test_F12_odd_things_in_the_place_of_one_experiments_files(here: Path, kind: str) -> None:
    paths = finished_sweep(here, ["rec", "tele", "log", "ckpt", "good"], [])
    checkpoint = paths.checkpoints("ckpt") / "step-000000000001.ckpt"
    checkpoint.parent.mkdir(parents=True)
    for path in (paths.records("rec"), paths.telemetry("tele"), paths.log("log"), checkpoint):
        path.unlink(missing_ok=True)
        ODD[kind](path)
    code, said = run(*COMMANDS[0])
    assert code == 0, said
    assert f"{paths.records('rec')} cannot be read: it is {kind.split(' to ')[0]}, not a file" in " ".join(said.split())
    code, said = run(*COMMANDS[1])
    assert code == 0, said
    assert "not a file" in said
    code, said = run(*COMMANDS[2])
    assert code == 5, said
    assert "its row and curves are empty" in said
    table = paths.table_txt.read_text()
    assert "good" in table
    code, said = run("follow", "--job", "job.toml")
    assert code in CODES, said


@pytest.mark.parametrize("kind", ODD)
def test_F12_odd_things_in_the_place_of_the_sweeps_files(here: Path, kind: str) -> None:
    paths = finished_sweep(here, ["a", "good"], [])
    for path in (
        paths.sweep,
        paths.events,
        paths.lock,
        paths.requests,
        paths.table_txt,
        paths.table_csv,
        paths.report_html,
    ):
        content = path.read_bytes() if path.exists() else None
        path.unlink(missing_ok=True)
        ODD[kind](path)
        for command in (*COMMANDS, ("stop", "--all", "--job", "job.toml")):
            code, said = run(*command)
            assert code in CODES, said
            if path in (paths.sweep, paths.events):
                assert code == 2, (path, command, said)
                assert f"{path.name} cannot be read: it is {kind.split(' to ')[0]}, not a file" in said
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)


def test_F13_names_out_of_files_lead_nowhere(here: Path) -> None:
    paths = finished_sweep(here, ["a"], ["loss"])
    sound = json.loads(paths.sweep.read_text())
    outside = "../../../outside"
    one = sound["experiments"][0]
    for content in (
        sound | {"metrics": [outside]},
        sound | {"maximize": [outside]},
        sound | {"experiments": [one | {"name": outside}]},
        sound | {"experiments": [one | {"name": "/tmp/x"}]},
        sound | {"experiments": [one, one | {"name": "A"}]},
    ):
        paths.sweep.write_text(json.dumps(content))
        code, said = run(*COMMANDS[2])
        assert code == 2, said
        assert "sweep.json cannot be read: " in said
    for make in (paths.log, paths.records, paths.telemetry, paths.checkpoints, paths.curves):
        with pytest.raises(InputError, match=r"is no name of an experiment|is no name of a metric"):
            make(outside)
    with pytest.raises(InputError):
        paths.curve("loss", outside)
    assert not list(here.parent.glob("outside*"))
    (here / "secret.md").write_text("# Mine\nwords of mine")
    paths.sweep.write_text(json.dumps(sound | {"job_file": "secret.toml"}))
    assert run(*COMMANDS[2])[0] == 0
    assert "words of mine" not in paths.report_md.read_text(), "only what is beside a job file comes into a report"


def test_F6_an_error_in_what_is_shown_of_one_experiment_is_told_once_and_ends_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    isolation = FaultIsolation(told.append)
    for _ in range(3):
        assert isolation.run("a", "its row", lambda: 1 // 0, 7) == 7
        assert isolation.run("b", "its row", lambda: 5, 7) == 5
    assert len(told) == 1
    assert told[0].startswith("a: its row is left out from now on (ZeroDivisionError: ")

    class _Broken(Notices):
        def look(self, *_: object) -> list[str]:
            raise OverflowError("int too large to convert to float")

    paths = Paths(tmp_path, tmp_path)
    (tmp_path / "records").mkdir()
    follower = Follower(paths, told.append, ["loss"], lambda: _Broken(["loss"], is_stopped=False), [text_log])
    spec = Spec(
        experiment="a", attempt=1, target="t:f", given={}, folder=tmp_path, config={}, digest="x", state_digest="x",
        seed=0, device_type="cpu", environment={}, threads=1, paths=paths, checkpoint_s=1.0,
    )  # fmt: skip
    follower.open(spec, "cpu:0")
    paths.records("a").write_bytes(lines(good_records("x")))
    history = follower.read("a")
    assert (history.last_step, history.end is not None) == (2, True)
    assert "what is noticed in its records is left out" in told[-1]
    follower.close("a", "a done")
    assert "step 2" in paths.log("a").read_text()


def test_F12_a_launch_with_an_odd_record_file_trains_the_others(place: Workplace) -> None:
    job = place.toy({"a": {}, "b": {}, "c": {"steps": 3}}, telemetry_s=0.1)
    place.paths.create()
    os.mkfifo(place.paths.records("a"))
    os.mkfifo(place.paths.telemetry("b"))
    os.mkfifo(place.paths.log("b"))
    done = place.launch(str(job), "--devices", "cpu")
    assert done.code == 1, done.err
    assert "outcome/job/records/a.jsonl cannot be read: it is a pipe, not a file" in done.err
    assert [len(place.history(name).steps) for name in "bc"] == [5, 3]
    assert "2 done, 1 failed" in done.err
    assert place.paths.records("a").is_fifo(), "it is the user's to move"
    place.paths.records("a").unlink()
    assert place.launch(str(job), "--devices", "cpu").code == 0


def test_F12_odd_things_that_come_while_a_launch_runs_do_not_hold_it_up(place: Workplace) -> None:
    barrier = place.folder / "go"
    job = place.toy({name: {"barrier": str(barrier), "steps": 3} for name in "ab"}, telemetry_s=0.1)
    process = place.start(str(job), "--devices", "cpu", "--parallel")
    wait_for(lambda: all(read_history(place.paths.records(name), ()).last_step == 2 for name in "ab"))
    kept = place.paths.records("a").rename(place.folder / "kept.jsonl")
    for path in (place.paths.records("a"), place.paths.requests, place.paths.table_csv):
        os.mkfifo(path)
    barrier.write_text("")
    wait_for(lambda: read_history(place.paths.records("b")).end is not None)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "cannot be read: it is a pipe, not a file" in err
    assert "1 done, 1 failed" in err
    assert read_history(kept).end is not None, "what trained was not disturbed"
    assert "b" in out
