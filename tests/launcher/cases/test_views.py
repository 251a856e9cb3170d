"""What the views say is so: tables, page, report, JSON and screen agree with the records and with each other."""

from __future__ import annotations

import csv
import html
import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.cli import on_finish
from launcher.engine.classify_ending import Ending
from launcher.engine.summary import Summary
from launcher.errors import InputError
from launcher.planning.job import load
from launcher.reports.analysis import best_experiment, observations
from launcher.reports.build import Report
from launcher.reports.status import read_status
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, EventLog, Started
from launcher.store.experiment_state import RUNNING, ExperimentState
from launcher.store.locks import lock_folder
from launcher.store.manifest import Manifest, ManifestExperiment, read_manifest, write_manifest
from launcher.store.paths import Paths
from launcher.store.provenance import environment
from launcher.store.records import RecordWriter
from launcher.store.sweep_state import read_sweep_state
from launcher.terminal import colour, output
from tests.launcher.conftest import Workplace, wait_for

BIG = 2**60 + 1
Values = Mapping[str, Sequence[Any]]  # by metric, step by step


class Sweep:
    """The files of a sweep, written as worker and launcher write them."""

    def __init__(
        self, folder: Path, *names: str, metrics: Sequence[str] = ("loss",), maximize: Sequence[str] = ()
    ) -> None:
        self.paths = Paths(folder / "outcome", folder / "logs")
        self.paths.create()
        planned = [ManifestExperiment(name, {}, {}, name) for name in names]
        launch = replace(environment(), attempts=dict.fromkeys(names, 1))
        document = Manifest("s", "job.toml", "t:f", 0, list(metrics), list(maximize), planned, launch)
        write_manifest(self.paths, document)

    def attempt(self, name: str, values: Values, ending: str | None = "done", why: str = "", **facts: Any) -> None:
        """Write one attempt; ending None: it has none yet."""
        events = EventLog(self.paths.events)
        events.append(Started(name, 1, "cpu", 1))
        writer = RecordWriter(self.paths.records(name), 1)
        writer.write({"kind": "start", "digest": name})
        if facts:
            writer.write({"kind": "info", **facts})
        for step, cells in enumerate(zip(*values.values(), strict=True), start=1):
            writer.write(dict(zip(values, cells, strict=True)), step)
        if ending is not None:
            writer.write({"kind": "end", "ending": ending, "peak_memory_bytes": 5})
            events.append(Ended(name, 1, EndingKind(ending), why, 1.5))
        writer.close()
        events.close()

    def results(self) -> list[ExperimentState]:
        found = read_sweep_state(self.paths, 2e9)
        assert found is not None
        return found.read_experiments()

    def csv(self) -> dict[str, dict[str, str]]:
        with self.paths.table_csv.open(newline="") as file:
            return {row["experiment"]: row for row in csv.DictReader(file)}


def test_14_whole_numbers_stay_as_they_are_beside_an_empty_cell(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, "a", "fails", "never", metrics=["count", "mixed", "flag"])
    values = {"count": [2**53 + 1, 3, 2**53 + 3], "mixed": [1, 0.5, 2], "flag": [True, False, True]}
    sweep.attempt("a", values, data_hash=BIG, parameters=13_278_976, huge=10**30)
    sweep.attempt("fails", {}, "failed", "x")
    report = Report(sweep.paths)
    assert report.draw() == []
    a, fails, never = sweep.csv().values()
    assert (a["data_hash"], a["parameters"], a["huge"]) == (str(BIG), "13278976", str(10**30))
    assert (fails["data_hash"], fails["first_count"], never["parameters"], never["threads"]) == ("", "", "", "")
    assert [a[f"{which}_count"] for which in ("first", "final", "best")] == [str(2**53 + 1), str(2**53 + 3), "3"]
    assert [a[f"{which}_mixed"] for which in ("first", "final", "best")] == ["1", "2", "0.5"]
    assert [a[f"{which}_flag"] for which in ("first", "final", "best")] == ["True", "True", "False"]
    assert (a["steps"], a["threads"], a["attempts"], a["peak_memory_bytes"]) == ("3", "1", "1", "5")
    text = sweep.paths.table_txt.read_text()
    assert "13,278,976" in text
    assert str(2**53 + 3) in text
    row, other, _ = report.rows()
    assert (row["data_hash"], row["final_count"], row["final_flag"]) == (BIG, 2**53 + 3, True)
    assert (other["data_hash"], other["final_count"]) == (None, None)
    for page in (sweep.paths.report_html, sweep.paths.report_md):
        assert str(2**53 + 3) in page.read_text(), "a metric of ints is shown as ints everywhere"


