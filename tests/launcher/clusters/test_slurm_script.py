"""The batch script, run by a real bash as slurmd runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from launcher.clusters.slurm_script import ARRAY, INDEX, BatchScript

SHOW = """
import json, os, sys
names = ("LAUNCHER_TICKET", "LAUNCHER_RESUBMIT", "PYTHONPATH", "A")
print(json.dumps({"argv": sys.argv[1:], "pid": os.getpid()} | {name: os.environ.get(name) for name in names}))
"""
NAMES = [
    "plain",
    "with space",
    'it\'s "quoted"',
    "dollar $HOME `id` $(id) !x",
    "naïve 日本語",
    "two\nlines",
    "tab\tand \x1b[31m",
    "back\\slash",
    "per%cent",
    "-dash",
    "@ARRAY",
    b"\xff\xfe latin".decode("utf-8", "surrogateescape"),
]


def run(script: BatchScript, *, index: int = 3, **environment: str) -> subprocess.CompletedProcess[bytes]:
    known = {"PATH": os.environ["PATH"], "SLURM_ARRAY_TASK_ID": str(index), "SLURM_ARRAY_JOB_ID": "17"}
    return subprocess.run(
        ["/bin/bash", "-s"], input=script.text().encode(), env=known | environment, capture_output=True, check=False
    )


def script(*, outcome: Path = Path("/out"), setup: Sequence[str] = (), **more: object) -> BatchScript:
    program = (sys.executable, "-c", SHOW)
    return BatchScript(outcome=outcome, batch="b1", setup=setup, program=program, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_path_arrives_as_it_is(name: str, tmp_path: Path) -> None:
    outcome = tmp_path / name
    successor = ["sbatch", f"--array={INDEX}", f"--dependency=afterany:{ARRAY}_{INDEX}", str(outcome)]
    done = run(script(outcome=outcome, successor=successor, offset=1000), LC_ALL="C")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["argv"] == [str(outcome), "b1", "1003"]
    assert json.loads(told["LAUNCHER_RESUBMIT"]) == ["sbatch", "--array=3", "--dependency=afterany:17_3", str(outcome)]
    assert told["LAUNCHER_TICKET"] == "b1:1003"


def test_the_process_of_the_script_becomes_the_program() -> None:
    """Slurm signals the batch process alone: it must be the supervisor."""
    process = subprocess.Popen(
        ["/bin/bash", "-s"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "SLURM_ARRAY_TASK_ID": "0"},
    )
    out, _ = process.communicate(script().text().encode())
    assert json.loads(out)["pid"] == process.pid


def test_what_setup_sets_is_there_and_its_own_failures_inside_do_not_count() -> None:
    setup = ["load() { false; export A=$1; }", "", "# a comment", "load yes", "if true; then", "  A=$A!", "fi"]
    done = run(script(setup=setup))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["A"] == "yes!"


@pytest.mark.parametrize("line", ["false", "no_such_module load 'it'", "echo told; (exit 3)", "source /no/such/file"])
def test_a_setup_line_that_fails_ends_the_job_and_is_told(line: str) -> None:
    done = run(script(setup=["true", line, "echo later"]))
    assert done.returncode == 1
    assert b"later" not in done.stdout
    assert line in done.stderr.decode()
    assert b"setup of the job file ended with code" in done.stderr


def test_pythonpath_of_the_user_comes_first_and_is_no_empty_entry() -> None:
    assert json.loads(run(script(), PYTHONPATH="/mine").stdout)["PYTHONPATH"].startswith("/mine:/")
    alone = json.loads(run(script()).stdout)["PYTHONPATH"]
    assert (Path(alone) / "launcher" / "clusters").is_dir()


def test_the_launchers_own_package_is_found_beside_a_launcher_py(tmp_path: Path) -> None:
    (tmp_path / "launcher.py").write_text("raise SystemExit('the wrong launcher')")
    text = BatchScript(outcome=tmp_path, batch="b1").text().replace("launcher.supervisor", "launcher.text")
    environment = {"PATH": os.environ["PATH"], "SLURM_ARRAY_TASK_ID": "0"}
    done = subprocess.run(["/bin/bash", "-c", text], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_a_time_limit_no_successor_is_named() -> None:
    assert json.loads(run(script(), LAUNCHER_RESUBMIT="of another job").stdout)["LAUNCHER_RESUBMIT"] is None
