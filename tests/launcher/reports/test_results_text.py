"""`results_table.txt`."""

from __future__ import annotations

import math

from launcher.reports.results_columns import results_columns
from launcher.reports.results_text import results_text
from launcher.store.manifest import Manifest
from tests.launcher.reports.analysis.states import made

MANIFEST = Manifest("s", "job.toml", "t:f", 7, ["loss"], [], [])
EXPERIMENTS = [
    made("baseline", [3.0, 2.0], seconds=1.5, device="cpu:0", facts={"parameters": 1234567}, peak_memory_bytes=5e6),
    made("nan", [3.0, math.nan], overrides={"lr": 1.0}, seconds=1.5, device="cpu:0", index=1),
    made("bad", [], "failed", why="ValueError: bad", index=2),
]
TEXT = """\
s: 3 experiments of job.toml, seed 7; made 2026-11-26 20:00:00+00:00

best loss 2.0000 at step 2: baseline, 1.0000 lower than nan (3.0000, nan from step 2 on)
best loss at the end: baseline, 2.0000

experiment  overrides  parameters  steps  first loss  final loss  best loss   time  device  peak memory  CPU  ending
----------  ---------  ----------  -----  ----------  ----------  ---------  -----  ------  -----------  ---  ------
baseline    -           1,234,567      2      3.0000      2.0000     2.0000  1.5 s  cpu:0          5 MB  97%  done
nan         lr=1.0              -      2      3.0000         nan     3.0000  1.5 s  cpu:0             -    -  done
bad         -                   -      0           -           -          -      -  -                 -    -  failed

bad failed: ValueError: bad
nan done: loss is nan from step 2 on
"""


def test_the_file_has_the_answer_all_columns_and_what_must_be_told() -> None:
    usage = {"baseline": {"mean_cpu_percent": 97.2}}
    assert results_text(MANIFEST, EXPERIMENTS, usage, "2026-11-26T20:00:00+00:00") == TEXT.replace("1.0000 l", "1.00 l")


def test_while_something_runs_the_file_says_so() -> None:
    running = made("a", [1.0], "")
    running = type(running)(name="a", state="running", curves=running.curves)
    text = results_text(MANIFEST, [running], {}, "2026")
    assert text.startswith("s: 1 experiment of job.toml, seed 7; made 2026, while 1 experiment ran\n")


def test_a_metric_and_the_ending_stay_at_every_width_and_long_metrics_lose_what_they_share() -> None:
    metrics = ["validation_of_the_model/loss", "validation_of_the_model/accuracy"]
    columns = results_columns(EXPERIMENTS, metrics)
    assert [column.title for column in columns if column.rank == 0] == ["best model/loss", "ending"]
    titles = {column.title for column in results_columns(EXPERIMENTS, metrics, longest_metric=60)}
    assert "final validation_of_the_model/accuracy" in titles
