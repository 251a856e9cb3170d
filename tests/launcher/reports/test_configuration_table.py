"""The results of several seeds for programs: a row a configuration, a row an experiment, JSON."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pandas as pd
import pytest

import launcher
from launcher.cli.best_document import best_document
from launcher.reports.build import Report
from launcher.reports.configuration_table import configuration_rows, configurations_document
from launcher.reports.freshness import outdated
from launcher.store.paths import Paths
from tests.launcher.reports.analysis.states import made, seeded
from tests.launcher.reports.seeded_sweep import LEVELS, make_seeded_sweep


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return make_seeded_sweep(tmp_path)


def test_the_table_has_a_row_a_configuration_and_the_runs_have_a_file(paths: Paths) -> None:
    assert Report(paths).draw() == []
    with paths.table_csv.open(newline="") as file:
        rows = {row["configuration"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(LEVELS)
    low = rows["lr=0.001"]
    assert float(low["mean_loss"]) == pytest.approx(5.306)
    assert float(low["sd_loss"]) == pytest.approx(0.042778499272414935)
    assert (float(low["low_loss"]), float(low["high_loss"])) == pytest.approx((5.2528834775562565, 5.359116522443744))
    assert float(low["difference_loss"]) == pytest.approx(-0.092)
    assert (low["finding_loss"], low["better_on_loss"], low["common_seeds_loss"]) == ("better", "5", "5")
    assert (rows["base"]["finding_loss"], rows["base"]["difference_loss"]) == ("reference", "")
    assert (rows["lr=0.1"]["done_loss"], rows["lr=0.1"]["diverged_loss"], rows["lr=0.1"]["seeds"]) == ("3", "1", "5")
    with paths.runs_csv.open(newline="") as file:
        runs = list(csv.DictReader(file))
    assert len(runs) == 15
    assert [(run["experiment"], run["seed"], run["configuration"]) for run in runs[5:7]] == [
        ("lr=0.001", "0", "lr=0.001"),
        ("lr=0.001+s1", "1", "lr=0.001"),
    ]
    assert runs[5]["final_loss"] == "5.31"
    assert outdated(paths) == []
    paths.runs_csv.unlink()
    assert outdated(paths) == [paths.runs_csv]


def test_one_seed_has_the_table_of_before_and_no_runs(tmp_path: Path) -> None:
    paths = make_seeded_sweep(tmp_path, {"base": [5.4], "lr=0.1": [5.3]})
    paths.runs_csv.write_text("of an earlier job\n")
    Report(paths).draw()
    assert not paths.runs_csv.exists()
    with paths.table_csv.open(newline="") as file:
        (first, _) = csv.DictReader(file)
    assert list(first)[:3] == ["experiment", "overrides", "steps"]
    assert (first["seed"], first["configuration"]) == ("0", "base"), "what is new stands at the end"
    assert list(first)[-2:] == ["seed", "configuration"]


def test_json_has_each_configuration_with_its_levels(paths: Paths) -> None:
    report = Report(paths)
    report.draw()
    document = report.configurations()
    assert json.loads(json.dumps(document)) == document
    low = document[1]
    assert low["configuration"] == "lr=0.001"
    assert low["experiments"] == {str(seed): f"lr=0.001+s{seed}" if seed else "lr=0.001" for seed in range(5)}
    assert low["metrics"]["loss"]["levels"]["1"] == pytest.approx(5.28)
    assert low["metrics"]["loss"]["verdict"] == "better"
    assert low["seconds"] == 1.5
    assert len(report.rows()) == 15


def test_json_of_a_configuration_is_strict() -> None:
    odd = seeded("a", [1.0, 2.0], overrides={"lr": math.inf, "x": {"y": [math.nan]}}, cell={"lr": math.inf})
    document = configurations_document(odd, ["loss"])
    assert json.dumps(document, allow_nan=False)
    assert document[0]["overrides"] == {"lr": "inf", "x": {"y": ["nan"]}}


def test_a_program_is_told_the_best_configuration() -> None:
    experiments = [*seeded("base", [3.0, 3.1, 3.2]), *seeded("low", [2.0, 2.1, 2.3])]
    best = best_document(experiments, ["loss"])["loss"]
    assert best["configuration"]["configuration"] == "low"
    assert best["configuration"]["finding"] == "better"
    assert best["experiment"] == "low", "the key of before: the best single step"
    alone = best_document([made("a", [1.0] * 5)], ["loss"])["loss"]
    assert alone["configuration"]["mean"] == 1.0


def test_python_has_a_row_a_configuration(paths: Paths) -> None:
    results = launcher.open(paths.outcome)
    configurations = results.configurations
    assert list(configurations.index) == list(LEVELS)
    assert configurations.loc["lr=0.001", "mean_loss"] == pytest.approx(5.306)
    assert configurations["done_loss"].tolist() == [5, 5, 3]
    assert len(results.table) == 15
    assert results.table.loc["lr=0.1+s2", ["seed", "configuration"]].tolist() == [2, "lr=0.1"]
    Report(paths).draw()
    written = pd.read_csv(paths.table_csv, index_col="configuration")
    assert list(written.columns) == list(configurations.columns)


def test_without_metrics_the_seeds_are_counted() -> None:
    rows = configuration_rows(seeded("a", [1.0, "failed"]), [])
    assert rows == [{"configuration": "a", "overrides": "", "parameters": None, "seeds": 2, "time_s": None}]
