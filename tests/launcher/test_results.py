"""The results of a sweep from Python: table, curves, the best experiment, what a notebook shows."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import launcher
from launcher.errors import InputError
from tests import no_gpus
from tests.launcher.conftest import wait_for

ROOT = str(Path(__file__).parents[2])
TRAIN = """
import math
def run(config: dict, run):
    run.info(parameters=2**60 + config["width"])
    for step in range(1, 4):
        loss = math.nan if config["width"] == 5 and step > 1 else config["width"] / step
        run.log(step, loss=loss, acc=step, **({"tokens": 10 * step} if config["width"] == 1 else {}))
    if config["width"] == 3:
        raise ValueError("<b>no</b>")
"""
EXPERIMENTS = {"base": {}, "wide": {"width": 2}, "lost": {"width": 3}, "nan": {"width": 5}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a program of a few lines has trained four experiments."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "train.py").write_text(TRAIN)
    (folder / "sweep.py").write_text(
        "import json, launcher, train\n"
        f"sweep = launcher.Sweep.make(target=train.run, config={{'width': 1}}, experiments={EXPERIMENTS!r},\n"
        "    preload=[], telemetry_s=0, maximize=['acc'], metrics=['loss'])\n"
        "summary = launcher.run(sweep, devices='cpu', parallel=True)\n"
        "best = summary.best('loss')\n"
        "print(json.dumps([summary.exit_code, best.experiment, summary.table.shape[0], summary.outcome.name]))\n"
    )
    done = run(folder, "sweep.py")
    assert json.loads(done.stdout) == [1, "base", 4, "train"], done.stderr
    return folder


def environment(folder: Path) -> dict[str, str]:
    locks = str(folder / ".locks")
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": ROOT, "LAUNCHER_LOCKS": locks, **no_gpus.variables()}


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.fixture
def results(folder: Path) -> launcher.Results:
    return launcher.open(folder / "outcome" / "train")


def test_the_table_has_a_row_for_each_experiment_and_columns_of_numbers(results: launcher.Results) -> None:
    table = results.table
    assert list(table.index) == list(EXPERIMENTS)
    assert table.loc["wide", "best_loss"] == pytest.approx(2 / 3)
    assert table["parameters"].tolist() == [2**60 + width for width in (1, 2, 3, 5)], "no digit is lost"
    assert table.sort_values("best_loss").index[0] == "base"
    assert table["ending"].tolist() == ["done", "done", "failed", "done"]
    assert math.isnan(table.loc["nan", "final_loss"])
    csv = pd.read_csv(results.outcome / "results_table.csv", index_col="experiment")
    assert list(table.columns) == list(csv.columns)


def test_curves_are_in_long_form(results: launcher.Results) -> None:
    curves = results.curves("loss")
    assert list(curves.columns) == ["experiment", "step", "value", "tokens", "seconds"]
    assert len(curves) == 12
    base = curves[curves["experiment"] == "base"]
    assert base["value"].tolist() == [1.0, 0.5, pytest.approx(1 / 3)]
    assert base["tokens"].tolist() == [10.0, 20.0, 30.0]
    assert curves[curves["experiment"] == "wide"]["tokens"].isna().all(), "it did not log tokens"
    assert base["seconds"].is_monotonic_increasing
    assert results.curves().equals(curves), "loss is the first metric of the job"


def test_a_metric_that_the_job_does_not_name_has_curves_and_a_best_experiment_too(results: launcher.Results) -> None:
    assert results.curves("acc")["value"].max() == 3
    best = results.best("acc")
    assert best is not None
    assert (best.experiment, best.value, best.step) == ("base", 3, 3), "acc is in maximize; of equal ones the first"


def test_a_plot_is_the_one_beside_the_report_as_a_figure(results: launcher.Results, tmp_path: Path) -> None:
    import matplotlib

    before = matplotlib.rcParams["backend"]
    figure = results.plot("loss")
    texts = [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    assert {"base", "wide"} <= set(texts)
    figure.savefig(tmp_path / "loss.pdf")
    assert (tmp_path / "loss.pdf").read_bytes().startswith(b"%PDF")
    assert figure._repr_png_().startswith(b"\x89PNG"), "a notebook shows it"
    assert matplotlib.rcParams["backend"] == before, "a notebook's own plots stay in the notebook"
    assert results.plot("acc").axes, "a metric that the job does not name"


def test_the_best_has_its_configuration_and_never_failed(results: launcher.Results) -> None:
    best = results.best()
    assert best == launcher.Best("loss", "base", pytest.approx(1 / 3), 3, {}, {"width": 1})


def test_a_misspelt_metric_is_told(results: launcher.Results) -> None:
    with pytest.raises(InputError, match=r'no experiment has logged "los".*Did you mean "loss"'):
        results.curves("los")
    with pytest.raises(InputError, match="no experiment has logged"):
        results.best("<script>")


def test_a_notebook_shows_a_small_table_the_best_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    shown = launcher.open("outcome/train")._repr_html_()
    assert shown.index(">base<") < shown.index(">wide<") < shown.index(">lost<")
    assert "3 done, 1 failed. Best loss: 0.3333, base. Read at 2" in shown
    assert "done, but loss is nan from step 2 on" in shown
    assert '<a href="outcome/train/report.html">' in shown
    assert "<b>no" not in shown
    assert "<script" not in shown


def test_results_are_those_of_the_moment_of_asking(folder: Path, tmp_path: Path) -> None:
    """A record that comes later, as from a running worker, is seen at the next asking."""
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(folder / "outcome" / "train", copy)
    results = launcher.open(copy)
    best = results.best("loss")
    assert best is not None
    with (copy / "records" / "base.jsonl").open("a") as file:
        file.write(json.dumps({"n": 99, "attempt": 1, "step": 9, "loss": 0.001, "at_s": 9.0}) + "\n")
    newer = results.best("loss")
    assert newer is not None
    assert (newer.value, newer.step) == (0.001, 9)
    shutil.rmtree(copy)
    assert "there is no sweep in" in results._repr_html_()


def test_a_sweep_can_be_looked_at_while_it_runs(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import os, time\n"
        "def run(config: dict, run):\n"
        "    run.log(1, loss=2.0)\n"
        "    while not os.path.exists('go'): time.sleep(0.02)\n"
        "    run.log(2, loss=1.0)\n"
    )
    (tmp_path / "sweep.py").write_text(
        "import launcher\n"
        "sweep = launcher.Sweep.make(target='train:run', experiments={'a': {}}, preload=[])\n"
        "launcher.run(sweep, devices='cpu')\n"
    )
    with subprocess.Popen([sys.executable, "sweep.py"], cwd=tmp_path, env=environment(tmp_path)) as running:
        try:
            outcome = tmp_path / "outcome" / "train"
            wait_for(lambda: (outcome / "records" / "a.jsonl").exists() and '"loss"' in read(outcome))
            results = launcher.open(outcome)
            assert results.experiments == {"a": "running"}
            assert results.table.loc["a", "ending"] == "running"
            assert results.curves("loss")["value"].tolist() == [2.0]
            assert "1 running. Best loss: 2.0000, a." in results._repr_html_()
            (tmp_path / "go").touch()
            assert running.wait(60) == 0
            assert results.experiments == {"a": "done"}
            assert results.curves("loss")["value"].tolist() == [2.0, 1.0]
        finally:
            running.kill()


def read(outcome: Path) -> str:
    return (outcome / "records" / "a.jsonl").read_text()


def test_a_folder_without_a_sweep_is_told_with_what_to_type(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=r'There is a sweep here: launcher.open\("outcome/train"\)'):
        launcher.open(".")
    with pytest.raises(InputError, match=r'nothing does not exist.*\n.*launcher.open\("outcome/train"\)'):
        launcher.open("nothing")
    with pytest.raises(InputError, match=r"sweep\.py is a file"):
        launcher.open("sweep.py")


@pytest.mark.slow
def test_the_same_program_goes_on_and_every_command_can_be_typed_for_its_job_file(folder: Path) -> None:
    again = run(folder, "sweep.py")
    assert json.loads(again.stdout)[1] == "base"
    assert "keep   base  done, 3 steps" in again.stderr
    assert "sweep train of outcome/train/job.toml" in again.stderr
    job = "outcome/train/job.toml"
    assert json.loads((folder / "outcome" / "train" / "sweep.json").read_text())["job_file"] == job
    for command in ("status", "plan", "report"):
        done = run(folder, "-m", "launcher", command, job)
        assert done.returncode == 0, done.stderr
    assert "keep   base  done" in run(folder, "-m", "launcher", "plan", job).stdout
    verified = run(folder, "-m", "launcher", "verify", "base", "--job", job)
    assert "base: 3 steps, all identical" in verified.stdout


def test_importing_the_launcher_brings_neither_pandas_nor_matplotlib(folder: Path) -> None:
    code = (
        "import sys, launcher\n"
        "results = launcher.open('outcome/train'); results.best(); results._repr_html_()\n"
        "print([name for name in ('pandas', 'numpy', 'matplotlib', 'torch') if name in sys.modules])\n"
    )
    assert run(folder, "-c", code).stdout.strip() == "[]"
