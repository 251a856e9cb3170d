"""What a command prints when it is done."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from launcher.engine.classify_ending import Ending
from launcher.engine.summary import Summary
from launcher.store.ending import EndingKind
from launcher.store.paths import Paths
from launcher.terminal import colour, output
from tests.launcher.reports.analysis.states import made

PATHS = Paths(Path("outcome"), Path("logs"))


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


def test_results_go_to_stdout_and_messages_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output.show("result")
    output.message("message")
    assert capsys.readouterr() == ("result\n", "message\n")


def test_json_has_text_for_values_that_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"path": Path("a/b"), "config": [{"lr": math.nan}, (-math.inf, 0.5)]})
    assert json.loads(capsys.readouterr().out) == {"path": "a/b", "config": [{"lr": "nan"}, ["-inf", 0.5]]}


def test_lines_are_printed_inert_and_coloured_only_where_it_is_wanted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [[("name \x1b[2J", ""), ("nan", "bold magenta")]]
    output.print_lines(lines)
    assert capsys.readouterr().out == "name \\x1b[2Jnan\n"
    monkeypatch.setattr(colour, "is_wanted", lambda stream: True)
    output.print_lines(lines)
    assert capsys.readouterr().out == "name \\x1b[2J\x1b[1;35mnan\x1b[0m\n"


def test_a_summary_counts_endings_in_their_order_and_names_failures_last(capsys: pytest.CaptureFixture[str]) -> None:
    summary = Summary(
        {
            "a": Ending(EndingKind.INTERRUPTED),
            "b": Ending(EndingKind.FAILED, "ValueError: bad"),
            "c": Ending(EndingKind.DONE),
        },
        {"d": "done"},
        not_started=["e"],
    )
    output.print_summary(summary, PATHS, [], (), fresh=True)
    counts, failure, hint = capsys.readouterr().err.splitlines()
    assert counts == "1 kept, 1 done, 1 failed, 1 interrupted, 1 not started."
    assert failure == "  b failed: ValueError: bad. Its log: logs/b.log"
    assert hint == "The same command again, without --fresh, goes on with what is not done."


def test_a_summary_without_failures_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_summary(Summary({"a": Ending(EndingKind.DONE)}, {}), PATHS, [made("a", [1.0])], ["loss"], fresh=False)
    assert capsys.readouterr().err == "1 done.\n"


def test_equal_failures_are_told_once_and_a_metric_that_nobody_logged_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    why = "ValueError: bad (train.py:3), after step {}"
    endings = {f"lr_{place}": Ending(EndingKind.FAILED, why.format(place)) for place in range(17)}
    states = [made(name, [1.0], "failed", why=ending.why, logged=("loss",)) for name, ending in endings.items()]
    output.print_summary(Summary(endings, {}), PATHS, states, ["loss", "los"], fresh=False)
    assert capsys.readouterr().err.splitlines() == [
        "17 failed.",
        "  17 failed alike: ValueError: bad (train.py:3), after step 0",
        "    lr_0, lr_1, lr_2 and 14 more. Log of the first: logs/lr_0.log",
        '  metrics names los, which no experiment logged; logged were: loss. Did you mean "loss"?',
        "The same command again goes on with what is not done.",
    ]