def test_d5_nan_is_shown_and_told_with_its_first_step(tmp_path: Path) -> None:
    nan = math.nan
    names = ("good", "gone", "once", "all", "up")
    sweep = Sweep(tmp_path, *names, metrics=["loss", "other"])
    sweep.attempt("good", {"loss": [3.0, 2.0, 1.0]})
    sweep.attempt("gone", {"loss": [0.5, nan, nan]})
    sweep.attempt("once", {"loss": [3.0, nan, 2.0]})
    sweep.attempt("all", {"loss": [nan, nan]})
    sweep.attempt("up", {"loss": [3.0, math.inf, nan]}, "failed", "loss is nan at step 3")
    report = Report(sweep.paths)
    assert report.draw() == []
    rows = sweep.csv()
    assert [rows[name]["final_loss"] for name in names] == ["1.0", "nan", "2.0", "nan", "nan"]
    assert [rows[name]["best_loss"] for name in names] == ["1.0", "0.5", "2.0", "", "3.0"]
    assert {row["final_other"] for row in rows.values()} == {""}, "empty is what was never logged"
    assert [rows[name]["why"] for name in names] == [
        "", "loss is nan from step 2 on", "", "loss is nan from step 1 on", "loss is nan at step 3",
    ]  # fmt: skip
    text = sweep.paths.table_txt.read_text()
    assert "2 done alike: loss is nan from step 2 on\n  gone, all" in text
    assert re.search(r"^gone +- +3 +0\.5000 +nan +0\.5000", text, re.M)
    assert [row["final_loss"] for row in report.rows()] == [1.0, "nan", 2.0, "nan", "nan"]
    json.dumps(report.rows(), allow_nan=False)
    page, words = sweep.paths.report_html.read_text(), sweep.paths.report_md.read_text()
    assert "! done, but loss is nan from step 2 on" in page
    assert page.count("✓ done<") == 2, "of good and once"
    assert "2 done without a finite end" in page
    assert "done, but loss is nan from step 2 on" in words
    assert "gone is done, but its loss is nan from step 2 on. It is not ranked in that." in words


def test_12_a_metric_that_no_experiment_logged_is_told(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, "a", "b", metrics=["los", "acc"])
    sweep.attempt("a", {"loss": [1.0], "acc": [0.5]})
    Report(sweep.paths).draw()
    told = 'metrics names los, which no experiment logged; logged were: loss, acc. Did you mean "loss"?'
    for view in (sweep.paths.table_txt, sweep.paths.report_md, sweep.paths.report_html):
        assert html.unescape(view.read_text()).count(told[1:]) == 1
    words = Sweep(tmp_path / "words", "a", metrics=["loss", "acc"])
    words.attempt("a", {"loss": ["0.5"], "acc": [0.5]})
    Report(words.paths).draw()
    assert "loss was logged as text, of which there is no curve: log a number." in words.paths.table_txt.read_text()
    idle = Sweep(tmp_path / "idle", "a", metrics=["los"])
    Report(idle.paths).draw()
    assert "logged" not in idle.paths.table_txt.read_text(), "nothing ran, and nothing is known about the metrics"


@pytest.fixture
def half(tmp_path: Path) -> Sweep:
    """A sweep whose launcher is at work: one experiment is done, one runs, one waits."""
    sweep = Sweep(tmp_path, "finished", "works", "waits")
    sweep.attempt("finished", {"loss": [2.0, 1.0]})
    sweep.attempt("works", {"loss": [3.0, 2.5]}, None)
    return sweep


def said_of(sweep: Sweep, name: str) -> dict[str, Any]:
    """Return how an experiment stands, by each view that tells it."""
    report = Report(sweep.paths)
    assert report.draw() == []
    overview = read_status(sweep.paths, 2e9)
    assert overview is not None
    words = re.search(rf"^\| `{name}` \| ([\w ]+) \|", sweep.paths.report_md.read_text(), re.M)
    page = re.search(rf'<th scope="row"[^>]*>{name}</th>.*?(?:…|✓|✗|‖) (\w+)<', sweep.paths.report_html.read_text())
    text = re.search(rf"^{name} .*?(\w+)$", sweep.paths.table_txt.read_text(), re.M)
    assert words is not None
    assert page is not None
    assert text is not None
    return {
        "status": next(one.state for one in overview.experiments if one.name == name),
        "csv": sweep.csv()[name]["ending"],
        "json": next(row["ending"] for row in report.rows() if row["experiment"] == name),
        "markdown": words[1],
        "page": page[1],
        "text": text[1],
    }


