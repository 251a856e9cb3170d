"""What runs at the start of each Python of a command: hooks, the hidden sitecustomize, death with the launcher."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.command.hooks import SHIM
from tests.launcher.conftest import Workplace, wait_for
from tests.pythons import find

OLDER = list(filter(None, map(find, ("3.8", "3.12", "3.13"))))


Done = subprocess.CompletedProcess[str]


def python(code: str, folder: Path, program: str = sys.executable, **environment: str) -> Done:
    """Run some code in a folder with the shim on its path, in an environment without the launcher."""
    known = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([SHIM, str(folder)]), **environment}
    command = [program, "-c", code]
    return subprocess.run(command, env=known, cwd=folder, capture_output=True, text=True, timeout=60)


def write_library(folder: Path) -> None:
    """Write a package in the shape of wandb: `wandb.sdk.wandb_run` has the class whose calls are recorded."""
    (folder / "wandb" / "sdk").mkdir(parents=True)
    (folder / "wandb" / "__init__.py").write_text("from wandb.sdk.wandb_run import Run\n")
    (folder / "wandb" / "sdk" / "__init__.py").write_text("")
    (folder / "wandb" / "sdk" / "wandb_run.py").write_text(
        "class Run:\n    def log(self, data, step=None, commit=None):\n        print('theirs', data)\n"
    )


USE = "import wandb; run = wandb.Run(); run.log({'train/loss': 0.5, 'note': 'x'}); run.log({'loss': 0.25})"


@pytest.mark.parametrize("program", [sys.executable, *OLDER], ids=lambda path: Path(path).parents[1].name)
def test_a_hook_is_called_once_the_library_is_imported(tmp_path: Path, program: str) -> None:
    write_library(tmp_path)
    run = tmp_path / "run"
    done = python(USE, tmp_path, program, LAUNCHER_HOOKS="wandb", LAUNCHER_DIR=str(run), LAUNCHER_NAME="a")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["theirs {'train/loss': 0.5, 'note': 'x'}", "theirs {'loss': 0.25}"]
    lines = (run / ".launcher" / "run.jsonl").read_text().splitlines()
    assert lines == ['{"step": 0, "train_loss": 0.5}', '{"step": 1, "loss": 0.25}']


@pytest.mark.parametrize("preload", [[], ["wandb"]], ids=["imported by the script", "preloaded"])
def test_a_script_that_runs_inside_has_its_hooks_too(place: Workplace, preload: list[str]) -> None:
    write_library(place.folder)
    (place.folder / "train.py").write_text(USE)
    place.environment["PYTHONPATH"] = str(place.folder)
    rows = ['command = ["{python}", "train.py"]', "inside = true", 'hooks = ["wandb"]', f"preload = {preload}"]
    place.job("\n".join(["[sweep]", *rows, "metrics = []", "log = []", "check = false", "[experiments]", "a = {}"]))
    done = place.launch("job.toml")
    assert done.code == 0, done.err + place.log("a")
    assert dict(place.history("a").steps) == {0: {"train_loss": 0.5}, 1: {"loss": 0.25}}
    assert place.log("a").count("theirs") == 2


RESUMED = """import os, sys, wandb
run, kept = wandb.Run(), sys.argv[1]
first = int(open(kept).read()) if os.path.exists(kept) else 0
for number in range(first, 6):
    run.log({"loss": float(number)})
    if number == 3 and not first:  # the checkpoint is a step behind
        open(kept, "w").write("3")
        sys.exit(1)
