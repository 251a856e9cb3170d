"""Commands as a person types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.shell_command import command_to_type, words_as_typed


@pytest.mark.parametrize(
    ("argv", "typed"),
    [
        (["jobs/run.py", "x"], ["python", "jobs/run.py", "x"]),
        (["/usr/bin/sweep-launcher", "run"], ["sweep-launcher", "run"]),
        (["/x/launcher/__main__.py", "run", "a b"], ["python", "-m", "launcher", "run", "a b"]),
        (["-c"], []),
        (["/x/ipykernel_launcher.py", "-f", "/run/kernel-3.json"], []),
        ([], []),
    ],
)
def test_the_words_that_started_a_process_are_told_from_its_argv(argv: list[str], typed: list[str]) -> None:
    assert words_as_typed(argv) == typed


@pytest.mark.parametrize(
    ("program", "typed"),
    [("/usr/bin/sweep-launcher", "sweep-launcher"), ("/x/launcher/__main__.py", "python -m launcher")],
)
def test_a_command_is_told_with_the_program_that_runs_now(
    program: str, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [program])
    command = command_to_type("report", Path("my job.toml"), {"outcome": "o", "logs": "l"}, "--json")
    assert command == f"{typed} report 'my job.toml' --outcome o --logs l --json"
