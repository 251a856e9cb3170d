"""A fork of the launcher answers like a Python that was just started, and never outlives the launcher."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BEGIN = "from launcher import forked_process as it\nimport os, signal, sys, time\n"
TELL = "told = it.ask(answer, 30.0)\nprint(told.text.decode(), told.errors.decode(), told.exit_code, sep='|', end='')\n"


def run(code: str, folder: Path) -> str:
    """Run code that forks, in a Python of its own, and return what it prints."""
    environment = {"PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code], capture_output=True, text=True, timeout=60, cwd=folder, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return b'x' * 200_000", f"{'x' * 200_000}||0"),
        ("print('no'); print('yes', file=sys.stderr); return b'a'", "a|yes\n|0"),
        ("sys.exit('why')", "|why\n|1"),
        ("sys.exit(7)", "||7"),
        ("sys.exit()", "||0"),
        ("os._exit(5)", "||5"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "||-9"),
    ],
)
def test_the_answer_comes_with_what_was_printed_and_how_it_ended(tmp_path: Path, body: str, told: str) -> None:
    assert run(f"def answer(): {body}\n{TELL}", tmp_path) == told


def test_an_error_is_written_like_any_error_of_a_python(tmp_path: Path) -> None:
    told = run(f"def answer(): raise ValueError('no luck')\n{TELL}", tmp_path)
    assert told.startswith("|Traceback")
    assert told.endswith("ValueError: no luck\n|1")


def test_nothing_of_the_process_that_forks_is_seen(tmp_path: Path) -> None:
    code = (
        "import atexit\n"
        "atexit.register(lambda: os.write(2, b'handler of the launcher '))\n"
        "kept = open('kept', 'w')\n"
        "for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1): signal.signal(number, print)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "def answer():\n"
        "    assert os.getpid() == os.getsid(0) == os.getpgrp()\n"
        "    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "    assert signal.getsignal(signal.SIGTERM) == signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL\n"
        "    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN\n"
        "    assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])\n"
        "    assert sys.stdin.read() == '' and sys.path[0] == ''\n"
        "    paths = [f'/proc/self/fd/{fd}' for fd in range(3, 20)]\n"
        "    files = [os.readlink(path) for path in paths if os.path.lexists(path)]\n"
        "    assert all(file.startswith('pipe:') for file in files) and len(files) == 2, files\n"
        "    return b'fine'\n"
    )
    assert run(code + TELL + "atexit._clear()", tmp_path) == "fine||0"


def test_threads_and_exit_handlers_of_the_answer_run_to_their_end(tmp_path: Path) -> None:
    code = (
        "def answer():\n"
        "    import atexit, threading\n"
        "    atexit.register(lambda: print('handler', file=sys.stderr))\n"
        "    def late(): time.sleep(0.1); print('thread', file=sys.stderr)\n"
        "    threading.Thread(target=late).start()\n"
        "    return b'a'\n"
    )
    assert run(code + TELL, tmp_path) == "a|thread\nhandler\n|0"


SLEEPS = (
    "def answer():\n"
    "    import subprocess\n"
    "    child = subprocess.Popen(['sleep', '60'])\n"
    "    with open('pids.new', 'w') as file: print(os.getpid(), child.pid, file=file)\n"
    "    os.rename('pids.new', 'pids'); time.sleep(60)\n"
)
GONE = (
    "import contextlib\n"
    "def is_alive(pid):\n"
    "    with contextlib.suppress(OSError):\n"
    "        return open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[0] not in 'ZX'\n"
    "def wait(condition):\n"
    "    limit_s = time.monotonic() + 45\n"
    "    while not condition(): assert time.monotonic() < limit_s; time.sleep(0.01)\n"
)


def test_a_fork_that_takes_too_long_is_killed_with_all_it_has_started(tmp_path: Path) -> None:
    code = (
        "try: it.ask(answer, 3.0)\n"
        "except it.TookTooLong: pass\n"
        "pids = open('pids').read().split()\n"
        "wait(lambda: not any(map(is_alive, pids)))\n"
    )
    run(SLEEPS + GONE + code, tmp_path)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_fork_dies_with_the_launcher(tmp_path: Path, name: str) -> None:
    code = (
        "if (pid := os.fork()) == 0:\n"
        "    os.setsid()\n"
        "    def stop(*_): raise KeyboardInterrupt\n"
        "    signal.signal(signal.SIGTERM, stop)\n"
        "    try: it.ask(answer, 60.0)\n"
        "    finally: os._exit(0)\n"
        "wait(lambda: os.path.exists('pids'))\n"
        f"os.kill(pid, signal.{name}); os.waitpid(pid, 0)\n"
        "pids = open('pids').read().split()\n"
        "wait(lambda: not any(map(is_alive, pids)))\n"
    )
    run(SLEEPS + GONE + code, tmp_path)


def test_only_a_process_of_the_launcher_with_a_single_thread_may_be_forked(tmp_path: Path) -> None:
    code = (
        "import threading\n"
        "print(it.is_possible()); it.allow(); print(it.is_possible())\n"
        "ends = threading.Event()\n"
        "thread = threading.Thread(target=ends.wait); thread.start()\n"
        "print(it.is_possible()); ends.set(); thread.join()\n"
    )
    assert run(code, tmp_path).split() == ["False", "True", "False"]
