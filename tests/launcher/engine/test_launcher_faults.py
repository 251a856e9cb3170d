"""The fault table, the launcher and its files: what is done, and what must be true afterwards."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import termios
from typing import Any

import pytest

from tests.launcher.conftest import TOYS, Result, Workplace, marked, wait_for
from tests.launcher.faults import check, endings, killed_in, steps, undisturbed

pytestmark = pytest.mark.slow


def continue_until_done(place: Workplace, delays: list[float]) -> Result:
    """Kill the launcher again and again, each time after a delay, then let it finish."""
    for delay_s in delays:
        process = place.start("job.toml", "--parallel", "--devices", "0,1")
        try:
            process.communicate(timeout=delay_s)
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            wait_for(lambda: not marked(place.mark), limit_s=2.0)
    return place.launch("job.toml", "--parallel", "--devices", "0,1")


def test_10_11_kill_the_launcher_and_continue_until_done(place: Workplace) -> None:
    experiments = {f"e{number}": {"steps": 40, "step_s": 0.005, "act": "checkpoint"} for number in range(4)}
    expected = undisturbed(place, experiments)
    place.toy(experiments, checkpoint_s=0.05)
    result = continue_until_done(place, [0.9, 1.1, 0.8, 1.3])
    assert result.code == 0, result.err
    assert {name: steps(place, name) for name in experiments} == expected
    check(place, *experiments)


@pytest.mark.timeout(400)  # two launches for each call there is, under strace
@pytest.mark.parametrize("call", ["rename", "ftruncate"])  # make soak tries write and unlink, too
def test_12_a_launcher_killed_in_any_change_of_its_state_loses_nothing(place: Workplace, call: str) -> None:
    if shutil.which("strace") is None:
        pytest.skip("no strace to stop the launcher at a chosen system call")
    place.toy({"a": {"act": "checkpoint", "steps": 8}, "b": {}}, checkpoint_s=0)
    number = 1
    while killed_in(place, call, number, "--fresh"):
        result = place.launch("job.toml")
        assert result.code == 0, result.err
        assert len(place.history("a").steps) == 8
        check(place, "a", "b")
        number += 1
    assert number > 1, f"the launcher has not called {call}"


def foreground(terminal: int) -> None:
    """Make a terminal the controlling one of this process, which has a session of its own."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize("presses", [1, 2])
def test_14_ctrl_c_of_a_terminal_reaches_the_launcher_alone(place: Workplace, presses: int) -> None:
    """Typed at a real terminal, which signals its whole foreground group: workers save, or are killed by the second."""
    stops = "checkpoint" if presses == 1 else "ignore"
    place.toy({"a": {"steps": 6, "at": 1, "barrier": "never", "act": stops}}, grace_s=60)
    keyboard, terminal = os.openpty()
    process = place.start("job.toml", start_new_session=True, preexec_fn=lambda: foreground(terminal))
    os.close(terminal)
    wait_for(lambda: len(place.history("a").steps) == 5)
    assert process.stderr is not None
    os.write(keyboard, b"\x03")
    while presses == 2 and "asked to save" not in process.stderr.readline():
        assert process.poll() is None
    os.write(keyboard, b"\x03" * (presses - 1))
    _, err = process.communicate(timeout=20)
    os.close(keyboard)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert endings(place) == {"a": "interrupted"}
    assert ("killing what runs" in err) == (presses == 2)
    check(place, "a")


@pytest.fixture
def small_disk(place: Workplace) -> Any:
    """Make the folder of logs a file system of 64 kB."""
    place.paths.logs.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place.paths.logs)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system")
    yield place
    subprocess.run(["umount", str(place.paths.logs)], check=True)


def test_20_a_full_disk_under_the_logs_costs_log_lines_only(small_disk: Workplace) -> None:
    small_disk.toy({"a": {"steps": 3000}, "b": {"steps": 3000, "act": "noise", "at": 1}})
    result = small_disk.launch("job.toml")
    assert result.code == 5, result.err
    assert set(endings(small_disk).values()) == {"done"}
    assert len(small_disk.history("a").steps) == 3000
    assert result.err.count("No space left on device") == 2
    assert re.search(r"a\.log lacks [1-9]\d* lines", result.err)
    check(small_disk, "a", "b")


