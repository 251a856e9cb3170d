"""The launcher's own processes: none outlives it, none keeps a signal waiting, and the fork server is replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from launcher.engine.report_process import ReportProcess
from tests.launcher.conftest import MARK, TOYS, Result, Workplace, marked, spawn, wait_for

pytestmark = pytest.mark.slow


SLEEPS = "import time\nwhile True: time.sleep(1)\n"
NO_CLASS = "def run(config, run): run.log(1, loss=1.0)\n"  # its configuration class is asked of the module itself
RUN = "def run(config: dict, run): run.log(1, loss=1.0)\n"


def hang_in(place: Workplace, where: str) -> list[str]:
    """Make a job whose launch hangs at some place for ever; return the options it needs."""
    hangs, options = f"import os\nopen('hangs', 'w').close()\n{SLEEPS}", list[str]()
    body = RUN
    if where == "preload":
        (place.folder / "hanging.py").write_text(hangs)
        place.toy({"a": {}}, target="mine:run", preload=["hanging"])
    else:
        place.toy({"a": {}}, target="mine:run")
    if where == "configs":
        body = f"{hangs}{NO_CLASS}"
    elif where == "prepare":
        body += f"def prepare(config):\n  exec({hangs!r})\n"
    elif where == "git":
        tool = place.folder / "bin" / "git"
        tool.parent.mkdir()
        tool.write_text(f"#!{sys.executable}\n{hangs}")
        tool.chmod(0o755)
        place.environment["PATH"] = f"{tool.parent}:{os.environ['PATH']}"
    elif where == "on-finish":
        (place.folder / "finish.py").write_text(f"import subprocess, sys\nsubprocess.Popen(['sleep', '60'])\n{hangs}")
        options = ["--on-finish", f"{sys.executable} finish.py"]
    (place.folder / "mine.py").write_text(body)
    return options


PLACES = ["preload", "configs", "prepare", "git", "on-finish"]


@pytest.mark.parametrize("where", PLACES)
def test_F3_F11_nothing_outlives_a_launcher_that_is_killed(place: Workplace, where: str) -> None:
    process = place.start("job.toml", "--devices", "cpu", *hang_in(place, where))
    wait_for((place.folder / "hangs").exists)
    process.kill()
    process.communicate()
    wait_for(lambda: not marked(place.mark), limit_s=2.0)


@pytest.mark.parametrize("delay_s", [0.05, 0.2, 0.5])
def test_F3_however_young_the_launcher_was(place: Workplace, delay_s: float) -> None:
    process = place.start("job.toml", "--devices", "cpu", *hang_in(place, "preload"))
    try:
        process.communicate(timeout=delay_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    wait_for(lambda: not marked(place.mark), limit_s=2.0)


@pytest.mark.parametrize(
    ("where", "number"),
    [("preload", signal.SIGINT), ("preload", signal.SIGTERM), ("preload", signal.SIGHUP), ("configs", signal.SIGTERM),
     ("prepare", signal.SIGINT), ("git", signal.SIGHUP), ("on-finish", signal.SIGTERM)],
)  # fmt: skip
def test_F4_no_signal_waits_for_another_process(place: Workplace, where: str, number: signal.Signals) -> None:
    process = place.start("job.toml", "--devices", "cpu", *hang_in(place, where))
    wait_for((place.folder / "hangs").exists)
    process.send_signal(number)
    _, err = process.communicate(timeout=5)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    wait_for(lambda: not marked(place.mark), limit_s=1.0)


def server_of(place: Workplace) -> psutil.Process | None:
    """Return the fork server of the launch, the parent of its workers."""
    for process in marked(place.mark):
        command = process.cmdline()
        if "launcher.worker.preloaded" in command and process.pid == os.getsid(process.pid) and process.ppid() != 1:
            parent = psutil.Process(process.ppid())
            if "launcher.worker.preloaded" not in parent.cmdline():
                return process
    return None


def test_F4_a_stopped_fork_server_keeps_no_signal_waiting(place: Workplace) -> None:
    place.toy({"a": {"barrier": str(place.folder / "go"), "steps": 2}, "b": {}})
    process = place.start("job.toml", "--devices", "cpu")
    wait_for(lambda: place.history("a").steps)
    server = server_of(place)
    assert server is not None
    server.suspend()
    (place.folder / "go").touch()
    wait_for(lambda: "a done" in place.log("a"))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130, err
    assert "1 not started" in err


def test_F8_a_fork_server_killed_in_the_moment_of_a_start_costs_the_experiment_nothing(place: Workplace) -> None:
    """It is stopped, so that it dies with a request that it has taken and not answered."""
    place.toy({"a": {"barrier": str(place.folder / "go"), "steps": 2}, "b": {}})
    process = place.start("job.toml", "--devices", "cpu")
    wait_for(lambda: place.history("a").steps)
    server = server_of(place)
    assert server is not None
    server.suspend()
    (place.folder / "go").touch()
    wait_for(lambda: "a done" in place.log("a"))
    time.sleep(1.5)  # it is asked to start b meanwhile
    server.kill()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert err.count("another is started") == 1
    assert place.history("b").attempt == 1


def test_F4_a_launch_that_waits_for_a_folder_hears_signals(place: Workplace) -> None:
    place.toy({"a": {"barrier": str(place.folder / "go"), "steps": 2}})
    first = place.start("job.toml", "--devices", "cpu")
    wait_for(lambda: place.history("a").steps)
    second = place.start("job.toml", "--devices", "cpu", "--wait")
    assert second.stderr is not None
    wait_for(lambda: "Waiting for it" in second.stderr.readline())
    second.send_signal(signal.SIGTERM)
    second.communicate(timeout=5)
    assert second.returncode == 143
    (place.folder / "go").touch()
    _, err = first.communicate(timeout=30)
    assert first.returncode == 0, err


def test_F3_the_processes_that_draw_curves_die_with_whom_they_draw_for(place: Workplace) -> None:
    code = (
        "import multiprocessing, os, time\nfrom launcher.child_process import die_with_parent\n"
        "with multiprocessing.get_context('fork').Pool(2, die_with_parent, (os.getpid(),)) as pool:\n"
        "    pool.map(time.sleep, [60, 60])\n"
    )
    process = spawn(place, sys.executable, "-c", code)
    wait_for(lambda: len(marked(place.mark)) == 3)
    process.kill()
    process.communicate()
    wait_for(lambda: not marked(place.mark), limit_s=2.0)


def test_F8_a_fork_server_killed_as_it_starts_is_replaced(place: Workplace) -> None:
    hang_in(place, "preload")
    (place.folder / "mine.py").write_text(RUN)
    process = place.start("job.toml", "--devices", "cpu")
    wait_for((place.folder / "hangs").exists)
    (place.folder / "hanging.py").write_text("")
    server = server_of(place)
    assert server is not None
    server.kill()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "the fork server was killed by SIGKILL as it imported hanging: another is started." in err


def test_F8_killed_over_and_over_it_is_told_as_it_is(place: Workplace) -> None:
    (place.folder / "kills.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    place.toy({"a": {}}, preload=["kills"])
    result = place.launch("job.toml", "--devices", "cpu")
    assert result.code == 1
    assert result.err.count("another is started") == 4
    assert "was killed by SIGKILL as it imported kills. It was number 5 in a row" in result.err
    assert not place.paths.sweep.exists(), "nothing was started"


def test_F8_a_server_that_dies_at_each_start_ends_only_what_waits(place: Workplace) -> None:
    """Each new server is killed while `a` runs: `a` is done all the same, and `b` waits for the next launch."""
    (place.folder / "kills.py").write_text(
        "import os, signal\nif os.path.exists('kill'): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    place.toy({"a": {"barrier": str(place.folder / "go"), "steps": 2}, "b": {}}, preload=["kills"])
    process = place.start("job.toml", "--devices", "cpu")
    wait_for(lambda: place.history("a").steps)
    (place.folder / "kill").touch()
    server = server_of(place)
    assert server is not None
    server.kill()
    assert process.stderr is not None
    wait_for(lambda: "number 5 in a row" in process.stderr.readline())
    (place.folder / "go").touch()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "1 done, 1 not started" in err
    (place.folder / "kill").unlink()
    result = place.launch("job.toml", "--devices", "cpu")
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    ("text", "problem"),
    [("raise ValueError('no')", "ValueError: no"), ("import os\nos._exit(7)", "ended with exit code 7"),
     ("import sys\nsys.exit('gone')", "SystemExit: gone"), ("def", "SyntaxError")],
)  # fmt: skip
def test_F8_a_module_of_preload_that_fails_is_bad_input(place: Workplace, text: str, problem: str) -> None:
    (place.folder / "wrong.py").write_text(text)
    place.toy({"a": {}}, preload=["wrong"])
    result = place.launch("job.toml", "--devices", "cpu")
    assert result.code == 2
    assert "sweep.preload: importing wrong failed: " in result.err
    assert problem in result.err


@pytest.mark.parametrize(
    ("kind", "method"), [("long", "forkserver"), ("long", "spawn"), ("missing", "forkserver"), ("a file", "forkserver")]
)
def test_03_a_launch_needs_no_folder_for_temporary_files(place: Workplace, kind: str, method: str) -> None:
    folder = place.folder / ("t" * 200)
    if kind == "long":
        folder.mkdir()
    elif kind == "a file":
        folder.touch()
    place.environment["TMPDIR"] = str(folder)
    place.toy({"a": {}, "b": {}})
    result = place.launch("job.toml", "--devices", "cpu", "--start-method", method)
    assert result.code == 0, result.err
    assert kind != "long" or not list(folder.iterdir())


@pytest.mark.parametrize("who", ["everyone", "launcher"])
def test_F5_time_that_the_launcher_was_stopped_is_no_silence_of_a_worker(place: Workplace, who: str) -> None:
    """As on a laptop that sleeps. Grace time does not pass either: `b` is asked to end, and stopped while it does."""
    text = """import pathlib, time
