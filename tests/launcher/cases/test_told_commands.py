"""Cases D8 and D20: a message says what to type so that it works when it is typed, and nothing that is not so."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from launcher.reports import results_text, table
from launcher.reports.build import Report
from launcher.reports.status import SweepStatus
from launcher.store.launch_info import LaunchInfo
from launcher.store.manifest import Manifest, ManifestExperiment, write_manifest
from launcher.store.paths import Paths
from tests.launcher.conftest import Workplace, marked, wait_for


def test_D8_a_command_that_is_told_names_the_job_and_the_folders_quoted(place: Workplace) -> None:
    place.toy({"a": {"barrier": "go"}}).rename(place.folder / "my job.toml")
    folders = ["--outcome", "out put", "--logs", "l"]
    nothing = place.launch("status", "my job.toml", *folders)
    assert "python -m launcher run 'my job.toml' --outcome 'out put' --logs l --parallel." in nothing.err
    process = place.start("my job.toml", *folders)
    drawing = wait_for(lambda: [one for one in marked(place.mark) if "launcher.reports.build" in one.cmdline()])
    wait_for((place.folder / "out put" / "records" / "a.jsonl").exists)
    drawing[0].kill()
    (place.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert "Make them with: python -m launcher report 'my job.toml' --outcome 'out put' --logs l\n" in err
    again = place.launch("report", "my job.toml", *folders)
    assert again.code == 0, "typed as it was told"


def test_D8_what_goes_on_is_typed_as_it_was() -> None:
    def command(*argv: str) -> str:
        launch = LaunchInfo(argv=list(argv))
        return SweepStatus(
            sweep="a", job_file="a b.toml", metric=None, phase="ended", launcher=None, launch=launch, experiments=[]
        ).command

    assert command("/x/bin/sweep-launcher", "run", "a b.toml") == "sweep-launcher run 'a b.toml'"
    assert command("jobs/run_experiments.py", "--parallel") == "python jobs/run_experiments.py --parallel"
    assert command("/x/launcher/__main__.py") == "python -m launcher run 'a b.toml' --parallel"
    assert command("-c") == "python -m launcher run 'a b.toml' --parallel"


def test_D20_a_view_that_cannot_be_written_is_called_intact_only_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    planned = [ManifestExperiment("a", {}, {}, "0")]
    write_manifest(paths, Manifest("job", "job.toml", "toy:train", 0, [], [], planned))
    report = Report(paths)
    assert report.draw() == []

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for module in (results_text, table):
        monkeypatch.setattr(module, "write_atomic", full)
    paths.table_csv.unlink()
    text, csv = (f"{path} cannot be written: No space left on device." for path in (paths.table_txt, paths.table_csv))
    assert report.draw() == [f"{text} The file that was there is intact.", csv]