def test_20_a_script_that_finds_no_room_for_its_output_is_told_with_the_reason(small_disk: Workplace) -> None:
    (small_disk.folder / "train.py").write_text(
        "for step in range(2000): print(f'step {step} loss 0.5', 'x' * 80, flush=True)\n"
    )
    job = '[sweep]\ncommand = ["{python}", "train.py"]\nlog = ["step {step} loss {loss}"]\n[experiments]\na = {}\n'
    result = small_disk.launch(str(small_disk.job(job)), "--devices", "cpu")
    assert result.code == 1, result.err
    assert "a failed: exit code 1, and no space is left on the disk of its log" in result.err


def test_21_training_goes_on_without_checkpoints(place: Workplace) -> None:
    place.toy({"a": {"act": "checkpoint"}}, checkpoint_s=0)
    place.paths.outcome.mkdir(parents=True)
    (place.paths.outcome / "checkpoints").touch()  # a file where the folder should be
    result = place.launch("job.toml")
    assert result.code == 0, result.err
    assert place.log("a").count("could not be written") == 5
    check(place, "a")


def test_21_a_checkpoint_cut_short_leaves_the_one_before(place: Workplace) -> None:
    folder = place.folder / "checkpoints"
    code = (
        "import resource, signal, sys, torch; from pathlib import Path\n"
        "from launcher.store.checkpoints import Checkpoints\n"
        "checkpoints = Checkpoints(Path(sys.argv[1]), 'a', 'digest')\n"
        "checkpoints.save({'weights': torch.ones(10)}, 1)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try:\n    checkpoints.save({'weights': torch.ones(100_000)}, 2)\nexcept OSError:\n    pass\n"
        "else:\n    sys.exit('nothing went wrong')\n"
        "state, step = checkpoints.load()\nassert step == 1 and state['weights'].sum() == 10\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)
    assert [path.name for path in folder.iterdir()] == ["step-000000000001.ckpt"]


def test_21_a_checkpoint_that_cannot_be_synced_is_not_claimed(place: Workplace) -> None:
    if shutil.which("strace") is None:
        pytest.skip("no strace to make fsync fail")
    place.toy({"a": {"act": "checkpoint"}}, checkpoint_s=0)
    inject = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=2+"]
    command = [*inject, sys.executable, "-m", "launcher", "job.toml"]
    environment = os.environ | {"PYTHONPATH": str(TOYS)}
    done = subprocess.run(command, cwd=place.folder, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert place.log("a").count("could not be written: Input/output error") >= 4
    check(place, "a")


def test_24_of_launchers_at_once_in_one_folder_exactly_one_runs(place: Workplace) -> None:
    place.toy({"a": {"steps": 2, "barrier": str(place.folder / "go")}})
    launches = [place.start("job.toml") for _ in range(6)]
    wait_for(lambda: sum(launch.poll() is not None for launch in launches) == 5)
    assert sorted(launch.poll() for launch in launches if launch.poll() is not None) == [3] * 5
    wait_for(lambda: place.history("a").steps)
    (place.folder / "go").touch()
    outputs = [launch.communicate(timeout=60)[1] for launch in launches]
    assert sorted(launch.returncode for launch in launches) == [0, 3, 3, 3, 3, 3]
    assert sum("is in use by pid" in output for output in outputs) == 5
    check(place, "a")


def test_24_a_launcher_may_wait_for_the_folder(place: Workplace) -> None:
    place.toy({"a": {"steps": 2, "barrier": str(place.folder / "go")}})
    first = place.start("job.toml")
    wait_for(lambda: place.history("a").steps)
    second = place.start("job.toml", "--wait")
    (place.folder / "go").touch()
    assert first.wait(timeout=60) == 0
    _, err = second.communicate(timeout=60)
    first.communicate()
    assert second.returncode == 0
    assert "nothing to do" in err
