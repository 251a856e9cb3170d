"""What process trees use: every descendant is found, and CPU time is counted once, whoever ends when."""

from __future__ import annotations

import sys

import pytest

from launcher.executors.process_tree import CpuMeter, ProcessTable
from tests.launcher.conftest import Workplace, marked, spawn, wait_for


def test_a_child_that_was_waited_for_is_counted_once() -> None:
    meter = CpuMeter()
    for times, total_s in [
        ({1: (1.0, 0.0), 2: (5.0, 0.0)}, 6.0),  # a parent and its child
        ({1: (1.5, 6.0)}, 7.5),  # the child went on for a second and was waited for
        ({1: (1.5, 8.0)}, 9.5),  # another one came and went between the looks
    ]:
        meter.add(times)
        assert meter.total_s == pytest.approx(total_s)


def test_a_child_that_nobody_waited_for_makes_nothing_negative() -> None:
    meter = CpuMeter()
    for times, total_s in [
        ({1: (1.0, 0.0), 2: (100.0, 0.0)}, 101.0),
        ({1: (2.0, 0.0)}, 102.0),  # gone, and its time with it
        ({1: (3.0, 0.0), 3: (1.0, 0.0)}, 104.0),
        ({1: (4.0, 3.0)}, 107.0),  # an old debt is not held against another child
    ]:
        meter.add(times)
        assert meter.total_s == pytest.approx(total_s)


def test_a_parent_read_a_moment_before_it_waited_is_no_peak() -> None:
    meter = CpuMeter()
    for times, total_s in [
        ({1: (0.0, 0.0), 2: (100.0, 0.0)}, 100.0),
        ({1: (0.0, 0.0)}, 100.0),  # the child was gone when its turn came
        ({1: (0.0, 100.5)}, 100.5),
    ]:
        meter.add(times)
        assert meter.total_s == pytest.approx(total_s)


def test_children_orphans_and_other_sessions_belong_to_the_tree(place: Workplace) -> None:
    script = "sleep 300 & (sleep 300 &); setsid sh -c 'setsid sleep 300 & wait' & wait"
    processes = ProcessTable()
    with spawn(place, "sh", "-c", script) as one, spawn(place, "sleep", "300") as other:
        try:
            # sh, its child, its grandchild whose parent is gone, a session's leader, and one of that one's
            wait_for(lambda: processes.look({one.pid, other.pid})[one.pid].num_processes == 5)
            assert processes.look({one.pid, other.pid})[other.pid].num_processes == 1
            assert set(processes.look({other.pid})) == {other.pid}
        finally:
            for process in marked(place.mark):
                process.kill()
    wait_for(lambda: processes.look({one.pid}) == {})  # also of the orphan, which someone else takes leave of


def test_children_that_came_and_went_between_two_looks_count(place: Workplace) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    code = (
        "import subprocess, sys\nprint('ready', flush=True)\ninput()\n"
        f"for _ in range(3): subprocess.run([sys.executable, '-c', {burn!r}])\n"
        "print('done', flush=True)\ninput()\n"
    )
    processes = ProcessTable()
    with spawn(place, sys.executable, "-c", code) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        before_s = processes.look({process.pid})[process.pid].cpu_s
        process.stdin.write("go\n")
        process.stdin.flush()
        process.stdout.readline()
        assert processes.look({process.pid})[process.pid].cpu_s - before_s > 0.8
        process.stdin.write("end\n")


def test_what_a_worker_has_used_before_does_not_count(place: Workplace) -> None:
    code = "import time\nwhile time.process_time() < 0.5: pass\nprint(flush=True)\ninput()"
    processes = ProcessTable()
    with spawn(place, sys.executable, "-c", code) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        assert ProcessTable().look({worker.pid})[worker.pid].cpu_s > 0.4
        processes.begin(worker.pid)
        assert processes.look({worker.pid})[worker.pid].cpu_s < 0.4
        worker.kill()
