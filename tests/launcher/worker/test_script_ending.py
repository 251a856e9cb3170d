"""The reason that is told of a script that failed, found in what it has written."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from launcher.worker.script_ending import is_full, last_error, script_ending

E = "class E(Exception):\n    def __str__(self): return TEXT\n"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ValueError('bad')", "ValueError: bad"),
        ("raise Exception('bare')", "Exception: bare"),
        ("import queue; raise queue.Empty", "_queue.Empty"),
        (
            "import subprocess; raise subprocess.TimeoutExpired('sleep', 3)",
            "subprocess.TimeoutExpired: Command 'sleep'",
        ),
        (E.replace("TEXT", "1 / 0") + "raise E", "E: <exception str() failed>"),
        (E.replace("TEXT", "'two\\nlines'") + "raise E", "E: two"),
        ("raise ExceptionGroup('many', [ValueError('v'), TypeError('t')])", "ExceptionGroup: many (2 sub-exceptions)"),
        ("import argparse; argparse.ArgumentParser(prog='a.py').error('no such data')", "a.py: error: no such data"),
        ("import sys; sys.exit('Error: Invalid value')", "Error: Invalid value"),
        ("print('error: 0.35'); print('valid: error: nan'); raise SystemExit(1)", ""),
    ],
)
def test_the_reason_is_what_python_or_the_program_says(code: str, reason: str) -> None:
    ended = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = f"step 1: loss 0.5\n{ended.stdout}"
    status = f"exit code {ended.returncode}"
    told = script_ending(ended.returncode, output)["error"]
    assert told.startswith(reason or status)
    assert told.endswith(f" ({status})" if reason else (status, '"'))


def test_the_text_that_a_script_exits_with_is_told() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import sys; print('loss 0.5', flush=True); sys.exit('no data: run fetch.sh')"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert script_ending(ended.returncode, ended.stdout)["error"] == 'exit code 1, last line "no data: run fetch.sh"'
    assert script_ending(3, ended.stdout)["error"] == "exit code 3"
    told = script_ending(1, ended.stdout, is_log_full=True)["error"]
    assert told.endswith(', and no space is left on the disk of its log, last line "no data: run fetch.sh"')


def test_a_file_system_that_counts_no_blocks_is_not_full() -> None:
    assert os.statvfs("/proc/version").f_blocks == 0
    assert not is_full("/proc/version")


def test_the_traceback_of_a_rank_is_read_behind_its_prefix() -> None:
    frames = ["Traceback (most recent call last):", '  File "a.py", line 1, in <module>', "    f()", "c.Stop: no more"]
    output = "".join(f"[rank1]: {line}\n" for line in frames) + "[rank1]:[W1] destroy_process_group() was not called\n"
    assert script_ending(1, output)["error"] == "c.Stop: no more (exit code 1)"


def test_what_started_the_script_does_not_hide_its_own_error() -> None:
    traceback = "Traceback (most recent call last):\n  File x\nValueError: bad\n"
    output = f"{traceback}srun: error: n1: task 0: Exited with exit code 1\n"
    assert last_error(output) == "ValueError: bad"