def test_d2_all_views_say_the_same_of_what_runs(half: Sweep) -> None:
    lock = lock_folder(half.paths.lock)
    try:
        assert set(said_of(half, "works").values()) == {RUNNING}
        assert float(half.csv()["works"]["time_s"]) >= 0, "its time so far"
        assert set(said_of(half, "finished").values()) == {"done"}
        assert "works runs, now after step 2. It is not ranked yet." in half.paths.report_md.read_text()
        page = half.paths.report_html.read_text()
        assert "1 running" in page
        assert "1 experiment was running then, 1 of 3 were done" in page
        assert "works attempt 1 on cpu: running after" in page, "the timeline too"
    finally:
        lock.release()
    assert set(said_of(half, "works").values()) == {"interrupted"}, "the launcher is gone"
    assert half.csv()["works"]["why"] == "its launcher was gone"
    assert "works attempt 1 on cpu: interrupted after" in half.paths.report_html.read_text()


def test_d2_a_launcher_that_still_checks_runs_nothing(half: Sweep) -> None:
    document = read_manifest(half.paths)
    assert document is not None
    document = replace(
        document, launch=replace(document.launch, pid=1)
    )  # an earlier launch's, which was killed; another has the folder now
    write_manifest(half.paths, document)
    lock = lock_folder(half.paths.lock)
    try:
        assert half.results()[1].outcome == "interrupted"
    finally:
        lock.release()


def test_d2_while_a_sweep_runs_the_table_says_so(place: Workplace) -> None:
    job = place.toy({"quick": {"steps": 1}, "slow": {"steps": 2, "barrier": "go"}})
    process = place.start(str(job), "--devices", "cpu", "--parallel")
    table = place.paths.table_csv
    wait_for(lambda: table.exists() and re.search("^slow.*,running,", table.read_text(), re.M))
    told = place.launch("report", "job.toml", "--json")
    assert {row["experiment"]: row["ending"] for row in json.loads(told.out)["results"]} == {
        "quick": "done",
        "slow": "running",
    }
    (place.folder / "go").touch()
    process.communicate(timeout=60)
    assert set(said_of_outcome(place)) == {"done"}


def said_of_outcome(place: Workplace) -> list[str]:
    with place.paths.table_csv.open(newline="") as file:
        return [row["ending"] for row in csv.DictReader(file)]


def test_d4_the_best_is_of_the_records_and_failed_ones_never_win(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, "steady", "lucky", "crashed", "lost", metrics=["loss", "acc", "never"])
    sweep.attempt("steady", {"loss": [3.0] + [1.0] * 24, "acc": [*range(1, 26)]})
    sweep.attempt("lucky", {"loss": [3.0, 0.5] + [2.0] * 23, "acc": [26] + [0] * 24})
    sweep.attempt("crashed", {"loss": [0.1], "acc": [99]}, "failed", "x")
    sweep.attempt("lost", {"loss": [0.0, math.nan], "acc": [99, 99]}, "diverged", "x")
    (tmp_path / "job.toml").write_text(
        f'[sweep]\ntarget = "t:f"\noutcome = "{sweep.paths.outcome}"\n'
        'metrics = ["loss", "acc", "never"]\nmaximize = ["acc"]\n[experiments]\nsteady = {}\n'
    )
    sweep.paths.table_csv.write_text("experiment,best_loss\nsteady,-100\n")  # stale: it could not be written
    job = load(tmp_path / "job.toml")
    results = on_finish.results(job, {})  # by what the job maximizes now, whatever it did when it was launched
    told = on_finish.document(job, Summary({}, {}), results, 1.0)["best"]
    assert (told["loss"]["experiment"], told["loss"]["value"], told["loss"]["step"]) == ("lucky", 0.5, 2)
    assert (told["acc"]["experiment"], told["acc"]["value"], told["acc"]["step"]) == ("lucky", 26, 1)
    assert (told["loss"]["level"], told["loss"]["at_the_end"]) == (
        2.0,
        {"experiment": "steady", "level": 1.0, "spread": 0.0, "standard_error": 0.0},
    )
    assert told["acc"]["at_the_end"]["experiment"] == "steady"
    assert "never" not in told
    assert any(one.startswith("Best loss at the end: steady") for one in observations(results, ["loss"]))
    found = best_experiment(results, "loss")
    assert found is not None
    assert found.experiment.name == "lucky"