def run(config: dict, run):
    run.log(1, loss=1.0)
    while not pathlib.Path("go").exists() and not run.should_stop: time.sleep(0.05)
    pathlib.Path("asked").touch()
    time.sleep(1.0 if run.should_stop else 0)
    run.log(2, loss=1.0)
"""
    (place.folder / "mine.py").write_text(text)
    place.toy({"a": {}}, target="mine:run", kill_after_s=2, stall_after_s=2, grace_s=2)
    process = place.start("job.toml", "--devices", "cpu")
    wait_for(lambda: place.history("a").steps)
    stopped = marked(place.mark) if who == "everyone" else [psutil.Process(process.pid)]
    for one in stopped:
        one.suspend()
    time.sleep(3.5)
    for one in stopped:
        one.resume()
    if who == "launcher":
        (place.folder / "go").touch()
    else:
        process.send_signal(signal.SIGTERM)
        wait_for((place.folder / "asked").exists)
        for one in stopped:
            one.suspend()
        time.sleep(3.0)
        for one in stopped:
            one.resume()
    _, err = process.communicate(timeout=30)
    assert process.returncode == (0 if who == "launcher" else 143), err
    assert len(place.history("a").steps) == 2, err
    assert "no record for" not in err


class Selector:
    """Of an event loop that does not turn."""

    def register(self, *_: object) -> None: ...

    def unregister(self, *_: object) -> None: ...


def test_F16_a_drawing_process_that_stands_still_is_told_and_given_up(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.toy({"a": {}})
    assert place.launch("job.toml", "--devices", "cpu").code == 0
    said: list[str] = []
    drawing = ReportProcess(place.paths, said.append, has_plots=False)
    drawing.attach(Selector())  # type: ignore[arg-type]
    monkeypatch.setenv(MARK, place.mark)
    drawing.warm_up()
    (its,) = [one for one in marked(place.mark) if "launcher.reports.build" in one.cmdline()]
    its.suspend()
    wait_for(lambda: its.status() == psutil.STATUS_STOPPED)
    drawing.request(["a"])
    drawing.hurry()
    for name, value in (("MESSAGE_AFTER_S", 0.1), ("STILL_S", 0.5)):
        monkeypatch.setattr(f"launcher.engine.report_process.{name}", value)
    wait_for(lambda: drawing.advance() or not drawing.is_working)
    assert said[0] == "tables and plots are being drawn; Ctrl-C leaves them for later."
    assert f"the drawing process, pid {its.pid}, stands still" in said[1]
    assert len(said) == 2


def test_F16_ctrl_c_ends_a_launch_that_waits_for_its_drawing(place: Workplace) -> None:
    place.toy({"a": {"barrier": str(place.folder / "go"), "steps": 2}})
    process = place.start("job.toml", "--devices", "cpu")
    wait_for(lambda: place.history("a").steps)
    (its,) = [one for one in marked(place.mark) if "launcher.reports.build" in one.cmdline()]
    its.suspend()
    (place.folder / "go").touch()
    assert process.stderr is not None
    wait_for(lambda: "being drawn" in process.stderr.readline())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=5)
    assert process.returncode == 130
    assert "drawing was stopped" in err


def piped(place: Workplace, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the launcher in a pipeline, whose exit code is the command's unless a later one fails."""
    environment = os.environ | {"PYTHONPATH": str(TOYS), "LAUNCHER_LOCKS": str(place.folder / ".locks")}
    line = ["bash", "-c", f"set -o pipefail; {sys.executable} -m launcher {command}"]
    options = {"capture_output": True, "text": True, "timeout": 60, "check": False}
    return subprocess.run(line, cwd=place.folder, env=environment, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("reader", ["2>&1 | head -1", "--json | head -c 5", "2>&1 | true"])
def test_55_a_launch_whose_reader_leaves_ends_as_it_would(place: Workplace, reader: str) -> None:
    place.toy({"a": {}, "b": {}})
    done = piped(place, f"job.toml --devices cpu {reader}")
    assert done.returncode == 0, done
    assert "Broken" not in done.stderr
    assert [len(place.history(name).steps) for name in "ab"] == [5, 5]


def test_55_so_does_each_other_command(place: Workplace) -> None:
    place.toy({"a": {}})
    assert place.launch("job.toml", "--devices", "cpu").code == 0
    commands = ["plan job.toml | true", "status job.toml --json | true", "report job.toml | head -c 1",
                "--help | head -1", "follow --job job.toml | head -1"]  # fmt: skip
    for command in commands:
        done = piped(place, command)
        assert done.returncode == 0, (command, done.stderr)
        assert "Broken" not in done.stderr, command


SCRIPT = "import sys; from launcher.__main__ import main; sys.argv[0] = 'sweep-launcher'; main()"


def script(place: Workplace, *arguments: str) -> Result:
    """Run the command line as the script `sweep-launcher` does, which does not search the working directory."""
    environment = os.environ | {"LAUNCHER_LOCKS": str(place.folder / ".locks"), "PYTHONSAFEPATH": ""}
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {root!r}); {SCRIPT}", *arguments],
        cwd=place.folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("shape", ["file", "folder"])
