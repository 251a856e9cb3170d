"""When fork server or driver of Ray start: before the imports of a launch, as the job says, and for nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from launcher.planning.defaults import PRELOAD
from tests.launcher.conftest import Workplace

JOB = '[sweep]\ntarget = "toy:train"\n[experiments]\na = {}\n'
ASK = """
import sys
from launcher.cli import early_start
started = []
early_start.forkserver.start = started.append
early_start.start_early(sys.argv[1:])
print([list(modules) for modules in started])
"""


def early(place: Workplace, *arguments: str) -> str:
    """Return which modules the server would be started with: a list of one list, or of none."""
    command = [sys.executable, "-c", ASK, *arguments]
    return subprocess.run(command, cwd=place.folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("arguments", [("job.toml",), ("run", "job.toml"), ("--parallel", "job.toml"), ("-q",), ()])
def test_a_launch_starts_the_server_before_its_imports(place: Workplace, arguments: tuple[str, ...]) -> None:
    place.job(JOB)
    (place.folder / "jobs").mkdir()
    place.job(JOB, "jobs/report.toml")
    assert early(place, *arguments) == str([list(PRELOAD)])


def test_the_job_says_what_the_server_imports(place: Workplace) -> None:
    place.job(JOB.replace("[experiments]", 'preload = ["json"]\n[experiments]'))
    assert early(place, "job.toml", "--parallel") == "[['json']]"


@pytest.mark.parametrize(
    "arguments",
    [("plan", "job.toml"), ("status",), ("report", "job.toml"), ("--help",), ("job.toml", "--dry-run"),
     ("job.toml", "--start-method", "spawn"), ("absent.toml",), ("wrong.toml",), ("odd.toml",), (),
     ("--show-completion",), ("run", "job"), ("run", "jobs/x", "job.toml")],
)  # fmt: skip
def test_nothing_else_starts_it(place: Workplace, arguments: tuple[str, ...]) -> None:
    place.job(JOB)
    place.job("[sweep", "wrong.toml")
    place.job(JOB.replace("[experiments]", "preload = 3\n[experiments]"), "odd.toml")
    assert early(place, *arguments) == "[]"


@pytest.mark.parametrize(
    ("variable", "value"), [("LAUNCHER_START_METHOD", "spawn"), ("_SWEEP_LAUNCHER_COMPLETE", "complete_bash")]
)
def test_nor_does_an_environment_that_says_so(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    place.job(JOB)
    monkeypatch.setenv(variable, value)
    assert early(place, "job.toml") == "[]"


def test_the_job_may_come_from_the_environment_and_an_override_is_none(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.job(JOB.replace("[experiments]", 'preload = ["json"]\n[experiments]'), "mine.toml")
    place.job(JOB, "other.toml")
    monkeypatch.setenv("LAUNCHER_JOB", "mine.toml")
    assert early(place, "--parallel") == "[['json']]"
    assert early(place, "-S", "data=other.toml", "mine.toml") == "[['json']]"


@pytest.mark.parametrize(
    ("arguments", "job"),
    [
        (("job.toml", "--on", "ray"), JOB),
        (("job.toml", "--on=ray"), JOB),
        (("run", "job.toml"), JOB + '[cluster]\non = "ray"\n'),
        (("job.toml", "--on", "slurm"), JOB + '[cluster]\non = "ray"\n'),
        (("plan", "job.toml", "--on", "ray"), JOB),
    ],
    ids=["on ray", "on=ray", "table", "slurm", "plan"],
)
def test_a_launch_on_ray_starts_rays_driver_and_no_server(
    place: Workplace, arguments: tuple[str, ...], job: str
) -> None:
    place.job(job)
    code = (
        "import sys\nfrom launcher.cli import early_start\nfrom launcher.clusters import ray_start\n"
        "started = []\nearly_start.forkserver.start = started.append\n"
        "early_start.start_early(sys.argv[1:])\n"
        "drivers = [driver.child.process for _, driver in ray_start._idle]\n"
        "early_start.end()\n"
        "print(len(started), len(drivers), [driver.poll() for driver in drivers])\n"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=place.folder, capture_output=True, text=True, check=True)
    is_on_ray = "slurm" not in arguments and "plan" not in arguments
    assert done.stdout.strip() == ("0 1 [-9]" if is_on_ray else "0 0 []"), "it is ended if nobody takes it"


def test_nothing_but_the_standard_library_is_imported_before_the_server_starts() -> None:
    code = (
        "import sys\nfrom launcher.cli import early_start\n"
        "print({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names)\n"
        "print(sorted(name for name in sys.modules if name.startswith('launcher.')))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    others, ours = done.stdout.splitlines()
    installed = {name for name in ast.literal_eval(others) if name.startswith(("__editable__", "_distutils_hack"))}
    assert set(ast.literal_eval(others)) - {"__main__"} - installed == {"launcher"}
    assert ast.literal_eval(ours) == [
        "launcher.child_process",
        "launcher.cli",
        "launcher.cli.early_start",
        "launcher.executors",
        "launcher.executors.forkserver",
        "launcher.planning",
        "launcher.planning.defaults",
    ]