def test_d1_the_report_links_every_curve_that_was_recorded(tmp_path: Path) -> None:
    names = [f"e{number}" for number in range(4)]
    sweep = Sweep(tmp_path, *names, "idle", metrics=["loss", "never"])
    for name in names:
        sweep.attempt(name, {"loss": [2.0, 1.0]})
    report = Report(sweep.paths)
    report.draw(names[-1:])
    words = sweep.paths.report_md.read_text()
    links = re.findall(r"\]\((\S+\.png)\)", words)
    assert links == ["loss_curves.png", *(f"loss_curve_{name}.png" for name in names)]
    report.draw()
    again = re.sub(r" Made \S+\.$", "", sweep.paths.report_md.read_text(), flags=re.M)
    assert again == re.sub(r" Made \S+\.$", "", words, flags=re.M), (
        "what is written does not depend on what is there already"
    )
    assert all((sweep.paths.outcome / link).exists() for link in links)


@pytest.mark.parametrize(
    ("command", "sign"),
    [
        ("echo hi | mail me", "|"),
        ("echo hi|mail me", "|"),
        ("echo hi > note.txt", ">"),
        ("echo hi 2>&1", "2>"),
        ("sort <in", "<"),
        ("true && echo hi", "&&"),
        ("sleep 9 &", "&"),
        ("echo a; echo b", ";"),
        ("echo $HOME", "$H"),
        ("echo $(date)", "$("),
        ("echo `date`", "`"),
        ("ls *.csv", "*"),
        ("~/notify.sh now", "~"),
        ("echo 'a' | mail \"me\"", "|"),
    ],
)
def test_d17_what_needs_a_shell_is_refused_with_the_way_to_one(command: str, sign: str) -> None:
    with pytest.raises(InputError) as caught:
        on_finish.split(command)
    assert f"{sign} means something to a shell only" in str(caught.value)
    assert f"sh -c {shlex.quote(command)}" in str(caught.value)
    on_finish.split(f"sh -c {shlex.quote(command)}")


@pytest.mark.parametrize(
    "command",
    [
        "sh -c 'a | b > c'",
        "echo 'a|b' \"x;y $z\" \\* a\\|b",
        "echo https://x.example/?a=1&b=2",
        "echo -- --x=1,2 a~b #1",
    ],
)
def test_d17_what_is_quoted_is_text(command: str) -> None:
    assert on_finish.split(command) == shlex.split(command)


def test_d17_nothing_to_do_is_nothing_to_tell(place: Workplace) -> None:
    job = str(place.toy({"a": {"steps": 1}}))
    command = ("--devices", "cpu", "--on-finish", "tee heard.json")
    assert place.launch(job, *command).code == 0
    heard = place.folder / "heard.json"
    assert json.loads(heard.read_text())["endings"]["a"]["ending"] == "done"
    heard.unlink()
    again = place.launch(job, *command)
    assert again.code == 0
    assert "--on-finish is not run: nothing was to do." in again.err
    assert not heard.exists()


def test_d7_an_answer_is_told_before_what_follows_from_it(place: Workplace) -> None:
    experiments = {"bad": {"act": "raise", "at": 1}, "a": {"steps": 2, "barrier": "go"}}
    process = place.start(str(place.toy(experiments, threads=1)), "--devices", "cpu", "--parallel")
    wait_for(lambda: place.history("a").steps and "failed" in place.paths.events.read_text())
    assert place.launch("retry", "bad", "--job", "job.toml").out == "bad: queued again\n"
    wait_for(lambda: place.paths.events.read_text().count('"failed"') == 2)
    assert place.launch("stop", "--all", "--job", "job.toml").code == 0
    _, err = process.communicate(timeout=60)
    said = ["retry (asked by", "bad: tried again, attempt 2", "stop (asked by", "SIGINT: nothing more"]
    assert sorted(said, key=err.index) == said, err


def test_d5_what_is_done_with_nan_is_told_once_and_is_not_green(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(colour, "is_wanted", lambda stream: True)
    nan = Ending(EndingKind.DONE, "loss was nan from step 2 on")
    for ending in (Ending(EndingKind.DONE), nan):
        output.print_summary(Summary({"a": ending}, {}), Paths(tmp_path, tmp_path), [], ["loss"], fresh=False)
    green, plain, remark = capsys.readouterr().err.splitlines()
    assert (green, plain) == ("\x1b[32m1 done.\x1b[0m", "1 done.")
    assert "a done: loss was nan from step 2 on" in remark
    sweep = Sweep(tmp_path, "a")
    sweep.attempt("a", {"loss": [1.0, math.nan]}, why="loss was nan from step 2 on")
    Report(sweep.paths).draw()
    assert sweep.paths.table_txt.read_text().count("loss was nan from step 2 on") == 1
