"""Views made from records alone: table, plots, log lines, and the report that makes them all."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.errors import InputError
from launcher.reports.build import Report
from launcher.reports.freshness import outdated
from launcher.reports.single_curves import WORTH_FORKING
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, EventLog, Started
from launcher.store.manifest import Manifest, ManifestExperiment, write_manifest
from launcher.store.paths import Paths
from launcher.store.records import RecordWriter
from tests.launcher.conftest import Workplace


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A sweep of three experiments: one done, one that diverged, one that never ran."""
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    planned = [
        ManifestExperiment(name, {"lr": 0.1, "note": name}, {"lr": 0.1}, name) for name in ("good", "nan", "absent")
    ]
    write_manifest(paths, Manifest("s", "job.toml", "t:f", 0, ["loss", "perplexity"], [], planned))
    log = EventLog(paths.events)
    for name, values in {"good": [3.0, 1.0, 2.0], "nan": [5.0, math.nan, -math.inf]}.items():
        log.append(Started(name, 1, "cpu", 1))
        writer = RecordWriter(paths.records(name), 1)
        writer.write({"kind": "start", "digest": name})
        writer.write({"kind": "info", "parameters": 1234567})
        for step, loss in enumerate(values, start=1):
            writer.write({"step": step, "loss": loss, "tokens": step * 10, "tokens_per_s": 5.0})
        writer.write({"kind": "end", "ending": "done", "peak_memory_bytes": 1_000_000})
        writer.close()
        why = "=cmd|' /C calc'!A0" if name == "nan" else ""
        log.append(Ended(name, 1, EndingKind.DONE, why, 1.5))
    log.close()
    return paths


def test_the_table_has_first_final_and_best_and_nan_never_wins(paths: Paths) -> None:
    assert Report(paths).draw() == []
    rows = {row["experiment"]: row for row in csv.DictReader(io.StringIO(paths.table_csv.read_text()))}
    assert (rows["good"]["first_loss"], rows["good"]["final_loss"], rows["good"]["best_loss"]) == ("3.0", "2.0", "1.0")
    assert rows["nan"]["best_loss"] == "5.0"
    assert rows["good"]["parameters"] in ("1234567", "1234567.0")
    assert rows["good"]["time_s"] == "1.5"
    assert rows["absent"]["steps"] == "0"
    assert rows["absent"]["ending"] == ""
    assert rows["nan"]["why"].startswith("'="), "no cell is a formula"
    text = paths.table_txt.read_text()
    assert "1,234,567" in text
    assert "1 MB" in text


def test_plots_are_drawn_for_what_was_recorded_and_only_that(paths: Paths) -> None:
    Report(paths).draw()
    drawn = {path.name for path in paths.outcome.glob("*.png")}
    assert drawn == {"loss_curve_good.png", "loss_curve_nan.png", "loss_curves.png"}
    for path in paths.outcome.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_what_is_missing_or_older_than_what_it_shows_is_outdated(paths: Paths) -> None:
    assert paths.table_txt in outdated(paths)
    report = Report(paths)
    report.draw()
    assert outdated(paths) == []
    paths.curve("loss", "good").unlink()
    assert outdated(paths) == [paths.curve("loss", "good")]
    report.draw()
    os.utime(paths.records("nan"), (2e9, 2e9))
    found = {path.name for path in outdated(paths)}
    whole = {"results_table.txt", "results_table.csv", "report.html", "report.md", "loss_curves.png"}
    assert found == whole | {"loss_curve_nan.png"}, "all that shows its records, and nothing else"


@pytest.mark.parametrize("note", [[], {"format": 1}, {"format": 1, "made_from": [], "views": []}, "x", None])
def test_a_note_of_any_content_is_no_note(paths: Paths, note: object) -> None:
    paths.views_note.write_text(json.dumps(note))
    assert paths.report_html in outdated(paths)
    paths.views_note.write_text(json.dumps({"format": 1, "made_from": {}, "views": {"../../x": ""}}))
    assert paths.report_html in outdated(paths)


