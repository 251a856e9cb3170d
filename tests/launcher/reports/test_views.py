"""Views made from records alone: table, plots, log lines, and the report that makes them all."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import matplotlib.image as mpimg
import numpy as np
import pytest

from launcher.errors import InputError
from launcher.reports.build import WORTH_FORKING, Report
from launcher.reports.plots import Line, Sheet, smooth
from launcher.sinks.text_log import step_line
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, EventLog, Started
from launcher.store.manifest import Manifest, ManifestExperiment, write_manifest
from launcher.store.paths import Paths, write_atomic
from launcher.store.records import RecordWriter
from launcher.text import number


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


def test_what_is_missing_is_known(paths: Paths) -> None:
    report = Report(paths)
    assert paths.table_txt in report.missing()
    report.draw()
    assert report.missing() == []
    paths.curve("loss", "good").unlink()
    assert report.missing() == [paths.curve("loss", "good")]


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
    problems = Report(paths, num_processes=2).draw()
    assert [problem.partition(" cannot")[0] for problem in problems] == [str(paths.curve("loss", "e7"))]
    assert all(paths.curve("loss", one.name).exists() for one in planned)


def test_curves_of_any_size_fit_one_sheet(tmp_path: Path) -> None:
    sheet = Sheet("perplexity")
    for name, values in {"short": [1.0, 2.0], "long": [3e7, 1.5e3], "short again": [1.0, -2.0]}.items():
        sheet.curve(tmp_path / f"{name}.png", Line(name, np.array([1, 2]), np.array(values), None, 0))
        image = mpimg.imread(tmp_path / f"{name}.png")  # (H, W, 4)
        assert image[:, 0, :3].min() == 1.0, f"{name}: nothing is cut off at the left edge"


def test_a_folder_without_a_sweep_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no sweep in"):
        Report(Paths(tmp_path, tmp_path))


def test_a_sweep_file_that_is_not_one_is_told(paths: Paths) -> None:
    for content in ("", "[]", "{}", '{"format": 99}', '{"format": 1, "experiments": [{}]}'):
        paths.sweep.write_text(content)
        with pytest.raises(InputError, match=r"sweep\.json cannot be read"):
            Report(paths)


def test_atomic_writing_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomic(path, "old")
    with pytest.raises(IsADirectoryError):
        write_atomic(tmp_path, "new")
    assert path.read_text() == "old"
    write_atomic(path, "new")
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "new"


def test_the_running_mean_keeps_ends_and_level() -> None:
    line = np.arange(100.0)
    assert np.allclose(smooth(line), line), "a straight line is its own running mean, ends included"
    assert smooth(np.array([1.0])).tolist() == [1.0]
    spiked = np.ones(100)
    spiked[50] = np.nan
    assert np.nanmax(np.abs(smooth(spiked) - 1.0)) == 0.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9.12304, "9.1230"),
        (9163.21, "9163.2"),
        (5e-4, "0.0005"),
        (1e-12, "1e-12"),
        (1e30, "1e+30"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (7, "7"),
        ("x", "x"),
    ],
)
def test_numbers_for_reading(value: object, text: str) -> None:
    assert number(value) == text


def test_a_step_is_a_line() -> None:
    record = {"n": 1, "attempt": 1, "at_s": 0.1, "step": 12, "loss": 9.123, "perplexity": 9163.2}
    assert step_line(record, 218) == "step 12/218 loss 9.1230 ppl 9163.2"
    assert step_line(record, None).startswith("step 12 ")
