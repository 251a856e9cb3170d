"""The Tab key in a folder of somebody else: nothing that is offered runs, in a real zsh and a real bash."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from launcher.cli.completion import experiments_of, job_files

ROOT = Path(__file__).parents[3]
EVIL = (
    'i\\"<(touch pwned1)\\"',
    "$(touch pwned2)",
    "`touch pwned3`",
    'x"; touch pwned4 #',
    "a(e:'touch pwned5':)",
    "*",
    "a b",
)
JOB = "\n".join(
    [
        '[sweep]\ntarget = "toy:train"\n[config]\nlr = 1\nmodel.width = 1',
        *(f"{name!r} = 1" if "'" not in name else f'"{name}" = 1' for name in EVIL),
        "[experiments]\nbaseline = {}\nlr_1e-3 = {}",
        *(f"{name!r} = {{}}" if "'" not in name else f'"{name}" = {{}}' for name in EVIL),
    ]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stranger's folder: a job with names that a shell would act on, and files with such names."""
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "sweep-launcher"
    script.write_text(f"#!{sys.executable}\nimport sys\nfrom launcher.cli.app import main\nsys.exit(main())\n")
    script.chmod(0o755)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "report.toml").write_text(JOB.replace("\\\\", "\\"))
    (tmp_path / "other.toml").write_text("[experiments]\nwide = {}\n")
    for name in EVIL:
        (tmp_path / f"o{name}.toml").write_text("")
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    hidden = {key: value for key, value in os.environ.items() if not key.startswith("LAUNCHER_")}
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return hidden | {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(folder), "TERM": "dumb"}


def pwned(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("pwned*") if path.is_file())


def test_F2_only_what_a_shell_takes_for_a_word_is_offered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert experiments_of(Path("jobs/report.toml")) == ["baseline", "lr_1e-3"]
    assert job_files("") == ["jobs/report.toml", "other.toml"]
    for name in EVIL:
        assert job_files(f"o{name}") == []
    os.mkfifo("pipe.toml")
    Path("loop.toml").symlink_to("loop.toml")
    assert experiments_of(Path("pipe.toml")) == experiments_of(Path("loop.toml")) == experiments_of(Path("jobs")) == []


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def wait_for(self, *texts: str, limit_s: float = 60.0) -> str:
        """Read until all of these have come, and return everything that came."""
        came = ""
        deadline_s = time.monotonic() + limit_s
        while not all(text in came for text in texts):
            ready, _, _ = select.select([self._fd], [], [], 0.5)
            came += os.read(self._fd, 65536).decode(errors="replace") if ready else ""
            assert time.monotonic() < deadline_s, f"{texts} did not come, but: {came!r}"
        return came


@contextmanager
def shell(words: list[str], folder: Path) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        words, cwd=folder, env=environment(folder), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        yield Terminal(ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_F2_the_tab_key_of_zsh_runs_nothing_out_of_a_strangers_folder(folder: Path) -> None:
    if (zsh := shutil.which("zsh")) is None:
        pytest.skip("there is no zsh")
    set_up = (
        "PS1='READY> '; autoload -Uz compinit; compinit -u -D; setopt no_list_beep auto_list no_menu_complete; "
        'eval "$(_SWEEP_LAUNCHER_COMPLETE=source_zsh sweep-launcher)"; echo SET"UP"\n'
    )
    with shell([zsh, "-f", "-i"], folder) as terminal:
        terminal.type(set_up)
        terminal.wait_for("SETUP", "READY> ")
        for typed, offered in (
            ("sweep-launcher run --only ", ("baseline", "lr_1e-3")),
            ("sweep-launcher run -S ", ("lr=", "model.width=")),
            ("sweep-launcher run o", ("other.toml",)),
        ):
            terminal.type(f"{typed}\t")
            terminal.wait_for(*offered)
            terminal.type("\x15\x0c")
            terminal.wait_for("READY> ")
    assert pwned(folder) == []


def test_F2_the_tab_key_of_bash_runs_nothing_either(folder: Path) -> None:
    if (bash := shutil.which("bash")) is None:
        pytest.skip("there is no bash")
    script = 'eval "$(_SWEEP_LAUNCHER_COMPLETE=source_bash sweep-launcher)"\n' + "".join(
        f'COMP_WORDS=({line} ""); COMP_CWORD={len(line.split())}; _sweep_launcher_completion sweep-launcher; '
        'printf "%s\\n" "${COMPREPLY[@]}"; echo ---\n'
        for line in ("sweep-launcher run --only", "sweep-launcher run -S")
    )
    done = subprocess.run(
        [bash, "--norc", "-c", script], capture_output=True, text=True, env=environment(folder), cwd=folder, check=True
    )
    found = [set(part.split("\n")) - {""} for part in re.split(r"---\n", done.stdout)]
    assert found[:2] == [{"baseline", "lr_1e-3"}, {"lr=", "model.width="}]
    assert pwned(folder) == []
