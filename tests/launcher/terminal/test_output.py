"""What a command prints when it is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from launcher.engine.classify_ending import Ending
from launcher.engine.summary import Summary
from launcher.store.ending import EndingKind
from launcher.store.paths import Paths
from launcher.terminal import output

PATHS = Paths(Path("outcome"), Path("logs"))


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


def test_results_go_to_stdout_and_messages_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output.show("result")
    output.message("message")
    assert capsys.readouterr() == ("result\n", "message\n")


def test_json_has_text_for_values_that_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"path": Path("a/b")})
    assert json.loads(capsys.readouterr().out) == {"path": "a/b"}


def test_a_table_is_printed_inert_and_a_missing_one_is_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output.print_table(tmp_path / "absent.txt")
    (tmp_path / "table.txt").write_bytes(b"name \x1b[2J\xff\n")
    output.print_table(tmp_path / "table.txt")
    assert capsys.readouterr().out == "name \\x1b[2J\ufffd\n\n"


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
    output.print_summary(summary, PATHS, fresh=True)
    counts, failure, hint = capsys.readouterr().err.splitlines()
    assert counts == "1 kept, 1 done, 1 failed, 1 interrupted, 1 not started."
    assert failure.startswith("  b failed")
    assert failure.endswith("ValueError: bad. Its log: logs/b.log")
    assert hint == "The same command again, without --fresh, goes on with what is not done."


def test_a_summary_without_failures_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_summary(Summary({"a": Ending(EndingKind.DONE)}, {}), PATHS)
    assert capsys.readouterr().err == "1 done.\n"