"""


def test_calls_without_a_step_are_counted_on_where_a_script_goes_on(place: Workplace) -> None:
    write_library(place.folder)
    (place.folder / "train.py").write_text(RESUMED)
    place.environment["PYTHONPATH"] = str(place.folder)
    rows = ['command = ["{python}", "train.py", "{dir}/kept"]', 'hooks = ["wandb"]', 'resume = { if = "{dir}/kept" }']
    place.job("\n".join(["[sweep]", *rows, "metrics = []", "check = false", "[experiments]", "a = {}"]))
    assert place.launch("job.toml").code == 1
    done = place.launch("job.toml")
    assert done.code == 0, done.err + place.log("a")
    losses = [values["loss"] for values in place.history("a").steps.values()]
    assert losses == [0, 1, 2, 3, 3, 4, 5], "the steps of the first attempt are kept"
    assert place.launch("job.toml", "--fresh").code == 1
    assert list(place.history("a").steps) == [0, 1, 2, 3], "an attempt that begins anew counts from 0"


def test_what_is_set_in_a_summary_belongs_to_the_last_step(tmp_path: Path) -> None:
    write_library(tmp_path)
    (tmp_path / "wandb" / "sdk" / "wandb_summary.py").write_text(
        "class Summary:\n    def __setitem__(self, key, value):\n        self.update({key: value})\n\n"
        "    def update(self, values):\n        print('theirs', values)\n"
    )
    summary = "from wandb.sdk.wandb_summary import Summary\nsummary = Summary()\nsummary['test/acc'] = 0.75\n"
    code = f"{USE}\n{summary}summary.update({{'best': 3, 'note': 'x'}})"
    done = python(code, tmp_path, LAUNCHER_HOOKS="wandb", LAUNCHER_DIR=str(tmp_path), LAUNCHER_NAME="a")
    assert (done.returncode, done.stderr, done.stdout.count("theirs")) == (0, "", 4)
    lines = (tmp_path / ".launcher" / "run.jsonl").read_text().splitlines()
    assert lines[2:] == ['{"step": 1, "test_acc": 0.75}', '{"step": 1, "best": 3}']


def test_without_hooks_nothing_of_ours_is_there(tmp_path: Path) -> None:
    code = (
        "import sys; print(len(sys.meta_path), [entry for entry in sys.path if 'shim' in entry], "
        "[name for name in sys.modules if 'launcher' in name and not name.startswith('__editable__')])"
    )
    command = [sys.executable, "-c", "import sys; print(len(sys.meta_path))"]
    plain = subprocess.run(command, capture_output=True, text=True)
    done = python(code, tmp_path)
    assert done.stdout == f"{plain.stdout.strip()} [] []\n", "no finder, no folder on the path, no module"


def test_the_finder_leaves_when_it_has_nothing_to_wait_for(tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text("class Model:\n    def fit(self, callbacks=None): pass\n")
    code = "import sys; before = len(sys.meta_path); import keras; print(before - len(sys.meta_path), keras.__loader__)"
    done = python(code, tmp_path, LAUNCHER_HOOKS="keras", LAUNCHER_DIR=str(tmp_path), LAUNCHER_NAME="a")
    assert done.stdout.startswith("1 <_frozen_importlib_external.SourceFileLoader")


def test_a_hook_that_fails_is_told_in_a_line_and_the_script_goes_on(tmp_path: Path) -> None:
    (tmp_path / "transformers").mkdir()
    (tmp_path / "transformers" / "__init__.py").write_text("")
    (tmp_path / "transformers" / "trainer.py").write_text("NOTHING = 1\n")
    done = python("import transformers.trainer; print('trains')", tmp_path, LAUNCHER_HOOKS="transformers")
    assert (done.returncode, done.stdout) == (0, "trains\n")
    assert done.stderr.startswith("launcher: the hook 'transformers' does nothing here: ")
    assert len(done.stderr.splitlines()) == 1


def test_what_a_users_call_cannot_record_is_told_once_and_the_call_is_made(tmp_path: Path) -> None:
    write_library(tmp_path)
    (tmp_path / "file").write_text("in the way")
    code = USE.replace("run.log({'loss'", "run.log({'loss': 1}); run.log({'loss'")
    inside = {"LAUNCHER_DIR": str(tmp_path / "file"), "LAUNCHER_NAME": "a"}
    done = python(code, tmp_path, LAUNCHER_HOOKS="wandb", **inside)
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr.startswith("launcher: not all that wandb logs is recorded. NotADirectoryError")
    assert len(done.stderr.splitlines()) == 1


def test_the_sitecustomize_of_the_user_runs_too(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.theirs = __file__\n")
    done = python("import sitecustomize; print(theirs, sitecustomize.__file__)", tmp_path, LAUNCHER_HOOKS="wandb")
    mine = str(tmp_path / "sitecustomize.py")
    assert (done.stdout, done.stderr) == (f"{mine} {mine}\n", "")


def test_where_the_user_has_none_python_starts_as_ever(tmp_path: Path) -> None:
    done = python("import sitecustomize; print('starts')", tmp_path, LAUNCHER_HOOKS="wandb")
    assert (done.returncode, done.stdout, done.stderr) == (0, "starts\n", "")


WAITS = r"import os, sys, time; os.write(1, b'%d\n' % os.getpid()); time.sleep(600)"  # a line in one piece
FORKS = f"import os; os.fork() or os.setsid(); {WAITS}"


@pytest.mark.parametrize(("code", "num"), [(WAITS, 1), (FORKS, 2)], ids=["itself", "a child in a session of its own"])
def test_a_process_dies_when_the_last_writer_of_its_lifeline_ends(tmp_path: Path, code: str, num: int) -> None:
    fifo = tmp_path / "lifeline"
    os.mkfifo(fifo)
    held = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    known = os.environ | {"PYTHONPATH": SHIM, "LAUNCHER_LIFELINE": str(fifo)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=known, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        pids = [int(process.stdout.readline()) for _ in range(num)]
        assert process.poll() is None
        os.close(held)
        assert process.wait(timeout=20) == -signal.SIGKILL
        assert process.stdout.read() == ""
        wait_for(lambda: not any(Path(f"/proc/{pid}/environ").exists() for pid in pids))


def test_a_process_that_starts_after_the_launchers_death_dies_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lifeline")
    done = python("print('trains')", tmp_path, LAUNCHER_LIFELINE=str(tmp_path / "lifeline"))
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")


def test_where_the_lifeline_is_not_to_be_seen_the_script_runs(tmp_path: Path) -> None:
    done = python("print('trains')", tmp_path, LAUNCHER_LIFELINE=str(tmp_path / "nothing"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "trains\n", "")
