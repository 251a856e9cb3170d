"""The Makefile with Pythons that only note what they are asked to do, and venv.sh with Pythons of any version."""

from __future__ import annotations

import ast
import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from launcher import interpreter
from minigpt import interpreter as minigpt_interpreter
from tests import pythons

ROOT = Path(__file__).parent.parent
FAKE = """#!/bin/sh
# A Python of version {version}: makes environments of itself, and tells {told} what it was asked to run.
case "$1 $2" in
"-m venv")
    shift 2
    if [ "$1" = --clear ]; then shift; rm -rf "$1"; fi
    mkdir -p "$1/bin"
    echo made > "$1/pyvenv.cfg"
    cp "$0" "$1/bin/python"
    ;;
"-m "*) echo "$*" >> {told} ;;
*) exec {real} -S -c 'import sys; sys.version_info = {version}; exec(sys.argv[1])' "$2" ;;
esac
"""


def fake(path: Path, version: tuple[int, int, int]) -> Path:
    path.write_text(FAKE.format(version=version, told=path.parent / "told", real=sys.executable))
    path.chmod(0o755)
    return path


def make(folder: Path, *words: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run make in a folder that has the Makefile, and return what its Python was asked to run."""
    shutil.copy(ROOT / "Makefile", folder)
    python = fake(folder / "fake", (3, 11, 0))
    told = folder / "told"
    told.unlink(missing_ok=True)
    hidden = ("MAKEFLAGS", "JOB", "DEVICES", "NAME")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    command = ["make", "--no-print-directory", f"PYTHON={python}", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    return done, told.read_text().splitlines() if told.exists() else []


def test_E1_a_sweep_makes_the_text_only_where_there_is_nothing_to_train_on(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    primary, fallback = tmp_path / "data" / "tokenized_data.pt", tmp_path / "data" / "sample_dataset.pt"
    text, sweep = "-m minigpt.data --out data", "-m launcher run jobs/report.toml --parallel"
    assert make(tmp_path, "sweep")[1] == [text, sweep]
    fallback.touch()
    assert make(tmp_path, "sweep")[1] == [sweep]
    assert make(tmp_path, "data")[1] == [f"{text} --force"]  # asked for by name
    primary.touch()
    assert make(tmp_path, "sweep")[1] == [sweep]
    kept, asked = make(tmp_path, "data")
    assert (kept.returncode, asked) == (0, [])
    assert "data/tokenized_data.pt is there and is kept" in kept.stdout
    fallback.unlink()
    primary.unlink()
    primary.symlink_to("gone.pt")  # a mistake of the user's, which the launcher tells
    assert make(tmp_path, "sweep")[1] == [sweep]
    assert make(tmp_path, "data")[1] == []


def test_E1_a_sweep_of_a_job_with_data_of_its_own_makes_no_text(tmp_path: Path) -> None:
    job = tmp_path / "own.toml"
    job.write_text('[config]\n  data_dir = "elsewhere"\n')
    assert make(tmp_path, "sweep", "JOB=own.toml")[1] == ["-m launcher run own.toml --parallel"]
    job.write_text("[config]\n# data_dir\n")
    assert len(make(tmp_path, "sweep", "JOB=own.toml")[1]) == 2


def venv(folder: Path, *programs: Path | str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(ROOT / "venv.sh"), str(folder), *map(str, programs)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_D9_an_environment_of_an_old_python_is_made_anew_and_one_that_works_is_kept(tmp_path: Path) -> None:
    old, shim, new = fake(tmp_path / "old", (3, 9, 18)), tmp_path / "python3.13", fake(tmp_path / "new", (3, 12, 1))
    shim.write_text("#!/bin/sh\necho pyenv: python3.13: command not found >&2\nexit 127\n")
    shim.chmod(0o755)
    folder = tmp_path / "env"
    subprocess.run([str(old), "-m", "venv", str(folder)], check=True)
    (folder / "left").touch()
    made = venv(folder, old, shim, new)
    assert (made.returncode, made.stderr) == (
        0,
        f"{folder} is of Python 3.9.18, too old: made anew with {new} (3.12.1)\n",
    )
    assert not (folder / "left").exists()
    (folder / "left").touch()
    assert (venv(folder, old).returncode, (folder / "left").exists()) == (0, True)  # whatever the choice is now
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to("/gone/python3")
    made = venv(folder, new)
    assert (made.returncode, "as its Python is gone" in made.stderr, (folder / "left").exists()) == (0, True, False)


def test_D9_where_no_python_fits_it_is_said_and_nothing_is_changed(tmp_path: Path) -> None:
    old, new = fake(tmp_path / "old", (3, 10, 13)), fake(tmp_path / "new", (3, 13, 0))
    folder = tmp_path / "env"
    subprocess.run([str(old), "-m", "venv", str(folder)], check=True)
    refused = venv(folder, old, "python3.77")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: Python 3.11 to 3.14 is needed, and none of ")
    assert f"fits: {old} is 3.10.13." in refused.stderr
    assert (folder / "pyvenv.cfg").exists()
    (folder / "pyvenv.cfg").unlink()  # now it is some folder of the user's
    refused = venv(folder, new)
    assert (refused.returncode, (folder / "bin").exists()) == (2, True)
    assert "is no virtual environment that works: move it away" in refused.stderr


def test_G_the_first_supported_python_that_can_make_environments_is_chosen(tmp_path: Path) -> None:
    without = fake(tmp_path / "without", (3, 13, 0))
    without.write_text(
        without.read_text().replace("exec(sys.argv[1])", 'sys.modules["venv"] = None; exec(sys.argv[1])')
    )
    refused = venv(tmp_path / "env", without)
    assert "has no venv (Debian: apt-get install without-venv)" in refused.stderr
    assert venv(tmp_path / "env", without, fake(tmp_path / "new", (3, 11, 2))).returncode == 0
    assert "(3, 11, 2)" in (tmp_path / "env" / "bin" / "python").read_text()


def python(*words: str, version: tuple[int, int, int] | None = None, lacks: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run `python WORDS` as a Python of another version would, or as one without some packages."""
    change = f"sys.version_info = {version}; " if version else ""
    change += (
        f"lacking = {lacks}; find = u.find_spec; u.find_spec = lambda n, *a: None if n in lacking else find(n, *a); "
    )
    run = "runpy.run_module(sys.argv[2], run_name='__main__', alter_sys=True)"
    if words[0] != "-m":
        run, words = "runpy.run_path(sys.argv[2], run_name='__main__')", ("", *words)
    code = f"import importlib.util as u, runpy, sys; {change}sys.argv[0] = sys.argv[1]; {run}"
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


COMMANDS = [("-m", "launcher"), ("-m", "minigpt.train"), ("-m", "minigpt.data"), ("jobs/run_experiments.py",)]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_G_an_old_python_is_told_which_are_supported_and_what_to_type(words: tuple[str, ...]) -> None:
    code, told = python(*words, version=(3, 9, 18))
    first, advice = told.split("\n", 1)
    assert (code, first) == (2, f"error: Python 3.11 or newer is needed, and {sys.executable} is 3.9.18.")
    assert advice.startswith(("  Everything is installed in ", "  Type `"))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_D_a_python_without_our_packages_is_told_what_to_type(words: tuple[str, ...]) -> None:
    code, told = python(*words, lacks=("typer", "numpy"))
    assert code == 2
    assert "lacks numpy, typer.\n" in told
    assert "Traceback" not in told


def test_D_the_packages_that_are_looked_for_are_those_that_are_installed() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    lines = settings["options"]["install_requires"].split("\n")
    required = {line.split(">")[0].split("=")[0] for line in lines if line and not line.startswith("#")}
    assert {*interpreter.PACKAGES.values(), *minigpt_interpreter.PACKAGES.values()} == required


@pytest.mark.parametrize("name", ["launcher/__init__.py", "launcher/__main__.py", "launcher/interpreter.py"])
@pytest.mark.parametrize("version", [(3, 7), (3, 9)])
def test_G_an_old_python_can_read_as_far_as_the_message(name: str, version: tuple[int, int]) -> None:
    ast.parse((ROOT / name).read_text(), feature_version=version)
    ast.parse(
        (ROOT / name.replace("launcher", "minigpt").replace("__main__", "__init__")).read_text(),
        feature_version=version,
    )


def test_G_ci_tries_the_other_pythons_on_files_that_are_there() -> None:
    assert [name for name in pythons.WITHOUT_TORCH if not (ROOT / name).is_file()] == []
    assert "make pythons ARGS=--without-torch" in (ROOT / ".ci" / "run").read_text()
    assert not [line for line in pythons.requirements() if line.startswith("torch")]


def test_G_the_supported_versions_are_the_same_everywhere() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    classifiers = settings["metadata"]["classifiers"]
    assert tuple(line.split(" :: ")[-1] for line in classifiers.split("\n") if "Python ::" in line) == pythons.VERSIONS
    oldest = ".".join(map(str, interpreter.OLDEST))
    assert interpreter.OLDEST == minigpt_interpreter.OLDEST
    assert (pythons.VERSIONS[0], settings["options"]["python_requires"]) == (oldest, f">={oldest}")
    assert f"Python {oldest} to {pythons.VERSIONS[-1]}" in (ROOT / "README.md").read_text()
    assert f"Python {oldest} to {pythons.VERSIONS[-1]}" in (ROOT / "venv.sh").read_text()
    chosen = (ROOT / "venv.sh").read_text().split("set -- ", 1)[1].split("\n")[0].split()
    assert {f"python{version}" for version in pythons.VERSIONS} == {*chosen} - {"python3", "python"}
