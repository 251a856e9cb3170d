"""What is left of a script: whoever loses its parent becomes a child of the worker, wherever it has gone."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import os, signal, subprocess, sys
from launcher.worker import descendants

def state(): print(descendants.are_gone(), flush=True)

state()  # without `adopt` it is not known
descendants.adopt()
state()
# A shell that starts a process in a session of its own, tells its pid, and ends.
daemon = int(subprocess.check_output(["sh", "-c", "setsid sleep 600 2>/dev/null >&2 & echo $!"]))
state()
if os.fork() == 0:  # a fork adopts nobody
    state()
    os._exit(0)
os.wait()
os.kill(daemon, signal.SIGKILL)
os.waitid(os.P_PID, daemon, os.WEXITED | os.WNOWAIT)
descendants.reap(apart=[daemon])
print(os.waitpid(daemon, os.WNOHANG)[0] == daemon, flush=True)
state()
"""


def test_nobody_is_left_only_if_the_last_daemon_has_ended() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "True", "False", "False", "True", "True"]


def test_adopted_processes_that_have_ended_do_not_stay_in_the_table_of_processes() -> None:
    code = """
import os, subprocess, time
from launcher.worker import descendants
descendants.adopt()
subprocess.run(["sh", "-c", "(sleep 0.01; exec true) & exit 0"])
while not descendants.are_gone(): time.sleep(0.01)
try: print(os.wait())
except ChildProcessError: print("none")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "none"
