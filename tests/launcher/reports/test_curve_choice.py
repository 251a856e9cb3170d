"""Which experiments have their own curves as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.errors import InputError
from launcher.planning.job import load
from launcher.reports.build import Report
from launcher.reports.curve_choice import curves_to_draw
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, EventLog, Started
from launcher.store.manifest import Manifest, ManifestExperiment, write_manifest
from launcher.store.paths import Paths
from launcher.store.records import RecordWriter

FEW, MANY = [f"e{number}" for number in range(24)], [f"e{number}" for number in range(25)]


def test_up_to_24_experiments_all_are_drawn() -> None:
    assert curves_to_draw(FEW) == FEW
    assert curves_to_draw(FEW, ["e3"]) == FEW
    assert curves_to_draw([]) == []


def test_of_more_those_that_are_asked_for_and_those_that_are_there_already() -> None:
    assert curves_to_draw(MANY) == []
    assert curves_to_draw(MANY, ["e3,e1?", "e24"]) == ["e3", *(f"e1{digit}" for digit in range(10)), "e24"]
    assert curves_to_draw(MANY, ["e3"], {"e1", "gone"}) == ["e1", "e3"]
    assert curves_to_draw(MANY, ["all"]) == MANY


@pytest.mark.parametrize("names", [FEW, MANY])
def test_a_wrong_name_is_told(names: list[str]) -> None:
    with pytest.raises(InputError, match=r'--curves e99: there is no experiment "e99"\. Did you mean "e9"\?'):
        curves_to_draw(names, ["e99"])
    with pytest.raises(InputError, match="--curves names no experiment"):
        curves_to_draw(names, [""])


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A sweep of 25 experiments, of which two have been trained."""
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    planned = [ManifestExperiment(name, {}, {}, name) for name in MANY]
    write_manifest(paths, Manifest("s", "job.toml", "t:f", 0, ["train/loss"], [], planned))
    log = EventLog(paths.events)
    for name in MANY[:2]:
        log.append(Started(name, 1, "cpu", 1))
        writer = RecordWriter(paths.records(name), 1)
        writer.write({"kind": "start", "digest": name})
        for step in range(1, 4):
            writer.write({"step": step, "train/loss": 1.0 / step})
        writer.write({"kind": "end", "ending": "done"})
        writer.close()
        log.append(Ended(name, 1, EndingKind.DONE, "", 1.5))
    log.close()
    return paths


def plots(paths: Paths) -> set[str]:
    return {path.name for path in paths.outcome.iterdir() if path.suffix in (".png", ".svg", ".pdf")}


def test_a_report_of_many_draws_what_is_asked_for_and_renews_it(paths: Paths) -> None:
    assert Report(paths).draw() == []
    assert plots(paths) == {"train_loss_curves.png"}
    words = paths.report_md.read_text()
    assert "python -m launcher report job.toml --curves NAME" in words
    assert "train_loss_curve_" not in words
    assert Report(paths, curves=["e0"]).draw() == []
    assert plots(paths) == {"train_loss_curves.png", "train_loss_curve_e0.png"}
    assert "(train_loss_curve_e0.png)" in paths.report_md.read_text()
    before = paths.curve("train/loss", "e0").stat().st_mtime_ns
    assert Report(paths).draw() == []
    assert paths.curve("train/loss", "e0").stat().st_mtime_ns > before


def test_a_report_by_a_changed_job_leaves_no_plot_of_a_dropped_kind_or_metric(paths: Paths) -> None:
    assert Report(paths, curves=["e0"]).draw() == []
    job = paths.outcome.parent / "job.toml"
    job.write_text(
        '[sweep]\ntarget = "t:f"\nplots = ["svg", "pdf"]\nx = ["time"]\n'
        'metrics = [{ name = "train/loss", unit = "nats" }]\n[experiments]\na = {}\n'
    )
    (paths.outcome / "other_curves.png").write_text("not ours")
    assert Report(paths, load(job), curves=["e1"]).draw() == []
    assert plots(paths) == {
        "other_curves.png",
        *(f"train_loss_curve{end}.{kind}" for end in ("s", "_e0", "_e1") for kind in ("svg", "pdf")),
    }