def test_18_a_project_may_have_files_of_our_names(place: Workplace, shape: str) -> None:
    stolen = "raise RuntimeError('the file of the project was imported')\n"
    for name in ("records", "report", "server", "worker", "served", "configs", "minigpt", "pandas", "matplotlib"):
        (place.folder / f"{name}.py").write_text(stolen)
    if shape == "file":
        (place.folder / "launcher.py").write_text(stolen)
    else:
        (place.folder / "launcher").mkdir()
        (place.folder / "launcher" / "__init__.py").write_text(stolen)
    (place.folder / "mine.py").write_text(NO_CLASS.replace("config,", "config: 'dict[str, int]',"))
    place.toy({"a": {}}, target="mine:run", metrics=["loss"])
    result = script(place, "job.toml", "--devices", "cpu")
    assert result.code == 0, result.err
    assert "the file of the project" not in result.err
    assert place.paths.curve("loss", "a").exists()


def test_18_a_target_cannot_have_our_name(place: Workplace) -> None:
    (place.folder / "launcher.py").write_text(RUN)
    place.toy({"a": {}}, target="launcher:run")
    result = script(place, "job.toml", "--devices", "cpu")
    assert result.code == 2
    assert 'sweep.target "launcher:run"' in result.err
    assert "Rename" in result.err
    (place.folder / "launcher.py").write_text("def helper(): ...\n")
    (place.folder / "mine.py").write_text(f"from launcher import helper\n{NO_CLASS}")
    place.toy({"a": {}}, target="mine:run")
    result = script(place, "job.toml", "--devices", "cpu")
    assert result.code == 2
    assert "cannot import name 'helper' from 'launcher'" in result.err
    assert "Rename" in result.err
