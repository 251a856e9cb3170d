"""Processes that are found and ended by a variable in their environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from launcher.marked_processes import end_marked

MARK = "LAUNCHER_TEST_OF_MARKS"


def start(value: str) -> subprocess.Popen[str]:
    """Start a process with a child, each in a session of its own; it tells both pids."""
    code = "import os, time; os.fork() or os.setsid(); print(os.getpid(), flush=True); time.sleep(600)"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {MARK: value}, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def test_all_processes_with_the_mark_are_ended_and_no_other() -> None:
    with start("a") as process, start("b") as other:
        assert process.stdout is not None
        assert other.stdout is not None
        assert all([process.stdout.readline(), process.stdout.readline(), other.stdout.readline()])
        assert end_marked(MARK, "a") == 2
        assert process.wait(timeout=20) == -signal.SIGKILL
        assert process.stdout.read() == ""
        assert other.poll() is None
        assert end_marked(MARK, "b") == 2
    assert end_marked(MARK, "a") == 0


def test_a_process_that_is_becoming_another_program_is_not_overlooked(tmp_path: Path) -> None:
    script = tmp_path / "again.sh"
    script.write_text('echo\nexec /bin/sh "$0"\n')  # for ever: at each moment it may have no environment
    for number in range(60):
        value = f"again {number}"
        with subprocess.Popen(["/bin/sh", script], env={MARK: value}, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.read(20)
            try:
                end_marked(MARK, value)
                assert process.wait(timeout=20) == -signal.SIGKILL
            finally:
                process.kill()


def test_without_a_mark_nothing_is_looked_for() -> None:
    assert end_marked(MARK, "") == 0