def test_only_changed_curves_are_drawn_again(paths: Paths) -> None:
    report = Report(paths)
    report.draw()
    before = {path.name: path.stat().st_mtime_ns for path in paths.outcome.glob("*.png")}
    report.draw(["good"])
    after = {path.name: path.stat().st_mtime_ns for path in paths.outcome.glob("*.png")}
    assert {name for name in after if after[name] != before[name]} == {"loss_curve_good.png", "loss_curves.png"}


def test_a_view_that_cannot_be_written_costs_no_other(paths: Paths) -> None:
    paths.curve("loss", "good").mkdir()
    problems = Report(paths).draw()
    assert len(problems) == 1
    assert "loss_curve_good.png cannot be written" in problems[0]
    assert paths.curves("loss").exists()
    assert not list(paths.outcome.glob(".*.tmp"))


def test_the_curves_of_many_experiments_are_drawn_by_several_processes(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    planned = [ManifestExperiment(f"e{number}", {}, {}, "") for number in range(WORTH_FORKING + 1)]
    write_manifest(paths, Manifest("s", "job.toml", "t:f", 0, ["loss"], [], planned))
    for one in planned:
        writer = RecordWriter(paths.records(one.name), 1)
        writer.write({"step": 1, "loss": 1.0})
        writer.close()
    paths.curve("loss", "e7").mkdir()
    problems = Report(paths, curves=["all"], num_processes=2).draw()
    assert [problem.partition(" cannot")[0] for problem in problems] == [str(paths.curve("loss", "e7"))]
    assert all(paths.curve("loss", one.name).exists() for one in planned)


def test_a_folder_without_a_sweep_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no sweep in"):
        Report(Paths(tmp_path, tmp_path))


def test_a_sweep_file_that_is_not_one_is_told(paths: Paths) -> None:
    for content in ("", "[]", "{}", '{"format": 99}', '{"format": 1, "experiments": [{}]}'):
        paths.sweep.write_text(content)
        with pytest.raises(InputError, match=r"sweep\.json cannot be read"):
            Report(paths)


def test_report_makes_everything_again_from_records(place: Workplace) -> None:
    place.toy({"a": {}}, metrics=["loss"])
    place.launch("job.toml")
    table = place.paths.table_csv.read_bytes()
    for path in (*place.paths.outcome.glob("*.png"), *place.paths.outcome.glob("results*")):
        path.unlink()
    assert place.launch("report", "job.toml").code == 0
    assert place.paths.table_csv.read_bytes() == table
    assert place.paths.curves("loss").exists()


def test_a_grid_has_plots_by_its_axes_and_loses_them_with_the_axes(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    axes = {"lr": [1e-3, 1e-2], "width": [8, 16]}
    planned = [
        ManifestExperiment(
            f"lr={lr}+width={width}", {}, {"lr": lr, "width": width}, "d", cell={"lr": lr, "width": width}
        )
        for lr in axes["lr"]
        for width in axes["width"]
    ]
    for number, experiment in enumerate(planned):
        steps = "".join(
            f'{{"n": {n + 1}, "attempt": 1, "at_s": {n}, "step": {n}, "loss": {number + 1}.5}}\n' for n in range(1, 9)
        )
        begin = '{"n": 1, "attempt": 1, "at_s": 0, "kind": "start"}\n'
        end = '{"n": 10, "attempt": 1, "at_s": 9, "kind": "end", "ending": "done"}\n'
        paths.records(experiment.name).write_text(begin + steps + end)
    manifest = Manifest("grid", "job.toml", "m:run", 0, ["loss"], [], planned, axes=axes)
    write_manifest(paths, manifest)
    assert Report(paths).draw() == []
    assert paths.by_axis("loss").is_file()
    assert not paths.parallel("loss").is_file(), "four results are too few"
    assert paths.by_axis("loss") in paths.own(["loss"])
    paths.by_axis("loss").unlink()
    assert outdated(paths) == [paths.by_axis("loss")]
    assert Report(paths).draw() == []
    write_manifest(paths, replace(manifest, axes={}))
    assert Report(paths).draw() == []
    assert not paths.by_axis("loss").exists()
    assert outdated(paths) == []
