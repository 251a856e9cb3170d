"""The edges of the command line: what is chosen, overridden, said, asked of the environment, completed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from launcher.cli import app
from launcher.terminal import colour
from tests.launcher.conftest import TOYS, Workplace, copy_toy

ROOT = Path(__file__).parents[3]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command line in this process, in a folder with a job of experiments a and b; return code, out and err."""
    copy_toy(tmp_path)
    (tmp_path / "job.toml").write_text(
        '[sweep]\ntarget = "toy:train"\nmetrics = []\n[config]\nlr = 0.2\n[experiments]\na = {}\nb = { steps = 3 }\n'
    )
    monkeypatch.chdir(tmp_path)
    for variable in [one for one in os.environ if one.startswith("LAUNCHER_") or one in ("DEVICES", "NO_COLOR")]:
        monkeypatch.delenv(variable)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            app.main(arguments)
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    yield run
    colour.choose("auto")


def test_an_override_reaches_all_but_those_that_set_the_key_themselves(command: Any) -> None:
    code, out, _ = command("plan", "job.toml", "--json", "-S", "steps=2", "--set", "lr=1e-3")
    plan = json.loads(out)
    assert code == 0
    assert plan["set"] == {"steps": 2, "lr": 1e-3}
    assert [(one["config"]["steps"], one["config"]["lr"]) for one in plan["experiments"]] == [(2, 1e-3), (3, 1e-3)]
    assert plan["notices"][-1] == "-S steps=2 is not for b: sets it itself."
    before = json.loads(command("plan", "job.toml", "--json")[1])
    assert [one["digest"] for one in before["experiments"]] != [one["digest"] for one in plan["experiments"]]


def test_environment_job_file_and_option_say_how_to_run_the_last_word_having_the_option(
    command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_parallel(*options: str) -> bool:
        return bool(json.loads(command("plan", "--json", *options)[1])["parallel"])

    monkeypatch.setenv("LAUNCHER_JOB", "job.toml")
    assert not is_parallel()
    text = Path("job.toml").read_text()
    Path("job.toml").write_text(text.replace("metrics", "parallel = true\nmetrics"))
    assert is_parallel()
    monkeypatch.setenv("LAUNCHER_PARALLEL", "0")
    assert not is_parallel()
    assert is_parallel("--parallel")
    monkeypatch.setenv("LAUNCHER_PARALLEL", "1")
    assert not is_parallel("--sequential")


def test_color_is_an_option_a_variable_and_off_where_it_is_not_wanted(
    command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("plan", "no.toml")[2].startswith("error: ")
    assert command("plan", "no.toml", "--color", "always")[2].startswith("\x1b[31merror: ")
    monkeypatch.setenv("LAUNCHER_COLOR", "always")
    assert command("plan", "no.toml")[2].startswith("\x1b[31merror: ")
    assert command("plan", "no.toml", "--color", "never")[2].startswith("error: ")


@pytest.mark.slow
def test_only_these_run_and_the_others_stay_as_they_are(place: Workplace) -> None:
    place.toy({"a": {}, "b": {}, "c": {"act": "raise"}}, metrics=["loss"])
    result = place.launch("job.toml", "--skip", "c", "-q")
    assert result.code == 0, "the exit code speaks of those selected"
    assert "started on" not in result.err
    assert "2 done." in result.err
    assert not place.paths.records("c").exists()
    assert "\nc  " in result.out, "the table speaks of the whole sweep"
    digests = [one["digest"] for one in json.loads(place.paths.sweep.read_text())["experiments"]]
    result = place.launch("job.toml", "--only", "b", "-S", "lr=0.3", "-v", "--json")
    assert result.code == 0
    assert "lr = 0.3" in result.err
    assert "digest" in result.err
    document = json.loads(result.out)
    assert {name: one["ending"] for name, one in document["endings"].items()} == {"b": "done"}
    assert document["best"]["loss"]["experiment"] == "b"
    again = [one["digest"] for one in json.loads(place.paths.sweep.read_text())["experiments"]]
    assert [was == now for was, now in zip(digests, again, strict=True)] == [True, False, True]
    rows = json.loads(place.launch("report", "job.toml", "--json").out)["results"]
    assert [(row["experiment"], row["ending"]) for row in rows] == [("a", "done"), ("b", "done"), ("c", "")]
    verdicts = json.loads(place.launch("verify", "a", "--job", "job.toml", "--devices", "cpu", "--json").out)[
        "verdicts"
    ]
    assert verdicts == [{"experiment": "a", "num_compared": 5, "difference": ""}]


def test_plan_imports_nothing_that_only_a_launch_needs(place: Workplace) -> None:
    job = place.toy({"a": {}})
    late = {"torch", "pandas", "matplotlib", "numpy", "rich", "pydantic", "multiprocessing.forkserver", "pynvml"}
    code = (
        f"import sys\nfrom launcher.cli.app import main\ntry:\n    main(['plan', {str(job)!r}])\n"
        "except SystemExit as end:\n    assert not end.code\n"
        f"early = {late} & sys.modules.keys()\nassert not early, early\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=TOYS)
    assert done.returncode == 0, done.stderr


def test_the_version_names_what_matters_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom launcher.cli.app import main\ntry:\n    main(['--version'])\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'pandas', 'matplotlib', 'numpy', 'pydantic'} & sys.modules.keys()\nassert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    names = [line.rpartition(" ")[0] for line in done.stdout.splitlines()]
    assert "torch 2." in done.stdout
    assert {"sweep-launcher", "Python", "NVIDIA driver", "pandas", "matplotlib"} <= set(names), names
