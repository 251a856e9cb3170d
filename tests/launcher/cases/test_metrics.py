"""Metrics by the names that TensorBoard and Lightning users have, from the job file to every view (case 06)."""

from __future__ import annotations

import csv
import json

import pytest

from tests.launcher.conftest import Workplace

TARGET = """
METRICS = {"train/loss": {"unit": "nats per token"}}

def train(config: dict, run):
    for step in range(1, 4):
        bad = float("nan") if config.get("breaks") and step == 3 else 1 / step
        run.log(step, **{"train/loss": bad, "val/acc@5": step / 10, "eval.loss": 2 / step, "grad-norm": 0.1})

def other(config: dict, run):
    for step in range(1, 4):
        run.log(step, **{"val loss": 1 / step, "F1 (macro)": step / 10, "損失": 2 / step})
"""
JOB = """
[sweep]
target = "named:train"
preload = []
on_nan = "stop"
plots = PLOTS
metrics = METRICS
maximize = ["val/acc@5"]
[experiments]
a = {}
breaks = { breaks = true }
"""
NAMES = '"train/loss", { name = "val/acc@5", unit = "top 5" }, "eval.loss", "grad-norm"'


def write(place: Workplace, metrics: str, plots: str) -> None:
    (place.folder / "named.py").write_text(TARGET)
    place.job(JOB.replace("METRICS", f"[{metrics}]").replace("PLOTS", plots))


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_06_metrics_with_slashes_work_everywhere(place: Workplace) -> None:
    write(place, NAMES, '["png", "svg"]')
    done = place.launch("run", "job.toml", "--devices", "cpu", "--json")
    assert done.code == 1, "an experiment diverged"
    paths, told = place.paths, json.loads(done.out)
    assert told["best"]["val/acc@5"]["value"] == 0.3
    assert "train/loss is nan at step 3" in done.err
    with paths.table_csv.open(newline="") as file:
        rows = {row["experiment"]: row for row in csv.DictReader(file)}
    assert rows["breaks"]["final_train/loss"] == "nan"
    assert rows["a"]["best_val/acc@5"] == "0.3"
    drawn = {path.name for path in paths.outcome.iterdir() if path.suffix in (".png", ".svg")}
    parts = ("train_loss", "val_acc@5", "eval.loss", "grad-norm")
    plots = {f"{part}_curve{end}" for part in parts for end in ("s", "_a", "_breaks")}
    assert drawn == {f"{plot}.{kind}" for plot in plots for kind in ("png", "svg")}
    page, words = paths.report_html.read_text(), paths.report_md.read_text()
    assert "train/loss" in page
    assert "nats per token" in page
    assert "(train_loss_curves.png)" in words
    status = place.launch("status", "job.toml")
    assert "train/loss" in status.out + status.err

    write(place, '"eval.loss"', '["svg"]')
    place.launch("run", "job.toml", "--devices", "cpu")
    drawn = {path.name for path in paths.outcome.iterdir() if path.suffix in (".png", ".svg")}
    assert "eval.loss_curves.svg" in drawn
    assert not {name for name in drawn if name.endswith(".png")}, "a kind of file that is no longer named"
    assert not {"train_loss_curves.svg", "grad-norm_curves.svg"} & drawn


def test_06_metrics_with_blanks_brackets_and_other_letters_work_too(place: Workplace) -> None:
    write(place, '"val loss", "F1 (macro)", "損失"', '["png"]')
    job = (
        (place.folder / "job.toml").read_text().replace("named:train", "named:other").replace("val/acc@5", "F1 (macro)")
    )
    done = place.launch(str(place.job(job)), "--devices", "cpu", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["best"]["F1 (macro)"]["value"] == 0.3
    with place.paths.table_csv.open(newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["best_F1 (macro)"], row["final_損失"]) == ("0.3", "0.6666666666666666")
    drawn = {path.name for path in place.paths.outcome.glob("*_curves.png")}
    assert {"val_loss_curves.png", "F1_macro__curves.png", place.paths.curves("損失").name} == drawn
    assert "(F1_macro__curves.png)" in place.paths.report_md.read_text()
